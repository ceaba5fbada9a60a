/** Time-based one-time passwords (RFC 6238) as authenticator apps make them: SHA-1, 30 s, six digits. */
import { createHmac, randomBytes } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const stepMs = 30_000;

/** 32 bytes in base32, as Cognito's SecretCode. */
export const totpSecret = (): string => [...randomBytes(52)].map((byte) => alphabet[byte & 31]).join('');

/** The code of `step` steps after the one that `now` (milliseconds) falls in. */
export function totpCode(secret: string, now: number, step = 0): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / stepMs) + step));
  const digest = createHmac('sha1', decode(secret)).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** The step (since the epoch) that a code is of; the one before and the one after the present count too. */
export function totpStep(secret: string, code: string, now: number): number | undefined {
  const step = [0, -1, 1].find((each) => totpCode(secret, now, each) === code);
  return step === undefined ? undefined : Math.floor(now / stepMs) + step;
}

function decode(base32: string): Buffer {
  let bits = '';
  for (const letter of base32) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
