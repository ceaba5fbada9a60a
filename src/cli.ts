/**
 * The command line around the commands: runs one, tells its error once, and gives the exit code. It imports nothing
 * heavy.
 */
import { type Command, CommanderError } from 'commander';
import { commandTree, invocation, type Place } from './command-tree/index.ts';
import { ExitCode, SaasError } from './model/error.ts';
import type { OutputFormat } from './ui/output.ts';

export { commandTree };

/** Runs one command line; gives the exit code. Never throws, never ends the process. */
export async function run(argv: readonly string[], place: Place): Promise<number> {
  // The output is made when the flags are known; errors before that are told as text or JSON by a look at argv.
  let format = formatIn(argv);
  let debug = argv.includes('--debug');
  let exitCode: number = ExitCode.done;
  const program = commandTree({
    place,
    onFlags(flags) {
      format = flags.format;
      debug = flags.debug;
    },
    onEnd(code) {
      exitCode = code;
    },
  });
  try {
    if (argv.length === 0 && place.stdin.isTTY && place.stderr.isTTY && place.stdout.isTTY) {
      const { menu } = await import('./commands/menu.ts');
      const chosen = await menu(
        await invocation(place, {}, 'text', debug),
        program.commands.map((command) => ({ name: command.name(), description: command.description() })),
      );
      return chosen === undefined ? ExitCode.done : await run(chosen, place);
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (
      error instanceof CommanderError &&
      ['commander.helpDisplayed', 'commander.version', 'commander.help'].includes(error.code)
    )
      return error.code === 'commander.help' ? ExitCode.usage : ExitCode.done;
    const [{ Output }, { toSaasError }] = await Promise.all([
      import('./ui/output.ts'),
      import('./services/aws-errors.ts'),
    ]);
    const failure =
      error instanceof CommanderError ? usageError(error, named(program, argv)) : toSaasError(error);
    const shown = place.signal.aborted ? stopped(failure, place.signal) : failure;
    new Output(place, { format, debug }).failure(shown);
    return shown.exitCode;
  }
}

/** A command that a signal ended, whatever it failed with on its way out. */
function stopped(failure: SaasError, { reason }: AbortSignal): SaasError {
  const exitCode = reason === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted;
  const { detail, hint } = failure;
  return failure.code === 'interrupted'
    ? new SaasError(failure.code, failure.message, {
        ...(detail !== undefined && { detail }),
        ...(hint !== undefined && { hint }),
        exitCode,
        cause: failure.cause,
      })
    : new SaasError('interrupted', 'stopped', { exitCode, cause: failure });
}

/** The entry of bin/saas-ecs: the real process around {@link run}. */
export async function main(argv: readonly string[]): Promise<void> {
  const stop = new AbortController();
  let asked = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // The second Ctrl-C means now.
      if (++asked > 1) process.exit(signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated);
      stop.abort(signal);
    });
  // A closed pipe (`| head`) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitCode.done);
    throw error;
  });
  const { stdin, stdout, stderr, env } = process;
  const code = await run(argv, { stdin, stdout, stderr, env, cwd: process.cwd(), signal: stop.signal });
  process.exitCode = code;
  // Keep-alive sockets and a toolkit that can't be cancelled must not hold the process.
  if (stdout.writableLength === 0) process.exit(code);
  stdout.once('drain', () => process.exit(code));
}

function formatIn(argv: readonly string[]): OutputFormat {
  if (argv.includes('--json')) return 'json';
  const at = argv.indexOf('--output');
  const value =
    at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith('--output='))?.slice('--output='.length);
  return value === 'json' || value === 'ndjson' ? value : 'text';
}

/** The command that the words of a command line lead to, as far as they do. */
function named(program: Command, [word, ...rest]: readonly string[]): Command {
  const next = program.commands.find((command) => command.name() === word);
  return next ? named(next, rest) : program;
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Some commands take their tenant as an argument, some by a flag; who mixes them up is told which. */
function usageHint(error: CommanderError, command: Command): string {
  const byFlag = command.options.some(({ long }) => long === '--tenant');
  return error.code === 'commander.excessArguments' && byFlag
    ? `name a tenant by its flag: ${pathOf(command)} --tenant NAME`
    : `see how it is used: ${pathOf(command)} --help`;
}

function usageError(error: CommanderError, command: Command): SaasError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = rest
    .join(' ')
    .trim()
    .replace(/^\(|\)$/g, '');
  return new SaasError('bad_usage', first.replace(/'/g, '"'), {
    hint: suggestion || usageHint(error, command),
    exitCode: ExitCode.usage,
  });
}
