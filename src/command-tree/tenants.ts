/** Commands about tenants: in, out, looked at, limited, called. */
import { Option } from 'commander';
import { tenantStatuses } from '../model/tenant.ts';
import { option, type Tree, waitTimeout } from './definition.ts';
import { code, list, quota, whole } from './values.ts';

export function tenantCommands({ program, add, action }: Tree): void {
  add(
    program,
    'onboard',
    'bring a tenant in',
    [
      'saas-ecs onboard',
      'saas-ecs onboard --tier premium --name acme --email admin@acme.example',
      'saas-ecs onboard --tier basic --name acme --email admin@acme.example --json | jq .data.apiUrl',
      'saas-ecs onboard --tier premium --name acme --email admin@acme.example --idp okta.yaml',
      'saas-ecs onboard --resume acme --wait-timeout 10m',
    ],
    (command) => {
      command
        .addOption(option('--tier <name>', 'tier of saas-ecs.yaml', 'TIER'))
        .addOption(
          option('--name <name>', "the tenant's name: 3 to 40 lower-case letters, digits, dashes", 'NAME'),
        )
        .addOption(option('--email <address>', "e-mail address of the tenant's administrator", 'EMAIL'))
        .option('--resume [tenant]', 'go on with an unfinished onboarding, as the registry remembers it')
        .option('--wait', 'wait until the tenant is served (the default)')
        .option('--no-wait', 'begin, and go on in the background')
        .option('--idp <file>', 'of a silo: have its users sign in by the OIDC or SAML provider of that file')
        .option('--verify', 'attack it once it is served, and prove that it is isolated')
        .addOption(waitTimeout());
      action(command, async (cli, _, options) =>
        (await import('../commands/onboard.ts')).onboard(cli, options),
      );
    },
  );

  add(
    program,
    'offboard <tenant>',
    'take a tenant out, with all its data',
    ['saas-ecs offboard acme', 'saas-ecs offboard acme --confirm acme --export ./exports'],
    (command) => {
      command
        .option('--confirm <name>', "the tenant's name, instead of typing it")
        .option('--export <dir>', 'first write its users and items there, as NDJSON with a manifest')
        .addOption(waitTimeout());
      action(command, async (cli, [tenant = ''], options) =>
        (await import('../commands/offboard.ts')).offboard(cli, tenant, options),
      );
    },
  );

  add(
    program,
    'list-tenants',
    'list the tenants',
    [
      'saas-ecs list-tenants',
      'saas-ecs list-tenants --tier basic --status active',
      "saas-ecs list-tenants --json | jq -r '.data.tenants[].name'",
    ],
    (command) => {
      command
        .addOption(option('--tier <name>', 'only of this tier', 'TIER'))
        .addOption(new Option('--status <status>', 'only with this status').choices(tenantStatuses))
        .addOption(new Option('--limit <n>', 'at most so many').argParser(whole))
        .option('--next-token <token>', 'go on where the last page ended');
      action(command, async (cli, _, options) =>
        (await import('../commands/list-tenants.ts')).listTenants(cli, options),
      );
    },
  );

  add(
    program,
    'describe-tenant <tenant>',
    'show one tenant, by name or id, and what serves it',
    ['saas-ecs describe-tenant acme', 'saas-ecs describe-tenant acme --json | jq .data.resources'],
    (command) => {
      action(command, async (cli, [tenant = '']) =>
        (await import('../commands/describe-tenant.ts')).describeTenant(cli, tenant),
      );
    },
  );

  add(
    program,
    'explain <tenant-or-stack>',
    'say why a tenant or a stack is as it is, and what to do',
    [
      'saas-ecs explain acme',
      'saas-ecs explain shared-infra-stack',
      'saas-ecs explain acme --json | jq .data.cause',
    ],
    (command) => {
      action(command, async (cli, [subject = '']) =>
        (await import('../commands/explain.ts')).explain(cli, subject),
      );
    },
  );

  add(
    program,
    'watch <tenant|operation>',
    'follow an operation that runs elsewhere, until it ends; takes nothing over',
    [
      'saas-ecs watch acme',
      'saas-ecs watch acme --wait-timeout 15m --output ndjson',
      'saas-ecs watch k3m5p7q9ab/20260131T120000000Z-1a2b3c4d --json',
    ],
    (command) => {
      command.addOption(waitTimeout());
      action(command, async (cli, [reference = ''], options) =>
        (await import('../commands/watch.ts')).watch(cli, reference, options),
      );
    },
  );

  add(
    program,
    'throttle',
    'show or change limits, of a tier or of one tenant',
    [
      'saas-ecs throttle',
      'saas-ecs throttle --tier basic --rate 20 --burst 40 --quota 2000/day',
      'saas-ecs throttle --tenant acme --rate 50',
      'saas-ecs throttle --tenant acme --reset',
      'saas-ecs throttle --tenant acme --test',
    ],
    (command) => {
      command
        .addOption(
          option('--tier <name>', 'a tier: holds for all its tenants without limits of their own', 'TIER'),
        )
        .addOption(option('--tenant <tenant>', 'one tenant, by name or id', 'TENANT'))
        .addOption(new Option('--rate <n>', 'requests a second').argParser(whole))
        .addOption(new Option('--burst <n>', 'requests at once').argParser(whole))
        .addOption(
          new Option('--quota <n/period>', 'requests a day, week or month, e.g. 1000/day').argParser(quota),
        )
        .option('--reset', "back to the configuration's, or to the tier's")
        .option('--test', 'send a burst as the tenant, and count what passes')
        .addOption(new Option('--requests <n>', 'how many requests --test sends').argParser(whole));
      action(command, async (cli, _, options) =>
        (await import('../commands/throttle.ts')).throttle(cli, options),
      );
    },
  );

  add(
    program,
    'suspend <tenant>',
    'shut a tenant out: its API refuses everybody, its data and services stay',
    ['saas-ecs suspend acme', "saas-ecs suspend acme --confirm acme --reason 'invoice 4711 is unpaid'"],
    (command) => {
      command
        .option('--confirm <name>', "the tenant's name, instead of typing it")
        .option('--reason <text>', 'why; kept with the tenant and in the audit')
        .addOption(waitTimeout());
      action(command, async (cli, [tenant = ''], options) =>
        (await import('../commands/suspend.ts')).suspend(cli, tenant, options),
      );
    },
  );

  add(
    program,
    'resume <tenant>',
    'let a suspended tenant in again, with a request that proves it is served',
    ['saas-ecs resume acme'],
    (command) => {
      command.addOption(waitTimeout());
      action(command, async (cli, [tenant = ''], options) =>
        (await import('../commands/resume.ts')).resume(cli, tenant, options),
      );
    },
  );

  add(
    program,
    'verify',
    'attack the environment as a hostile tenant would, and say what held',
    [
      'saas-ecs verify',
      'saas-ecs verify --suite isolation --report isolation.html',
      'saas-ecs verify --tenants acme,globex',
      "saas-ecs verify --json | jq '.data.summary'",
    ],
    (command) => {
      command
        .addOption(
          new Option(
            '--tenants <a,b>',
            'two tenants that live, attacked by reading only; probe tenants are made unless given',
          ).argParser(list),
        )
        .addOption(
          new Option('--suite <suite>', 'which attacks')
            .choices(['isolation', 'auth', 'throttle', 'all'])
            .default('all'),
        )
        .option('--report <file>', 'write a report for an auditor there, as one HTML file');
      action(command, async (cli, _, options) =>
        (await import('../commands/verify.ts')).verify(cli, options),
      );
    },
  );

  add(
    program,
    'token',
    "sign in as a tenant's user; prints a token to call the API with",
    [
      'saas-ecs token --tenant acme',
      'curl -H "Authorization: Bearer $(saas-ecs token --tenant acme)" "$API/orders"',
    ],
    (command) => {
      command
        .addOption(option('--tenant <tenant>', 'the tenant, by name or id', 'TENANT'))
        .addOption(
          option(
            '--user <address>',
            "e-mail address of the user; the tenant's administrator unless given",
            'USER',
          ),
        )
        .addOption(
          option(
            '--mfa-code <code>',
            "code of the user's authenticator app, where one is asked for",
            'MFA_CODE',
          ).argParser(code),
        )
        .option('--control-plane', "a token for the control plane's API instead, as its machine client");
      action(command, async (cli, _, options) => (await import('../commands/token.ts')).token(cli, options));
    },
  );
}
