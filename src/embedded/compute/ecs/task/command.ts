/** Turns a container's command into one that runs on this machine, its absolute paths being those of the image. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Image } from '../../../platform.ts';

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

/** `entryPoint` and `command` are the container definition's (or an override's) and replace the image's. */
export function resolveCommand(
  image: Image,
  container: {
    entryPoint?: readonly string[] | undefined;
    command?: readonly string[] | undefined;
    workingDirectory?: string | undefined;
  },
  searchPath: string,
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
      ? translateScript(image.root, argument)
      : translate(image.root, argument),
  );
  return { program: findProgram(image, program, cwd, searchPath), args, cwd };
}

/** The real path of an absolute path in the image. */
export const insideImage = (root: string, absolute: string): string =>
  path.join(root, path.posix.normalize(`/${absolute}`));

function findProgram(image: Image, program: string, cwd: string, searchPath: string): string {
  if (program.includes('/')) {
    const own = program.startsWith('/') ? insideImage(image.root, program) : path.resolve(cwd, program);
    if (isFile(own)) return own;
  }
  if (nodeImages.test(program)) return process.execPath;
  const name = path.posix.basename(program);
  for (const directory of searchPath.split(path.delimiter)) {
    const found = path.join(directory, name);
    if (directory && isFile(found)) return found;
  }
  throw new StartError(
    `CannotStartContainerError: failed to run "${program}": neither the image nor this machine has "${name}" (the embedded cloud runs an image's program as a process; looked in ${searchPath})`,
  );
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function translate(root: string, argument: string): string {
  if (argument.startsWith('/')) {
    const own = insideImage(root, argument);
    return existsSync(own) ? own : argument;
  }
  // --option=/path
  const value = /^(--?[\w-]+=)(\/.*)$/.exec(argument);
  return value ? `${value[1]}${translate(root, value[2] ?? '')}` : argument;
}

const translateScript = (root: string, script: string): string =>
  script.replace(/(?<=^|[\s="'])\/[^\s"';|&<>()]+/g, (word) => translate(root, word));
