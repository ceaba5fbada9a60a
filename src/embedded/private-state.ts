/**
 * Everything below the state directory is its user's alone. The daemon's umask sees to what it and its tasks create;
 * what is copied with its mode (image layers, function packages), and what an older version or another program left, is
 * brought to that here.
 */
import type { Stats } from 'node:fs';
import { chmod, lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

/** Permission bits of the group and of others. */
const wide = 0o077;
/** Files that are looked at together. */
const batch = 64;

/**
 * Takes the group's and others' permissions off a directory and everything in it; links stay as they are, and what they
 * point to is not touched. Rejects with an Error that names the file when one belongs to somebody else.
 */
export async function makePrivate(directory: string): Promise<void> {
  await narrow(directory, await lstat(directory));
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const files = (await readdir(next)).map((name) => path.join(next as string, name));
    for (let from = 0; from < files.length; from += batch) {
      await Promise.all(
        files.slice(from, from + batch).map(async (file) => {
          // A task's own file may be gone again.
          const stat = await lstat(file).catch(() => undefined);
          if (!stat || stat.isSymbolicLink()) return;
          await narrow(file, stat);
          if (stat.isDirectory()) waiting.push(file);
        }),
      );
    }
  }
}

async function narrow(file: string, stat: Stats): Promise<void> {
  if ((stat.mode & wide) === 0) return;
  try {
    await chmod(file, stat.mode & 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new Error(
      `${file} can be read or changed by others, and it is not ours to close: give it to your user, or remove it`,
      { cause: error },
    );
  }
}
