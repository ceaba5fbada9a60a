/** What an operator does with users. Every change may be run again, after whatever interrupted it. */
import { ExitCode, SaasError } from '../../model/error.ts';
import type { Act } from '../audit/audited.ts';
import { checkEmail } from '../tenants/email.ts';
import { type Account, invited } from './accounts.ts';
import type { Directory } from './directory.ts';

/** A user as commands show it; the JSON shape is part of the CLI's contract. */
export type User = Omit<Account, 'tenantId'>;

/** A user who lost what he could do before. His refresh tokens are revoked. */
export interface LockedOut extends User {
  /** The tokens that he has are refused after so many seconds at most. */
  tokensEndWithinSeconds: number;
}

const toUser = ({ tenantId: _, ...user }: Account): User => user;

/** In the order of Cognito. With a limit, `nextToken` is where the next page begins, or null at the end. */
export async function listUsers(
  directory: Directory,
  request: { limit?: number; nextToken?: string } = {},
): Promise<{ users: User[]; nextToken: string | null }> {
  const { limit = Number.POSITIVE_INFINITY } = request;
  const users: User[] = [];
  let nextToken = request.nextToken;
  do {
    const page = await directory.page(limit - users.length, nextToken);
    users.push(...page.accounts.map(toUser));
    nextToken = page.nextToken;
  } while (nextToken && users.length < limit);
  return { users, nextToken: nextToken || null };
}

/**
 * Invites a user by mail. One who is there in that role is left as he is, with `created: false`. Throws `bad_email`,
 * `bad_role`, `user_exists` (also for the address of another tenant's user).
 */
export async function addUser(
  directory: Directory,
  { email, role }: { email: string; role: string },
): Promise<User & { created: boolean }> {
  return directory.change('add', { role }, async (act) => {
    checkEmail(email);
    checkRole(directory, role);
    directory.checkChangeable();
    const address = email.toLowerCase();
    const known = await directory.find(address);
    if (known && known.role !== role)
      throw new SaasError('user_exists', `"${address}" is a user of ${directory.owner} in another role`, {
        detail: `the role is ${known.role || 'none'}`,
        hint: `change it: saas-ecs users set-role ${address} ${directory.flags} --role ${role}`,
      });
    // The creation of one who is there may have been cut short.
    if (known) await directory.join(known);
    else await directory.invite({ email: address, role });
    const account = await need(directory, address);
    act.parameters['user'] = account.username;
    return { ...toUser(account), created: !known };
  });
}

/** Throws `user_not_found`, `last_administrator`. */
export async function disableUser(directory: Directory, reference: string): Promise<LockedOut> {
  return directory.change('disable', {}, async (act) => {
    const account = await needForChange(directory, reference, act);
    await checkAdministratorLeft(directory, account, 'disabled');
    await directory.accounts.disable(account);
    await directory.accounts.signOut(account);
    return lockedOut(directory, await need(directory, account.username));
  });
}

/** Throws `user_not_found`. */
export async function enableUser(directory: Directory, reference: string): Promise<User> {
  return directory.change('enable', {}, async (act) => {
    const account = await needForChange(directory, reference, act);
    await directory.accounts.enable(account);
    return toUser(await need(directory, account.username));
  });
}

/** Looks the user up for {@link deleteUser}, to be confirmed by his address. Throws as that does. */
export async function planDeletion(directory: Directory, reference: string): Promise<User> {
  const account = await needForChange(directory, reference);
  await checkAdministratorLeft(directory, account, 'deleted');
  return toUser(account);
}

/** Throws `user_not_found`, `last_administrator`. */
export async function deleteUser(directory: Directory, reference: string): Promise<LockedOut> {
  return directory.change('delete', {}, async (act) => {
    const account = await needForChange(directory, reference, act);
    await checkAdministratorLeft(directory, account, 'deleted');
    await directory.accounts.delete(account);
    return lockedOut(directory, account);
  });
}

/**
 * Has the user choose a new password, by a code or, before the first sign-in, by a new invitation. Throws
 * `user_not_found`, `user_disabled`.
 */
export async function resetPassword(
  directory: Directory,
  reference: string,
): Promise<User & { mailed: 'code' | 'invitation' }> {
  return directory.change('reset-password', {}, async (act) => {
    const account = await needForChange(directory, reference, act);
    checkOwnPassword(directory, account);
    if (!account.enabled)
      throw new SaasError('user_disabled', `"${account.email}" is disabled`, {
        hint: `enable first: saas-ecs users enable ${account.email} ${directory.flags}`,
      });
    if (account.status === invited) {
      await directory.inviteAgain(account);
      return { ...toUser(await need(directory, account.username)), mailed: 'invitation' };
    }
    await directory.accounts.resetPassword(account);
    await directory.accounts.signOut(account);
    return { ...toUser(await need(directory, account.username)), mailed: 'code' };
  });
}

/** How a user comes to set up an authenticator app anew, see {@link resetMfa}. */
export type MfaReset = 'switched-off' | 'invited-anew';

