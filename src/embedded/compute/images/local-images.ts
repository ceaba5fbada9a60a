/** Images built on this machine and not (only) pushed: what `docker build`, `tag` and `inspect` know. Content-addressed, forgotten after a day. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** Directories built with another idea of a Dockerfile must not be found again: raise it with the builder's behaviour. */
const format = 'v1';
const keepMs = 24 * 3600 * 1000;

export interface LocalImages {
  /** The image's directory, or undefined. */
  find(reference: string): Promise<{ digest: string; directory: string } | undefined>;
  references(): Promise<string[]>;
  /** An empty directory to build in; {@link add} takes it over. */
  scratch(): Promise<string>;
  add(scratch: string, digest: string, references: readonly string[]): Promise<void>;
  tag(reference: string, digest: string): Promise<void>;
  /** Removes references and logins older than a day, and images that none names. */
  clean(): Promise<void>;
  setLogin(account: string, token: string | undefined): Promise<void>;
  login(account: string): Promise<string | undefined>;
}

/** In `EMBEDDED_IMAGE_CACHE`, or a private directory of this user below the system's temporary one. */
export async function openLocalImages(): Promise<LocalImages> {
  const user = os.userInfo().uid;
  const base = process.env['EMBEDDED_IMAGE_CACHE'] ?? path.join(os.tmpdir(), `embedded-images-${user}`);
  const root = path.join(base, format);
  await mkdir(base, { recursive: true, mode: 0o700 });
  const owner = (await stat(base)).uid;
  if (user >= 0 && owner !== user)
    throw new Error(`${base} belongs to another user; set EMBEDDED_IMAGE_CACHE to a directory of your own`);
  const tags = path.join(root, 'tags');
  const images = path.join(root, 'images');
  const logins = path.join(root, 'logins');
  await Promise.all(
    [tags, images, logins].map((directory) => mkdir(directory, { recursive: true, mode: 0o700 })),
  );

  const tagFile = (reference: string): string =>
    path.join(
      tags,
      encodeURIComponent(
        reference.includes(':', reference.lastIndexOf('/') + 1) ? reference : `${reference}:latest`,
      ),
    );
  const directoryOf = (digest: string): string => path.join(images, digest.replace('sha256:', ''));
  /** Appears whole or not at all: several builds run side by side. */
  const writeWhole = async (file: string, text: string): Promise<void> => {
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, file);
  };

  return {
    async find(reference) {
      const digest = reference.startsWith('sha256:')
        ? reference
        : (await readFile(tagFile(reference), 'utf8').catch(() => '')).trim();
      if (!digest) return undefined;
      const directory = directoryOf(digest);
      return (await stat(path.join(directory, 'image.json')).catch(() => undefined))
        ? { digest, directory }
        : undefined;
    },
    async references() {
      return (await readdir(tags)).filter((name) => !/\.[0-9a-f]{12}$/.test(name)).map(decodeURIComponent);
    },
    async scratch() {
      const directory = path.join(images, `building-${randomBytes(8).toString('hex')}`);
      await mkdir(directory, { mode: 0o700 });
      return directory;
    },
    async add(scratch, digest, references) {
      await rename(scratch, directoryOf(digest)).catch(async (error: NodeJS.ErrnoException) => {
        // The same content is there already.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
        await rm(scratch, { recursive: true, force: true });
      });
      for (const reference of references) await writeWhole(tagFile(reference), digest);
    },
    tag: (reference, digest) => writeWhole(tagFile(reference), digest),
    async clean() {
      const now = Date.now();
      const named = new Set<string>();
      for (const name of await readdir(tags)) {
        const file = path.join(tags, name);
        const age = now - ((await stat(file).catch(() => undefined))?.mtimeMs ?? now);
        if (age > keepMs) await rm(file, { force: true });
        else named.add((await readFile(file, 'utf8').catch(() => '')).trim().replace('sha256:', ''));
      }
      for (const name of await readdir(logins)) {
        const file = path.join(logins, name);
        const age = now - ((await stat(file).catch(() => undefined))?.mtimeMs ?? now);
        if (age > keepMs) await rm(file, { force: true });
      }
      for (const name of await readdir(images)) {
        const directory = path.join(images, name);
        const age = now - ((await stat(directory).catch(() => undefined))?.mtimeMs ?? now);
        // A young one may be named in the next moment.
        if (!named.has(name) && age > 3_600_000) await rm(directory, { recursive: true, force: true });
      }
    },
    async setLogin(account, token) {
      const file = path.join(logins, encodeURIComponent(account));
      if (token === undefined) await rm(file, { force: true });
      else await writeWhole(file, token);
    },
    login: (account) =>
      readFile(path.join(logins, encodeURIComponent(account)), 'utf8').catch(() => undefined),
  };
}
