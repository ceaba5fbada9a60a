/** How a command is defined: its flags, its examples, and the action that loads its code when it runs. */
import { type Command, Option } from 'commander';
import type { Invocation } from '../commands/invocation.ts';
import type { OutputFormat, Terminal } from '../ui/output.ts';
import { wait } from './values.ts';

export interface Place extends Terminal {
  cwd: string;
  /** Aborted when the person in front of it, or whoever runs it, wants it to stop. */
  signal: AbortSignal;
}

export interface Flags {
  format: OutputFormat;
  debug: boolean;
}

/** Where a command line runs, and who is told of its flags and its end. */
export interface Running {
  place: Place;
  onFlags: (flags: Flags) => void;
  onEnd: (exitCode: number) => void;
}

type Options = Record<string, unknown>;

/** What the files of this folder add their commands with. */
export interface Tree {
  program: Command;
  /** Adds one command with the flags that all have. */
  add(
    parent: Command,
    usage: string,
    description: string,
    sample: string[],
    configure: (command: Command) => void,
    /** `hidden`: for programs of this product's own. */
    options?: { hidden: boolean },
  ): Command;
  /** Binds an action: `work` gets the invocation, the arguments and the options. */
  action(
    command: Command,
    work: (cli: Invocation, args: (string | undefined)[], options: Options) => Promise<void>,
  ): void;
}

/** One run of a command, with the flags that all have. */
export async function invocation(place: Place, options: Options, format: OutputFormat, debug: boolean) {
  const [{ Output }, { Invocation }] = await Promise.all([
    import('../ui/output.ts'),
    import('../commands/invocation.ts'),
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

/** A flag that an environment variable can give as well. */
export const option = (flags: string, description: string, variable?: string): Option => {
  const made = new Option(flags, description);
  return variable === undefined ? made : made.env(`SAAS_ECS_${variable}`);
};

/** The flag of the commands that wait for something which goes on without them. */
export const waitTimeout = (): Option =>
  option(
    '--wait-timeout <duration>',
    'stop waiting after e.g. 90s or 10m, with exit code 124; what goes on goes on',
    'WAIT_TIMEOUT',
  ).argParser(wait);

export const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

/** `running` is undefined where the tree is only looked at: for the documentation and for completion. */
export function treeOf(program: Command, running: Running | undefined): Tree {
  return {
    program,
    add(parent, usage, description, sample, configure, { hidden } = { hidden: false }) {
      const command = parent
        .command(usage, { hidden })
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
    },
    action(command, work) {
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
    },
  };
}
