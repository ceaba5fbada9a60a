/** An authenticator app: time-based one-time passwords as Cognito takes them (RFC 6238: SHA-1, 30 seconds, six digits). */
import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const stepMs = 30_000;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The bytes of a base32 text (RFC 4648); whatever isn't of its alphabet, padding and spaces among it, is passed over. */
function fromBase32(text: string): Buffer {
  const bits = [...text.toUpperCase()]
    .map((letter) => alphabet.indexOf(letter))
    .filter((value) => value >= 0)
    .map((value) => value.toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The code of a moment, in milliseconds since the epoch, for a secret in base32. */
export function totp(secret: string, now: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / stepMs)));
  const digest = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  // Dynamic truncation (RFC 4226, section 5.3).
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/** What a user pool asks a user for besides his password. */
export interface SecondFactor {
  /** A code that was not given before: Cognito takes each one once. */
  code(): Promise<string>;
  /** Takes the secret of a new authenticator, in base32; {@link code} is of that one from then on. */
  enrol(secret: string): Promise<void>;
}

export interface AuthenticatorState {
  secret: string;
  /** The step, of 30 seconds since the epoch, of the last code given. */
  given: number;
}

/** An authenticator that a program holds. Its codes may be waited for, up to 30 seconds, since each is good once. */
export class Authenticator implements SecondFactor {
  #state: AuthenticatorState | undefined;
  constructor(state?: AuthenticatorState) {
    this.#state = state;
  }

  get state(): AuthenticatorState {
    if (this.#state) return this.#state;
    throw new Error('the authenticator has no secret');
  }

  async enrol(secret: string): Promise<void> {
    this.#state = { secret, given: 0 };
  }

  async code(): Promise<string> {
    const { secret, given } = this.state;
    const step = Math.max(Math.floor(Date.now() / stepMs), given + 1);
    this.#state = { secret, given: step };
    const wait = step * stepMs - Date.now();
    if (wait > 0) await delay(wait);
    return totp(secret, step * stepMs);
  }
}
