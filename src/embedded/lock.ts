/** One process at a time serves a state directory. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { processIdentity } from '../model/process.ts';

/** Somebody else serves the directory. */
export class StateLockedError extends Error {
  override readonly name = 'StateLockedError';
  readonly pid: number;
  constructor(directory: string, pid: number) {
    super(`process ${pid} serves ${directory} already`);
    this.pid = pid;
  }
}

interface Owner {
  pid: number;
  /** See processIdentity: a process id alone may have been given out again. */
  identity: string;
}

const held = new Set<string>();

/** Takes the directory's lock and gives back how to release it. A lock whose process is gone is taken over. Rejects with a StateLockedError. */
export async function lockState(directory: string): Promise<() => Promise<void>> {
  const file = path.join(directory, 'lock');
  if (held.has(file)) throw new StateLockedError(directory, process.pid);
  const own: Owner = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  const draft = `${file}.${randomUUID()}`;
  // Linked, not written in place: the lock is whole from its first moment.
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        await link(draft, file);
        held.add(file);
        return async () => {
          held.delete(file);
          await rm(file, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      await removeStale(file, directory);
    }
    throw new StateLockedError(directory, (await ownerOf(file))?.pid ?? 0);
  } finally {
    await rm(draft, { force: true });
  }
}

async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

const alive = (owner: Owner): boolean =>
  processIdentity(owner.pid) === owner.identity && !(owner.pid === process.pid);

async function removeStale(file: string, directory: string): Promise<void> {
  const owner = await ownerOf(file);
  if (owner && alive(owner)) throw new StateLockedError(directory, owner.pid);
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  // Another process may have taken the stale lock over in between: then what was moved is its live one.
  const moved = await ownerOf(aside);
  if (moved && alive(moved)) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}
