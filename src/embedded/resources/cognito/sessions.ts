/** The sessions that tie the steps of a sign-in together. */
import { randomUUID } from 'node:crypto';
import type { ChallengeNameType } from '@aws-sdk/client-cognito-identity-provider';
import type { Clock } from '../../platform.ts';
import type { ClientRecord } from './clients.ts';
import { invalidSession, notAuthorized } from './errors.ts';
import type { Sealer } from './seal.ts';

/** What a session carries between challenges. */
export interface SessionContent {
  type: 'session';
  id: string;
  pool: string;
  client: string;
  sub: string;
  challenge: ChallengeNameType;
  /** Milliseconds */
  until: number;
  /** While an authenticator app is set up: its secret, and whether a code of it was seen. */
  totp?: { secret: string; verified: boolean } | undefined;
}

export class Sessions {
  private readonly clock: Clock;
  private readonly sealer: Sealer;
  /** Those that were used, until they would have expired. */
  private readonly used = new Map<string, number>();

  constructor(clock: Clock, sealer: Sealer) {
    this.clock = clock;
    this.sealer = sealer;
  }

  /** What a session holds. Throws AwsError NotAuthorizedException for one that is not of this client, used or too old. */
  open(
    client: ClientRecord | undefined,
    challenge: ChallengeNameType,
    session: string | undefined,
  ): SessionContent {
    const content = this.sealer.open<SessionContent>(Buffer.from(session ?? '', 'base64url'));
    if (
      content?.type !== 'session' ||
      content.challenge !== challenge ||
      (client && content.client !== client.id) ||
      this.used.has(content.id)
    ) {
      throw invalidSession();
    }
    if (content.until <= this.clock.now()) {
      throw notAuthorized('Invalid session for the user, session is expired.');
    }
    return content;
  }

  /** What the client gets and gives back with its answer. */
  make(content: Omit<SessionContent, 'type' | 'id'>): string {
    const complete: SessionContent = { ...content, type: 'session', id: randomUUID() };
    return this.sealer.seal(complete).toString('base64url');
  }

  /** A session counts once. */
  use(content: SessionContent): void {
    const now = this.clock.now();
    for (const [id, until] of this.used) if (until <= now) this.used.delete(id);
    this.used.set(content.id, content.until);
  }
}
