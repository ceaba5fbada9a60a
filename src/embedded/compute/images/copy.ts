/** COPY and ADD: files and directories from a context or a stage into an image's file system. */
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import path from 'node:path';
import { DockerfileError } from './dockerfile.ts';
import { globPattern, isPattern } from './patterns.ts';

export interface CopyInput {
  /** The image's file system. */
  root: string;
  workdir: string;
  /** Where the sources are. */
  source: string;
  ignored: (relative: string) => boolean;
  sources: readonly string[];
  destination: string;
  /** Octal, from --chmod. */
  mode: string | undefined;
  line: number;
}

export async function copyInto(input: CopyInput): Promise<void> {
  const { line } = input;
  const mode = input.mode === undefined ? undefined : Number.parseInt(input.mode, 8);
  if (mode !== undefined && Number.isNaN(mode))
    throw new DockerfileError(line, `--chmod=${input.mode}: not an octal mode`);
  const absolute = path.posix.resolve('/', input.workdir, input.destination);
  const asDirectory = /(^|\/)\.?$/.test(input.destination);
  const target = path.join(input.root, absolute);
  const sources: string[] = [];
  for (const source of input.sources) sources.push(...(await matches(input, source)));
  if (sources.length > 1 && !asDirectory && !(await isDirectory(target)))
    throw new DockerfileError(
      line,
      'with more than one source the destination must be a directory, ending in /',
    );

  for (const relative of sources) {
    const from = path.join(input.source, relative);
    const directory = await isDirectory(from);
    await checkInside(input.source, directory ? from : path.dirname(from), line);
    if (directory) await copyDirectory(input, relative, target, mode);
    else {
      const into =
        asDirectory || (await isDirectory(target)) ? path.join(target, path.basename(relative)) : target;
      await checkInside(input.root, path.dirname(into), line);
      await copyOne(from, into, mode);
    }
  }
}

/** The existing paths, relative to the source, that one argument of COPY means. */
async function matches(input: CopyInput, argument: string): Promise<string[]> {
  // Sources can't leave the context; a leading slash means its root.
  const relative = path.posix.join('/', argument).slice(1).replace(/\/$/, '');
  if (isPattern(relative)) {
    const pattern = globPattern(relative);
    const depth = relative.split('/').length;
    const found = (await entries(input.source, depth)).filter(
      (entry) => pattern.test(entry) && !input.ignored(entry),
    );
    if (found.length === 0) throw new DockerfileError(input.line, `no file matches "${argument}"`);
    return found;
  }
  const exists = await lstat(path.join(input.source, relative)).catch(() => undefined);
  if (!exists || (relative !== '' && !exists.isDirectory() && input.ignored(relative)))
    throw new DockerfileError(
      input.line,
      `"${argument}" is not there${exists ? ': .dockerignore takes it out of the build context' : ''}`,
    );
  return [relative];
}

async function entries(directory: string, depth: number, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path.join(directory, prefix), { withFileTypes: true })) {
    const relative = path.posix.join(prefix, entry.name);
    found.push(relative);
    if (entry.isDirectory() && depth > 1) found.push(...(await entries(directory, depth - 1, relative)));
  }
  return found.sort();
}

/** A directory's content, not the directory itself, is what COPY copies. */
async function copyDirectory(
  input: CopyInput,
  relative: string,
  target: string,
  mode: number | undefined,
): Promise<void> {
  await checkInside(input.root, target, input.line);
  await mkdir(target, { recursive: true });
  const directory = path.join(input.source, relative);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const inner = path.posix.join(relative, entry.name);
    if (entry.isDirectory()) {
      // An exception of .dockerignore may be deeper, so only files are left out.
      if (!input.ignored(inner) || (await anyKept(input, inner)))
        await copyDirectory(input, inner, path.join(target, entry.name), mode);
    } else if (!input.ignored(inner))
      await copyOne(path.join(directory, entry.name), path.join(target, entry.name), mode);
  }
}

async function anyKept(input: CopyInput, relative: string): Promise<boolean> {
  for (const entry of await readdir(path.join(input.source, relative), { withFileTypes: true })) {
    const inner = path.posix.join(relative, entry.name);
    if (entry.isDirectory() ? await anyKept(input, inner) : !input.ignored(inner)) return true;
  }
  return false;
}

async function copyOne(from: string, to: string, mode: number | undefined): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  if ((await lstat(from)).isSymbolicLink()) {
    await rm(to, { force: true });
    await symlink(await readlink(from), to);
    return;
  }
  // A link that is there already is replaced: written through, it could lead out of the image.
  if ((await lstat(to).catch(() => undefined))?.isSymbolicLink()) await rm(to);
  await copyFile(from, to);
  if (mode !== undefined) await chmod(to, mode);
}

async function isDirectory(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Throws DockerfileError when symbolic links lead from a directory, which need not exist yet, out of `root`: absolute ones
 * mean the image's root in a container, but this machine's here.
 */
export async function checkInside(root: string, directory: string, line: number): Promise<void> {
  const base = await realpath(root);
  let existing = directory;
  let actual = await realpath(existing).catch(() => undefined);
  while (actual === undefined && existing.length > root.length) {
    existing = path.dirname(existing);
    actual = await realpath(existing).catch(() => undefined);
  }
  if (actual !== undefined && actual !== base && !actual.startsWith(base + path.sep))
    throw new DockerfileError(
      line,
      `"/${path.relative(root, directory)}" is reached by a symbolic link that leads elsewhere, which this builder does not follow`,
    );
}
