import { ExitCode, SaasError } from '../model/error.ts';
import { emailProblem } from '../model/tenant.ts';
import type { Directory } from '../services/users/directory.ts';
import { operatorUsers } from '../services/users/operator-users.ts';
import { tenantUsers } from '../services/users/tenant-users.ts';
import {
  addUser,
  deleteUser,
  disableUser,
  enableUser,
  type LockedOut,
  listUsers,
  planDeletion,
  planMfaReset,
  resetMfa,
  resetPassword,
  setRole,
  type User,
} from '../services/users/users.ts';
import { plural, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

/** Whose users: --tenant or --operators. */
export interface WhoseOptions {
  tenant?: string;
  operators?: boolean;
}

async function directoryOf(cli: Invocation, { tenant, operators }: WhoseOptions): Promise<Directory> {
  if (operators && tenant !== undefined)
    throw new SaasError('bad_usage', '--tenant and --operators exclude each other', {
      hint: 'give one of them',
      exitCode: ExitCode.usage,
    });
  if (operators) return operatorUsers(await cli.quietContext());
  const reference = await cli.prompts.text(tenant, { flag: '--tenant', message: 'Tenant' });
  return tenantUsers(await cli.quietContext(), reference);
}

const roleFor = (cli: Invocation, { roles }: Directory, given: string | undefined): Promise<string> =>
  cli.prompts.choose(given, {
    flag: '--role',
    message: 'Role',
    choices: roles.map((value) => ({ name: value, value })),
  });

export async function usersList(
  cli: Invocation,
  options: WhoseOptions & { limit?: number; nextToken?: string },
): Promise<void> {
  const { limit, nextToken } = options;
  const page = await listUsers(await directoryOf(cli, options), {
    ...(limit !== undefined && { limit }),
    ...(nextToken !== undefined && { nextToken }),
  });
  cli.output.result(page, (colors) =>
    page.users.length === 0
      ? 'No users.'
      : table<User>(colors, page.users, [
          { title: 'EMAIL', value: ({ email }) => email },
          // A tenant's user has no name but his address: Cognito's is an id.
          ...(options.operators ? [{ title: 'NAME', value: ({ username }: User) => username }] : []),
          // One who comes from an identity provider is found by that name, whoever else has his address.
          ...(page.users.some(({ provider }) => provider !== null)
            ? [
                {
                  title: 'FROM',
                  value: ({ provider, username }: User) => (provider === null ? '-' : username),
                },
              ]
            : []),
          { title: 'ROLE', value: ({ role }) => role || '-' },
          { title: 'STATUS', value: ({ status }) => status },
          { title: 'ENABLED', value: ({ enabled }) => (enabled ? colors.green('yes') : colors.red('no')) },
          { title: 'CREATED', value: ({ createdAt }) => createdAt.slice(0, 16).replace('T', ' ') },
        ]),
  );
  if (page.nextToken !== null && cli.output.format === 'text')
    cli.output.note(`more: --next-token ${page.nextToken}`);
}

export async function usersAdd(
  cli: Invocation,
  options: WhoseOptions & { email?: string; role?: string },
): Promise<void> {
  const directory = await directoryOf(cli, options);
  const email = await cli.prompts.text(options.email, {
    flag: '--email',
    message: "The user's e-mail address",
    validate: (value) => emailProblem(value.trim()) ?? true,
  });
  const role = await roleFor(cli, directory, options.role);
  cli.prompts.sayEquivalent(`saas-ecs users add${options.operators ? ' --operators' : ''}`, {
    '--tenant': options.tenant,
    '--email': options.email,
    '--role': options.role,
  });
  const user = await addUser(directory, { email: email.trim(), role });
  cli.output.result(user, (colors) =>
    user.created
      ? `${colors.green('✔')} ${colors.bold(user.email)} is invited by mail as ${user.role} of ${directory.owner}`
      : `${colors.green('✔')} ${colors.bold(user.email)} is ${user.role} of ${directory.owner} already`,
  );
  if (!options.operators) cli.output.next(`saas-ecs token ${directory.flags} --user ${user.email}`);
}

export async function usersDisable(cli: Invocation, reference: string, options: WhoseOptions): Promise<void> {
  const user = await disableUser(await directoryOf(cli, options), reference);
  cli.output.result(user, (colors) =>
    said(colors.green('✔'), `${colors.bold(user.email)} is disabled`, user),
  );
}

export async function usersEnable(cli: Invocation, reference: string, options: WhoseOptions): Promise<void> {
  const user = await enableUser(await directoryOf(cli, options), reference);
  cli.output.result(
    user,
    (colors) => `${colors.green('✔')} ${colors.bold(user.email)} is enabled, and signs in anew`,
  );
}

export async function usersDelete(
  cli: Invocation,
  reference: string,
  options: WhoseOptions & { confirm?: string },
): Promise<void> {
  const directory = await directoryOf(cli, options);
  const { email, username } = await planDeletion(directory, reference);
  await cli.prompts.confirmName(options.confirm, email, { message: `Type ${email} to delete this user` });
  const user = await deleteUser(directory, username);
  cli.output.result({ ...user, deleted: true }, (colors) =>
    said(colors.green('✔'), `${colors.bold(email)} is deleted`, user),
  );
}

export async function usersResetPassword(
  cli: Invocation,
  reference: string,
  options: WhoseOptions,
): Promise<void> {
  const user = await resetPassword(await directoryOf(cli, options), reference);
  cli.output.result(user, (colors) =>
    user.mailed === 'invitation'
      ? `${colors.green('✔')} ${colors.bold(user.email)} is invited anew: the first password was not used yet`
      : [
          `${colors.green('✔')} ${colors.bold(user.email)} is mailed a code to choose a new password with`,
          '  refresh tokens are revoked at once; a token that is out holds until it expires, or disable him',
        ].join('\n'),
  );
}

export async function usersResetMfa(
  cli: Invocation,
  reference: string,
  options: WhoseOptions & { confirm?: string },
): Promise<void> {
  const directory = await directoryOf(cli, options);
  const { user, reset } = await planMfaReset(directory, reference);
  if (reset === 'invited-anew')
    await cli.prompts.confirmName(options.confirm, user.email, {
      message: `A second factor is required, so ${user.email} is deleted and invited anew. Type the address to do so`,
    });
  const done = await resetMfa(directory, user.username);
  cli.output.result(done, (colors) =>
    done.reset === 'invited-anew'
      ? [
          `${colors.green('✔')} ${colors.bold(done.email)} is invited anew as ${done.role}: a new password, and a new authenticator app`,
          '  the user of before is deleted, with his sessions and his id',
        ].join('\n')
      : [
          `${colors.green('✔')} ${colors.bold(done.email)} signs in by password alone, until he sets up an authenticator app again`,
          '  refresh tokens are revoked at once; a token that is out holds until it expires',
        ].join('\n'),
  );
}

export async function usersSetRole(
  cli: Invocation,
  reference: string,
  options: WhoseOptions & { role?: string },
): Promise<void> {
  const directory = await directoryOf(cli, options);
  const role = await roleFor(cli, directory, options.role);
  const user = await setRole(directory, reference, role);
  cli.output.result(user, (colors) =>
    said(colors.green('✔'), `${colors.bold(user.email)} is ${user.role} of ${directory.owner}`, user),
  );
}

const said = (mark: string, what: string, { tokensEndWithinSeconds }: LockedOut): string =>
  [
    `${mark} ${what}`,
    tokensEndWithinSeconds === 0
      ? '  refresh tokens are revoked at once, and tokens from before are refused'
      : `  refresh tokens are revoked at once; tokens from before are refused within ${plural(tokensEndWithinSeconds / 60, 'minute')}`,
  ].join('\n');
