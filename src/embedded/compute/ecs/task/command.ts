/** Turns a container's command into one that runs on this machine, its absolute paths being those of the image. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Image } from '../../../platform.ts';
import { isFile, programOnMachine, searchPath } from '../../programs.ts';

export interface Command {
  program: string;
  args: string[];
  cwd: string;
}

/** The first line of a failure of a container that could not even be started. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const nodeImages = /(^|\/)(node|nodejs)$/;

/** Files that the platform puts into every container: absolute path there -> real path. */
export type Mounts = Readonly<Record<string, string>>;

/** `entryPoint` and `command` are the container definition's (or an override's) and replace the image's. */
export function resolveCommand(
  image: Image,
  container: {
    entryPoint?: readonly string[] | undefined;
    command?: readonly string[] | undefined;
    workingDirectory?: string | undefined;
  },
  mounts: Mounts = {},
): Command {
  // As in Docker: an entry point of one's own drops the image's command.
  const entryPoint = container.entryPoint ?? image.entrypoint;
  const command = container.command ?? (container.entryPoint ? [] : image.cmd);
  const argv = [...entryPoint, ...command];
  const [program, ...rest] = argv;
  if (!program) throw new StartError('CannotStartContainerError: no command specified');
  const cwd = insideImage(image.root, container.workingDirectory || image.workdir || '/');
  const shell = /(^|\/)(sh|bash|dash)$/.test(program);
  const args = rest.map((argument, index) =>
    shell && rest[index - 1] === '-c'
      ? translateScript(image.root, mounts, argument)
      : translate(image.root, mounts, argument),
  );
  return { program: findProgram(image, program, cwd), args, cwd };
}

/** The real path of an absolute path in the image. */
export const insideImage = (root: string, absolute: string): string =>
  path.join(root, path.posix.normalize(`/${absolute}`));

function findProgram(image: Image, program: string, cwd: string): string {
  if (program.includes('/')) {
    const own = program.startsWith('/') ? insideImage(image.root, program) : path.resolve(cwd, program);
    if (isFile(own)) return own;
  }
  if (nodeImages.test(program)) return process.execPath;
  const name = path.posix.basename(program);
  const found = programOnMachine(name);
  if (found !== undefined) return found;
  throw new StartError(
    `CannotStartContainerError: failed to run "${program}": neither the image nor this machine has "${name}" (the embedded cloud runs an image's program as a process; looked in ${searchPath()})`,
  );
}

function translate(root: string, mounts: Mounts, argument: string): string {
  const mounted = mounts[argument];
  if (mounted !== undefined) return mounted;
  if (argument.startsWith('/')) {
    const own = insideImage(root, argument);
    return existsSync(own) ? own : argument;
  }
  // --option=/path
  const value = /^(--?[\w-]+=)(\/.*)$/.exec(argument);
  return value ? `${value[1]}${translate(root, mounts, value[2] ?? '')}` : argument;
}

const translateScript = (root: string, mounts: Mounts, script: string): string =>
  script.replace(/(?<=^|[\s="'<])\/[^\s"';|&<>()]+/g, (word) => translate(root, mounts, word));
