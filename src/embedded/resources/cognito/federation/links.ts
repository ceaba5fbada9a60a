/** Which user of the pool's own is linked to somebody at an identity provider. */
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import type { UserRecord } from '../users.ts';

/** An entry of a user's attribute `identities`. */
export interface Identity {
  userId: string;
  providerName: string;
  providerType: string;
  issuer: string | null;
  /** False for a link, true for the one whom the user was made for. */
  primary: boolean;
  /** Milliseconds. */
  dateCreated: number;
}

export const identitiesOf = ({ attributes }: UserRecord): Identity[] =>
  JSON.parse(attributes['identities'] ?? '[]') as Identity[];

export function linkedUser(
  parts: Parts,
  pool: PoolRecord,
  providerName: string,
  userId: string,
): UserRecord | undefined {
  const users = parts.users(pool);
  for (const key of users.keys()) {
    const user = users.byKey(key);
    const linked =
      user &&
      identitiesOf(user).some(
        (each) => !each.primary && each.providerName === providerName && each.userId === userId,
      );
    if (linked) return user;
  }
  return undefined;
}
