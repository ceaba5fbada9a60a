/**
 * The commands of a build. As CodeBuild's agent does, each runs as a script of its own, and the variables and the
 * directory that it leaves behind are what the next begins with.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from '../ecs/task/command.ts';
import { startProcess } from '../ecs/task/process.ts';
import { programOnMachine } from '../programs.ts';

/** A build that is stopped or late is asked to end, then made to. */
const graceMs = 2000;

export interface Shell {
  /** Resolves to the exit code; the command's process group is gone then. Rejects when it can't be started. */
  run(command: string, signal: AbortSignal): Promise<number>;
  set(name: string, value: string): void;
  /** What the commands so far have left. */
  value(name: string): string | undefined;
}

export function openShell(options: {
  shell: 'sh' | 'bash';
  /** Where scripts are put; only this user may read it. */
  scratch: string;
  directory: string;
  environment: Readonly<Record<string, string>>;
  onLines(lines: string[]): void;
}): Shell {
  const { scratch } = options;
  let environment = { ...options.environment };
  let directory = options.directory;
  const script = path.join(scratch, 'script.sh');
  const left = path.join(scratch, 'left');

  /** The command is on lines of its own: a heredoc or comment at its end must not take in what follows. */
  const wrapped = (command: string): string =>
    `set -a
${command}
CODEBUILD_LAST_EXIT=$?
{ pwd; env -0; } > ${quoted(left)}
exit $CODEBUILD_LAST_EXIT
`;

  /** A command that ended its shell by itself leaves nothing. */
  const takeOver = async (): Promise<void> => {
    const text = await readFile(left, 'utf8').catch(() => undefined);
    // It may hold secrets.
    await rm(left, { force: true });
    if (text === undefined) return;
    const cut = text.indexOf('\n');
    directory = text.slice(0, cut);
    const entries = text
      .slice(cut + 1)
      .split('\0')
      .filter(Boolean)
      .map((entry): [string, string] => {
        const equals = entry.indexOf('=');
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      });
    environment = Object.fromEntries(entries.filter(([name]) => !['_', 'SHLVL'].includes(name)));
  };

  return {
    async run(command, signal) {
      signal.throwIfAborted();
      const program = programOnMachine(options.shell);
      if (program === undefined)
        throw new StartError(`the buildspec asks for ${options.shell}, which this machine does not have`);
      await writeFile(script, wrapped(command), { mode: 0o600 });
      const child = await startProcess(
        { program, args: [script], cwd: directory },
        environment,
        scratch,
        options.onLines,
      );
      const end = (): void => void child.end(graceMs);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      try {
        const { code } = await child.exited;
        await takeOver();
        signal.throwIfAborted();
        return code;
      } finally {
        signal.removeEventListener('abort', end);
      }
    },
    set(name, value) {
      environment[name] = value;
    },
    value: (name) => environment[name],
  };
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
