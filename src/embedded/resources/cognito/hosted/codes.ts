/** Authorization codes: each is good once, for five minutes (developer guide, "The token issuer endpoint"). */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../platform.ts';
import type { AppRequest } from './app-request.ts';

export interface CodeContent {
  pool: string;
  sub: string;
  /** Milliseconds. */
  signedIn: number;
  request: AppRequest;
}

const lifetimeMs = 5 * 60_000;
/** More than these wait for no honest app; the oldest go. */
const maxWaiting = 10_000;

export class Codes {
  private readonly clock: Clock;
  /** Oldest first. */
  private readonly waiting = new Map<string, { until: number; content: CodeContent }>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  issue(content: CodeContent): string {
    const now = this.clock.now();
    for (const [code, { until }] of this.waiting) {
      if (until > now && this.waiting.size < maxWaiting) break;
      this.waiting.delete(code);
    }
    const code = randomUUID();
    this.waiting.set(code, { until: now + lifetimeMs, content });
    return code;
  }

  /** Takes the code away, whatever comes of it. Undefined for one that is unknown, used or too old. */
  redeem(code: string): CodeContent | undefined {
    const entry = this.waiting.get(code);
    this.waiting.delete(code);
    return entry && entry.until > this.clock.now() ? entry.content : undefined;
  }
}
