/** Passwords: the pool's policy, temporary ones, and how they are kept. */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';
import type { PasswordPolicyType } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError } from '../../platform.ts';

export type PasswordPolicy = Required<
  Pick<
    PasswordPolicyType,
    | 'MinimumLength'
    | 'RequireUppercase'
    | 'RequireLowercase'
    | 'RequireNumbers'
    | 'RequireSymbols'
    | 'TemporaryPasswordValidityDays'
  >
> & { [Member in 'MinimumLength' | 'TemporaryPasswordValidityDays']: number };

/** A password's scrypt hash; the cost is kept with it. */
export interface PasswordHash {
  /** base64 */
  salt: string;
  hash: string;
  cost: number;
}

/** Memory 16 MB; a temporary password is in the outbox anyway, and thousands of users may be invited. */
const costs = { permanent: 2 ** 14, temporary: 2 ** 12 };

const kinds = {
  RequireLowercase: { letters: 'abcdefghijkmnpqrstuvwxyz', pattern: /[a-z]/, name: 'lowercase' },
  RequireUppercase: { letters: 'ABCDEFGHJKLMNPQRSTUVWXYZ', pattern: /[A-Z]/, name: 'uppercase' },
  RequireNumbers: { letters: '23456789', pattern: /[0-9]/, name: 'numeric' },
  // Those of Cognito's that need no quoting in a shell or a mail.
  RequireSymbols: { letters: '@%_+=.:-', pattern: /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/, name: 'symbol' },
} as const;
const required = Object.keys(kinds) as (keyof typeof kinds)[];

/** Cognito's defaults where the pool says nothing. */
export const passwordPolicy = (given: PasswordPolicyType | undefined): PasswordPolicy => ({
  MinimumLength: given?.MinimumLength ?? 8,
  RequireUppercase: given ? (given.RequireUppercase ?? false) : true,
  RequireLowercase: given ? (given.RequireLowercase ?? false) : true,
  RequireNumbers: given ? (given.RequireNumbers ?? false) : true,
  RequireSymbols: given ? (given.RequireSymbols ?? false) : true,
  // Cognito takes 0 for its default.
  TemporaryPasswordValidityDays: given?.TemporaryPasswordValidityDays || 7,
});

/** Throws AwsError InvalidPasswordException, which names what is missing. */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  const fail = (what: string): never => {
    throw new AwsError('InvalidPasswordException', `Password did not conform with policy: ${what}`);
  };
  if (password.length < policy.MinimumLength) fail('Password not long enough');
  if (password.length > 256) fail('Password too long');
  for (const kind of required) {
    if (policy[kind] && !kinds[kind].pattern.test(password))
      fail(`Password must have ${kinds[kind].name} characters`);
  }
}

/** A password that fits every policy of that length. */
export function temporaryPassword(policy: PasswordPolicy): string {
  const pick = (letters: string): string => letters[randomInt(letters.length)] ?? '';
  const characters = required.map((kind) => pick(kinds[kind].letters));
  const plain =
    kinds.RequireLowercase.letters + kinds.RequireUppercase.letters + kinds.RequireNumbers.letters;
  while (characters.length < Math.max(policy.MinimumLength, 12)) characters.push(pick(plain));
  for (let index = characters.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [characters[index], characters[other]] = [characters[other] ?? '', characters[index] ?? ''];
  }
  // A leading sign would be taken for an option on a command line.
  const first = characters.findIndex((character) => /[A-Za-z]/.test(character));
  [characters[0], characters[first]] = [characters[first] ?? '', characters[0] ?? ''];
  return characters.join('');
}

export async function hashPassword(password: string, kind: keyof typeof costs): Promise<PasswordHash> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, costs[kind]);
  return { salt: salt.toString('base64'), hash: hash.toString('base64'), cost: costs[kind] };
}

export async function passwordFits(password: string, kept: PasswordHash): Promise<boolean> {
  const hash = await derive(password, Buffer.from(kept.salt, 'base64'), kept.cost);
  return timingSafeEqual(hash, Buffer.from(kept.hash, 'base64'));
}

const derive = (password: string, salt: Buffer, cost: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, 32, { N: cost, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
