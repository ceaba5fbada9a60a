/**
 * The commands, their flags and their examples. Nothing heavy is imported: each action loads its command when it
 * runs, so `--help` and completion answer at once.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Invocation } from './commands/invocation.ts';
import { packageRoot } from './model/installation.ts';
import { tenantStatuses } from './model/tenant.ts';
import { type QuotaPeriod, quotaPeriods } from './model/tier.ts';
import type { OutputFormat, Terminal } from './ui/output.ts';

export interface Place extends Terminal {
  cwd: string;
  /** Aborted when the person in front of it, or whoever runs it, wants it to stop. */
  signal: AbortSignal;
}

type Options = Record<string, unknown>;

/** One run of a command, with the flags that all have. */
export async function invocation(place: Place, options: Options, format: OutputFormat, debug: boolean) {
  const [{ Output }, { Invocation }] = await Promise.all([
    import('./ui/output.ts'),
    import('./commands/invocation.ts'),
  ]);
  const { config, env, profile, region, input } = options as {
    config?: string;
    env?: string;
    profile?: string;
    region?: string;
    input?: boolean;
  };
  return new Invocation(
    new Output(place, { format, debug }),
    {
      ...(config !== undefined && { config }),
      ...(env !== undefined && { env }),
      ...(profile !== undefined && { profile }),
      ...(region !== undefined && { region }),
      ...(input !== undefined && { input }),
    },
    { cwd: place.cwd, signal: place.signal },
  );
}

const whole = (text: string): number => {
  if (!/^[1-9][0-9]*$/.test(text)) throw new InvalidArgumentError('it must be a whole number above 0');
  return Number(text);
};

const port = (text: string): number => {
  const value = whole(text);
  if (value > 65_535) throw new InvalidArgumentError('a port is 65535 at most');
  return value;
};

const quota = (text: string): { limit: number; period: QuotaPeriod } => {
  const [, limit, period] = /^([1-9][0-9]*)\/(\w+)$/.exec(text) ?? [];
  if (limit === undefined || !quotaPeriods.includes(period as QuotaPeriod))
    throw new InvalidArgumentError(
      'a quota is a number and a period, e.g. 1000/day, 5000/week or 20000/month',
    );
  return { limit: Number(limit), period: period as QuotaPeriod };
};

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

interface Flags {
  format: OutputFormat;
  debug: boolean;
}

/** A flag that an environment variable can give as well. */
const option = (flags: string, description: string, variable?: string): Option => {
  const made = new Option(flags, description);
  return variable === undefined ? made : made.env(`SAAS_ECS_${variable}`);
};

/**
 * The whole tree. `place` is undefined where the tree is only looked at: for the documentation and for completion.
 */
