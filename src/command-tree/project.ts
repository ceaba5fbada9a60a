/** Commands that set a whole system up and take it down again. */
import { Option } from 'commander';
import { controlPlanes } from '../model/control-plane.ts';
import { option, type Tree, waitTimeout } from './definition.ts';
import { list, sha256, since, whole } from './values.ts';

export function projectCommands({ program, add, action }: Tree): void {
  add(
    program,
    'init [dir]',
    'write saas-ecs.yaml for a new project',
    [
      'saas-ecs init',
      'saas-ecs init shop --app acme-shop --yes',
      'saas-ecs init --app acme-shop --account 123456789012 --aws-region eu-west-1 --email ops@acme.example',
    ],
    (command) => {
      command
        .addOption(option('--app <name>', 'name of the app', 'APP'))
        .addOption(option('--email <address>', "the operator's e-mail address", 'EMAIL'))
        .addOption(
          option('--account <id>', 'AWS account, for an environment beside the embedded one', 'ACCOUNT'),
        )
        .addOption(option('--aws-region <region>', 'Region of that account'))
        .addOption(option('--env-name <name>', 'name of that environment (default: prod)'))
        .addOption(
          new Option('--tiers <names>', 'of basic, advanced, premium; comma-separated').argParser(list),
        )
        .addOption(
          new Option(
            '--limits <limits>',
            'rate/burst/quota by tier, e.g. basic=20/40/5000/day; comma-separated',
          ).argParser(list),
        )
        .addOption(
          new Option('--services <names>', 'of orders, products, users; comma-separated').argParser(list),
        )
        .addOption(
          new Option(
            '--control-plane <kind>',
            "of that environment: SBT's, or the builtin one (default: sbt)",
          ).choices(controlPlanes),
        )
        .addOption(
          new Option('--routing <kind>', 'direct, or an nginx proxy in front of each silo').choices([
            'direct',
            'proxy',
          ]),
        )
        .option('-y, --yes', 'take the defaults, ask nothing')
        .option('--force', 'overwrite a saas-ecs.yaml that is there');
      action(command, async (cli, [dir], options) => {
        const { awsRegion, ...rest } = options;
        return (await import('../commands/init.ts')).init(cli, dir, {
          ...rest,
          ...(typeof awsRegion === 'string' && { region: awsRegion }),
        });
      });
    },
  );

  add(
    program,
    'deploy-shared',
    'deploy what all tenants share, and publish the tenant templates',
    [
      'saas-ecs deploy-shared',
      'saas-ecs deploy-shared --dry-run',
      'saas-ecs deploy-shared --env prod --yes --json',
      'saas-ecs deploy-shared --env prod --require-approval any-change',
    ],
    (command) => {
      command
        .option('--dry-run', 'show what would change, change nothing')
        .option('--exit-code', 'with --dry-run: exit with 3 when something would change')
        .option('--bootstrap', 'bootstrap the account for the CDK when it is not')
        .addOption(
          new Option(
            '--require-approval <changes>',
            'changes of permissions to approve first; broadening unless given, on an account',
          ).choices(['never', 'any-change', 'broadening']),
        )
        .option('-y, --yes', 'do not ask before deploying to an account, and approve permissions')
        .addOption(waitTimeout());
      action(command, async (cli, _, options) =>
        (await import('../commands/deploy-shared.ts')).deployShared(cli, options),
      );
    },
  );

  add(
    program,
    'iam-policy [commands...]',
    'print the least-privilege IAM policy for certain commands, or for all',
    [
      'saas-ecs iam-policy --env prod',
      'saas-ecs iam-policy onboard watch describe-tenant --env prod',
      'saas-ecs iam-policy --env prod --out policies',
    ],
    (command) => {
      command.option('--out <dir>', 'write each document into a file there');
      action(command, async (cli, [commands], options) =>
        (await import('../commands/iam-policy.ts')).iamPolicy(cli, [commands ?? []].flat(), options),
      );
    },
  );

  add(
    program,
    'doctor',
    'check this machine, the account and the configuration',
    ['saas-ecs doctor', 'saas-ecs doctor --env prod', 'saas-ecs doctor --env prod --json'],
    (command) => {
      action(command, async (cli) => (await import('../commands/doctor.ts')).doctor(cli));
    },
  );

  add(
    program,
    'audit',
    'show who did what to which tenant, and prove that nobody changed it since',
    [
      'saas-ecs audit --since 7d',
      'saas-ecs audit --tenant acme --since 2026-01-31 --json',
      'saas-ecs audit --verify --json | jq -r .data.head.hash',
    ],
    (command) => {
      command
        .option('--tenant <tenant>', 'only what was done to it; by name or id, also when it is gone')
        .addOption(
          new Option(
            '--since <when>',
            'only from that day on, or no longer ago: 2026-01-31, 7d, 12h',
          ).argParser(since),
        )
        .addOption(
          new Option('--limit <n>', 'at most so many, the newest first').argParser(whole).default(50),
        )
        .option('--next-token <token>', 'go on where the last page ended')
        .addOption(
          new Option(
            '--verify',
            'follow the chain of hashes through all events instead; exit with 1 where it breaks',
          ).conflicts(['tenant', 'since', 'nextToken']),
        )
        .addOption(
          new Option(
            '--expect <hash>',
            'with --verify: a hash noted before, which must still be in the chain',
          )
            .argParser(sha256)
            .implies({ verify: true }),
        );
      action(command, async (cli, _, options) => (await import('../commands/audit.ts')).audit(cli, options));
    },
  );

  add(
    program,
    'destroy-shared',
    'take down what deploy-shared made; data is kept',
    [
      'saas-ecs destroy-shared --dry-run',
      'saas-ecs destroy-shared --confirm acme-shop --json',
      "saas-ecs destroy-shared --include-tenants --delete-data --confirm 'acme-shop and its data'",
    ],
    (command) => {
      command
        .option('--dry-run', 'list what would go and what would be kept, delete nothing')
        .option('--include-tenants', 'offboard all tenants first, without export')
        .option(
          '--delete-data',
          'delete what is kept otherwise: registry, tables, users, artifacts, key secret',
        )
        .option(
          '--confirm <words>',
          'instead of typing them: the name of the app; with --delete-data "NAME and its data"',
        );
      action(command, async (cli, _, options) =>
        (await import('../commands/destroy-shared.ts')).destroyShared(cli, options),
      );
    },
  );
}
