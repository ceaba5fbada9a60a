/** Slows down guessing: after five failures in a row each further one locks the account, for 1 s, 2 s, … up to 15 min. */
import type { Clock } from '../../platform.ts';
import { notAuthorized } from './errors.ts';

const free = 5;
const maxLockMs = 15 * 60_000;
/** Failures this long ago are forgotten. */
const memoryMs = 15 * 60_000;

export class Attempts {
  private readonly clock: Clock;
  private readonly failures = new Map<string, { count: number; at: number; until: number }>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Runs a check that throws when it fails. Throws AwsError NotAuthorizedException without running it while locked. */
  async counted(key: string, check: () => Promise<void>): Promise<void> {
    const now = this.clock.now();
    const known = this.failures.get(key);
    if (known && known.until > now) throw notAuthorized('Password attempts exceeded');
    try {
      await check();
    } catch (error) {
      const count = (this.failures.get(key)?.count ?? 0) + 1;
      const lock = count < free ? 0 : Math.min(maxLockMs, 1000 * 2 ** (count - free));
      this.failures.set(key, { count, at: now, until: now + lock });
      this.forget(now);
      throw error;
    }
    this.failures.delete(key);
  }

  private forget(now: number): void {
    for (const [key, { at, until }] of this.failures) {
      if (at + memoryMs > now || until > now) break;
      this.failures.delete(key);
    }
  }
}