/** What {@link resetMfa} will do, for it to be agreed to. Throws as that does. */
export async function planMfaReset(
  directory: Directory,
  reference: string,
): Promise<{ user: User; reset: MfaReset }> {
  const account = await needForChange(directory, reference);
  checkOwnPassword(directory, account);
  const configuration = await directory.accounts.mfaConfiguration();
  if (configuration === 'OFF')
    throw new SaasError('no_second_factor', `users of ${directory.owner} have no second factor`, {
      hint: 'it is a setting of the tier: mfa in saas-ecs.yaml',
    });
  return { user: toUser(account), reset: configuration === 'ON' ? 'invited-anew' : 'switched-off' };
}

/**
 * For a user who lost his authenticator. Where a second factor is optional it is switched off for him, and he signs in by his
 * password. Where it is required Cognito goes on asking for the lost one's codes, and can't be told to forget it: the
 * user is deleted and invited anew, with the address and role that he had. Throws `user_not_found`, `federated_user`,
 * `no_second_factor`.
 */
export async function resetMfa(directory: Directory, reference: string): Promise<User & { reset: MfaReset }> {
  return directory.change('reset-mfa', {}, async (act) => {
    const { user, reset } = await planMfaReset(directory, reference);
    const account = await needForChange(directory, user.username, act);
    if (reset === 'switched-off') {
      await directory.accounts.dropSecondFactor(account);
      await directory.accounts.signOut(account);
      return { ...toUser(account), reset };
    }
    const { email, role } = account;
    await directory.accounts.delete(account);
    try {
      await directory.invite({ email, role });
    } catch (error) {
      throw new SaasError('not_invited_anew', `"${email}" is deleted, and could not be invited anew`, {
        detail: error instanceof Error ? error.message : String(error),
        hint: `invite him: saas-ecs users add ${directory.flags} --email ${email} --role ${role}`,
        cause: error,
      });
    }
    return { ...toUser(await need(directory, email)), reset };
  });
}

/** Throws `user_not_found`, `bad_role`, `last_administrator`. */
export async function setRole(directory: Directory, reference: string, role: string): Promise<LockedOut> {
  return directory.change('set-role', { role }, async (act) => {
    checkRole(directory, role);
    const account = await needForChange(directory, reference, act);
    if (role !== directory.roles[0]) await checkAdministratorLeft(directory, account, 'demoted');
    await directory.accounts.setRole(account, role);
    // Tokens say the role of when they were given.
    await directory.accounts.signOut(account);
    return lockedOut(directory, await need(directory, account.username));
  });
}

const lockedOut = ({ tokenSeconds }: Directory, account: Account): LockedOut => ({
  ...toUser(account),
  tokensEndWithinSeconds: tokenSeconds,
});

function checkRole({ roles, owner }: Directory, role: string): void {
  if (roles.includes(role)) return;
  throw new SaasError('bad_role', `"${role}" is not a role of ${owner}`, {
    hint: `it is one of: ${roles.join(', ')}`,
    exitCode: ExitCode.usage,
  });
}

/** What proves a user of an identity provider is that provider's to reset. */
function checkOwnPassword({ owner }: Directory, { email, username, provider }: Account): void {
  if (provider === null) return;
  throw new SaasError('federated_user', `"${email || username}" signs in to ${owner} by ${provider}`, {
    detail: 'he has neither a password nor a second factor here',
    hint: `reset them at ${provider}`,
  });
}

async function need(directory: Directory, reference: string): Promise<Account> {
  const account = await directory.find(reference);
  if (account) return account;
  throw new SaasError('user_not_found', `${directory.owner} has no user "${reference}"`, {
    hint: `see all of them with: saas-ecs users list ${directory.flags}`,
    exitCode: ExitCode.notFound,
  });
}

/** `act`: is told who it is, by the name that Cognito has: an address has no place in the audit. */
async function needForChange(directory: Directory, reference: string, act?: Act): Promise<Account> {
  directory.checkChangeable();
  const account = await need(directory, reference);
  if (act) act.parameters['user'] = account.username;
  return account;
}

/** An owner whose last administrator is gone could not look after its users any more. */
async function checkAdministratorLeft(
  directory: Directory,
  account: Account,
  change: 'disabled' | 'deleted' | 'demoted',
): Promise<void> {
  const [administrator] = directory.roles;
  if (account.role !== administrator || !account.enabled) return;
  let nextToken: string | undefined;
  do {
    const page = await directory.page(Number.POSITIVE_INFINITY, nextToken);
    const other = page.accounts.some(
      ({ username, role, enabled }) => username !== account.username && role === administrator && enabled,
    );
    if (other) return;
    nextToken = page.nextToken;
  } while (nextToken);
  throw new SaasError(
    'last_administrator',
    `"${account.email}" is the last enabled ${administrator} of ${directory.owner} and can't be ${change}`,
    {
      hint: `first add another one: saas-ecs users add ${directory.flags} --email ADDRESS --role ${administrator}`,
    },
  );
}
