/** Commands about users: a tenant's, or with --operators those of the control plane. */
import { type Command, Option } from 'commander';
import { operatorRoles } from '../model/control-plane.ts';
import { userRoles } from '../model/tenant.ts';
import { option, type Tree } from './definition.ts';
import { whole } from './values.ts';

const whose = (command: Command): Command =>
  command
    .addOption(option('--tenant <tenant>', 'the tenant, by name or id', 'TENANT'))
    .option('--operators', "the control plane's operators instead");

const role = (): Option =>
  new Option(
    '--role <role>',
    `a tenant's: ${userRoles.join(', ')}; an operator's: ${operatorRoles.join(', ')}`,
  )
    .choices([...userRoles, ...operatorRoles])
    .env('SAAS_ECS_ROLE');

export function userCommands({ program, add, action }: Tree): void {
  const users = program
    .command('users')
    .description("a tenant's users, or the operators: list, add, disable, enable, delete, …")
    .copyInheritedSettings(program)
    .exitOverride();
  const load = () => import('../commands/users.ts');

  add(
    users,
    'list',
    'list the users',
    [
      'saas-ecs users list --tenant acme',
      "saas-ecs users list --tenant acme --json | jq -r '.data.users[].email'",
      'saas-ecs users list --operators',
    ],
    (command) => {
      whose(command)
        .addOption(new Option('--limit <n>', 'at most so many').argParser(whole))
        .option('--next-token <token>', 'go on where the last page ended');
      action(command, async (cli, _, options) => (await load()).usersList(cli, options));
    },
  );
  add(
    users,
    'add',
    'invite a user by mail',
    [
      'saas-ecs users add --tenant acme',
      'saas-ecs users add --tenant acme --email bo@acme.example --role TenantUser',
      'saas-ecs users add --operators --email ops2@shop.example --role CustomerSupport',
    ],
    (command) => {
      whose(command)
        .addOption(option('--email <address>', "the user's e-mail address", 'EMAIL'))
        .addOption(role());
      action(command, async (cli, _, options) => (await load()).usersAdd(cli, options));
    },
  );
  add(
    users,
    'disable <user>',
    'lock a user out, by address; everything of his is kept',
    ['saas-ecs users disable bo@acme.example --tenant acme'],
    (command) => {
      whose(command);
      action(command, async (cli, [user = ''], options) => (await load()).usersDisable(cli, user, options));
    },
  );
  add(
    users,
    'enable <user>',
    'let a disabled user in again',
    ['saas-ecs users enable bo@acme.example --tenant acme'],
    (command) => {
      whose(command);
      action(command, async (cli, [user = ''], options) => (await load()).usersEnable(cli, user, options));
    },
  );
  add(
    users,
    'delete <user>',
    'delete a user',
    [
      'saas-ecs users delete bo@acme.example --tenant acme',
      'saas-ecs users delete bo@acme.example --tenant acme --confirm bo@acme.example',
    ],
    (command) => {
      whose(command).option('--confirm <address>', "the user's address, instead of typing it");
      action(command, async (cli, [user = ''], options) => (await load()).usersDelete(cli, user, options));
    },
  );
  add(
    users,
    'reset-password <user>',
    'have a user choose a new password; an invitation is sent again',
    ['saas-ecs users reset-password bo@acme.example --tenant acme'],
    (command) => {
      whose(command);
      action(command, async (cli, [user = ''], options) =>
        (await load()).usersResetPassword(cli, user, options),
      );
    },
  );
  add(
    users,
    'reset-mfa <user>',
    'let a user who lost his authenticator app set up another',
    ['saas-ecs users reset-mfa bo@acme.example --tenant acme'],
    (command) => {
      whose(command).option(
        '--confirm <address>',
        "the user's address, instead of typing it, where he is deleted and invited anew",
      );
      action(command, async (cli, [user = ''], options) => (await load()).usersResetMfa(cli, user, options));
    },
  );
  add(
    users,
    'set-role <user>',
    'give a user another role',
    [
      'saas-ecs users set-role bo@acme.example --tenant acme --role TenantAdmin',
      'saas-ecs users set-role ops2@shop.example --operators --role SystemAdmin',
    ],
    (command) => {
      whose(command).addOption(role());
      action(command, async (cli, [user = ''], options) => (await load()).usersSetRole(cli, user, options));
    },
  );
  providerCommands(users, { add, action });
}

/** Of siloed tenants: what signs their users in besides their user pool. */
function providerCommands(users: Command, { add, action }: Pick<Tree, 'add' | 'action'>): void {
  const idp = users
    .command('idp')
    .description('the identity providers of a siloed tenant: add, show, list, remove')
    .copyInheritedSettings(users)
    .exitOverride();
  const load = () => import('../commands/identity-providers.ts');
  const tenant = (): Option => option('--tenant <tenant>', 'the tenant, by name or id', 'TENANT');

  add(
    idp,
    'add <file>',
    'have users sign in by an OIDC or SAML provider; of a known name, change it',
    [
      'saas-ecs users idp add okta.yaml --tenant acme',
      'ACME_OKTA_SECRET=… saas-ecs users idp add okta.yaml --tenant acme --json | jq .data.signIn',
    ],
    (command) => {
      command.addOption(tenant());
      action(command, async (cli, [file = ''], options) => (await load()).providerAdd(cli, file, options));
    },
  );
  add(idp, 'list', 'list the identity providers', ['saas-ecs users idp list --tenant acme'], (command) => {
    command.addOption(tenant());
    action(command, async (cli, _, options) => (await load()).providerList(cli, options));
  });
  add(
    idp,
    'show <name>',
    'show an identity provider, and what it must be told of the tenant',
    ['saas-ecs users idp show okta --tenant acme'],
    (command) => {
      command.addOption(tenant());
      action(command, async (cli, [name = ''], options) => (await load()).providerShow(cli, name, options));
    },
  );
  add(
    idp,
    'remove <name>',
    'remove an identity provider, and the users who came from it',
    [
      'saas-ecs users idp remove okta --tenant acme',
      'saas-ecs users idp remove okta --tenant acme --confirm okta',
    ],
    (command) => {
      command.addOption(tenant()).option('--confirm <name>', "the provider's name, instead of typing it");
      action(command, async (cli, [name = ''], options) => (await load()).providerRemove(cli, name, options));
    },
  );
}