export function commandTree(
  running: { place: Place; onFlags: (flags: Flags) => void; onEnd: (exitCode: number) => void } | undefined,
): Command {
  const program = new Command('saas-ecs')
    .description('Operate a multi-tenant SaaS on Amazon ECS: on AWS, and live on this machine.')
    .version(version(), '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => running?.place.stdout.write(text),
      // Errors are told once, by `run`.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => Math.min(running?.place.stdout.columns ?? 100, 100),
      getOutHasColors: () => false,
    })
    .addHelpText(
      'after',
      examples(
        'saas-ecs tour',
        'saas-ecs onboard --tier premium --name acme --email admin@acme.example',
        'saas-ecs list-tenants --json',
      ),
    );

  /** Adds one command with the flags that all have. */
  const add = (
    parent: Command,
    usage: string,
    description: string,
    sample: string[],
    configure: (command: Command) => void,
  ): Command => {
    const command = parent
      .command(usage)
      .description(description)
      .exitOverride()
      .copyInheritedSettings(program);
    configure(command);
    command
      .optionsGroup('Everywhere:')
      .addOption(option('--env <name>', 'environment of saas-ecs.yaml; its first one unless given', 'ENV'))
      .addOption(option('--config <file>', 'saas-ecs.yaml, when not here or above', 'CONFIG'))
      .addOption(option('--profile <name>', 'profile of the AWS credentials'))
      .addOption(option('--region <region>', "Region, instead of the environment's"))
      .addOption(
        new Option('--output <format>', 'text, json or ndjson')
          .choices(['text', 'json', 'ndjson'])
          .default('text')
          .env('SAAS_ECS_OUTPUT'),
      )
      .addOption(new Option('--json', 'the same as --output json'))
      .addOption(new Option('--no-input', 'ask nothing; fail when something is missing'))
      .addOption(new Option('--debug', 'show stack traces'))
      .helpOption('-h, --help', 'show this help')
      .addHelpText('after', examples(...sample));
    return command;
  };

  /** Binds an action: `work` gets the invocation, the arguments and the options. */
  const action = (
    command: Command,
    work: (cli: Invocation, args: (string | undefined)[], options: Options) => Promise<void>,
  ): void => {
    command.action(async (...received: unknown[]) => {
      if (!running) return;
      const options = received.at(-2) as Options;
      const args = received.slice(0, -2) as (string | undefined)[];
      const format = options['json'] ? 'json' : (options['output'] as OutputFormat);
      const debug = options['debug'] === true;
      running.onFlags({ format, debug });
      const cli = await invocation(running.place, options, format, debug);
      await work(cli, args, options);
      running.onEnd(cli.exitCode);
    });
  };

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
          new Option('--routing <kind>', 'direct, or an nginx proxy in front of each silo').choices([
            'direct',
            'proxy',
          ]),
        )
        .option('-y, --yes', 'take the defaults, ask nothing')
        .option('--force', 'overwrite a saas-ecs.yaml that is there');
      action(command, async (cli, [dir], options) => {
        const { awsRegion, ...rest } = options;
        return (await import('./commands/init.ts')).init(cli, dir, {
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
    ],
    (command) => {
      command
        .option('--dry-run', 'show what would change, change nothing')
        .option('--exit-code', 'with --dry-run: exit with 3 when something would change')
        .option('-y, --yes', 'do not ask before deploying to an account');
      action(command, async (cli, _, options) =>
        (await import('./commands/deploy-shared.ts')).deployShared(cli, options),
      );
    },
  );

  add(
    program,
    'destroy-shared',
    'take down what deploy-shared made',
    ['saas-ecs destroy-shared', 'saas-ecs destroy-shared --confirm acme-shop --json'],
    (command) => {
      command.option('--confirm <app>', 'the name of the app, instead of typing it');
      action(command, async (cli, _, options) =>
        (await import('./commands/destroy-shared.ts')).destroyShared(cli, options),
      );
    },
  );

  add(
    program,
    'onboard',
    'bring a tenant in',
    [
      'saas-ecs onboard',
      'saas-ecs onboard --tier premium --name acme --email admin@acme.example',
      'saas-ecs onboard --tier basic --name acme --email admin@acme.example --json | jq .data.apiUrl',
    ],
    (command) => {
      command
        .addOption(option('--tier <name>', 'tier of saas-ecs.yaml', 'TIER'))
        .addOption(
          option('--name <name>', "the tenant's name: 3 to 40 lower-case letters, digits, dashes", 'NAME'),
        )
        .addOption(option('--email <address>', "e-mail address of the tenant's administrator", 'EMAIL'))
        .option('--wait', 'wait until the tenant is served (the default)')
        .option('--no-wait', 'begin, and go on in the background');
      action(command, async (cli, _, options) =>
        (await import('./commands/onboard.ts')).onboard(cli, options),
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
        .option('--export <dir>', 'first write its users and items there, as NDJSON with a manifest');
      action(command, async (cli, [tenant = ''], options) =>
        (await import('./commands/offboard.ts')).offboard(cli, tenant, options),
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
        (await import('./commands/list-tenants.ts')).listTenants(cli, options),
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
        (await import('./commands/describe-tenant.ts')).describeTenant(cli, tenant),
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
        (await import('./commands/throttle.ts')).throttle(cli, options),
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
        );
      action(command, async (cli, _, options) => (await import('./commands/token.ts')).token(cli, options));
    },
  );

  const local = program
    .command('local')
    .description('the embedded cloud: start, stop, status, reset, outbox')
    .copyInheritedSettings(program)
    .exitOverride();
  add(
    local,
    'start',
    'start the embedded cloud of this project',
    ['saas-ecs local start', 'saas-ecs local start --json | jq -r .data.endpoint'],
    (command) => {
      command.addOption(
        new Option('--port <n>', 'port to listen on; chosen once for a project')
          .argParser(port)
          .env('SAAS_ECS_PORT'),
      );
      action(command, async (cli, _, options) =>
        (await import('./commands/local.ts')).localStart(cli, options),
      );
    },
  );
  add(local, 'stop', 'stop it; its state is kept', ['saas-ecs local stop'], (command) => {
    action(command, async (cli) => (await import('./commands/local.ts')).localStop(cli));
  });
  add(
    local,
    'status',
    'tell whether it runs, and where',
    ['saas-ecs local status', 'saas-ecs local status --json'],
    (command) => {
      action(command, async (cli) => (await import('./commands/local.ts')).localStatus(cli));
    },
  );
  add(
    local,
    'reset',
    'stop it and delete all its state',
    ['saas-ecs local reset', 'saas-ecs local reset --confirm my-project'],
    (command) => {
      command.option('--confirm <directory>', "the project directory's name, instead of typing it");
      action(command, async (cli, _, options) =>
        (await import('./commands/local.ts')).localReset(cli, options),
      );
    },
  );
  add(
    local,
    'outbox',
    'show the mail that it would have sent',
    ['saas-ecs local outbox', 'saas-ecs local outbox --to admin@acme.example'],
    (command) => {
      command.option('--to <address>', 'only to this address');
      action(command, async (cli, _, options) =>
        (await import('./commands/local.ts')).localOutbox(cli, options),
      );
    },
  );

  add(
    program,
    'tour',
    'see it all on this machine: three tenants, three tiers, and what keeps them apart',
    ['saas-ecs tour', 'saas-ecs tour --json'],
    (command) => {
      command.option('--dir <dir>', 'project for the tour when there is none here (default: saas-ecs-tour)');
      action(command, async (cli, _, options) => (await import('./commands/tour.ts')).tour(cli, options));
    },
  );

  add(
    program,
    'completion <shell>',
    'print the completion script of bash, zsh or fish',
    [
      'source <(saas-ecs completion bash)',
      'saas-ecs completion zsh > "${fpath[1]}/_saas-ecs"',
      'saas-ecs completion fish > ~/.config/fish/completions/saas-ecs.fish',
    ],
    (command) => {
      action(command, async (cli, [shell = '']) =>
        (await import('./commands/completion.ts')).completion(cli, shell),
      );
    },
  );

  // What the completion scripts ask; hidden, since people have no use for it.
  const complete = program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false);
  complete.action(async (words: string[]) => {
    if (!running) return;
    const { complete: candidates } = await import('./commands/complete.ts');
    const cli = await invocation(running.place, {}, 'text', false);
    const found = await candidates(cli, commandTree(undefined), words);
    running.place.stdout.write(found.length > 0 ? `${found.join('\n')}\n` : '');
  });

  return program;
}

const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8'));
  return (manifest as { version: string }).version;
}
