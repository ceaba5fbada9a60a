import type { Act } from '../audit/audited.ts';
import type { Account, AccountPage, Accounts } from './accounts.ts';

/** Whose users: a tenant's, or the control plane's operators. What may be done with them is the same for both. */
export interface Directory {
  readonly accounts: Accounts;
  /** In an error: `tenant "acme"`, `the control plane`. */
  readonly owner: string;
  /** What the command line names it by: `--tenant acme`, `--operators`. */
  readonly flags: string;
  /** The first is the administrators'. */
  readonly roles: readonly [string, ...string[]];
  /** For how long a token that was given before may still be taken, in seconds. */
  readonly tokenSeconds: number;
  /** Why nothing may be changed now, thrown. */
  checkChangeable(): void;
  /** Does what changes a user, and has it in the audit. */
  change<T>(what: string, parameters: Act['parameters'], work: (act: Act) => Promise<T>): Promise<T>;
  /** By address or username; somebody else's user is nobody here. */
  find(reference: string): Promise<Account | undefined>;
  /** One page, at most `limit` of Cognito's accounts; of those only the owner's. */
  page(limit: number, nextToken: string | undefined): Promise<AccountPage>;
  /** Invites a new user by mail. Throws `user_exists`, saying no more, for the address of somebody else's. */
  invite(user: { email: string; role: string }): Promise<void>;
  /** Makes sure that {@link page} shows a user who is there. */
  join(account: Account): Promise<void>;
  /** Invites one anew who has not signed in yet. */
  inviteAgain(account: Account): Promise<void>;
}
