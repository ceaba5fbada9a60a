/** What an image is here: a directory with its files and a small description; its digest covers both. */
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

export interface ImageConfig {
  /** The last stage's FROM: not pulled, only named. */
  base: string;
  workdir: string;
  env: Record<string, string>;
  entrypoint: string[];
  cmd: string[];
  user: string;
  exposed: number[];
  labels: Record<string, string>;
  healthcheck?: { command: string[] };
  stopSignal?: string;
  /** e.g. `linux/arm64`: recorded; what runs is this machine's. */
  platform: string;
}

/** An image on disk: `<directory>/image.json` and `<directory>/rootfs`. */
export const configFile = (directory: string): string => path.join(directory, 'image.json');
export const rootOf = (directory: string): string => path.join(directory, 'rootfs');

export const emptyConfig = (platform: string): ImageConfig => ({
  base: 'scratch',
  workdir: '/',
  env: {},
  entrypoint: [],
  cmd: [],
  user: '',
  exposed: [],
  labels: {},
  platform,
});

/** `sha256:…` of the description and of every file's path, content, link target and execute bit: no times, no owners. */
export async function imageDigest(
  config: ImageConfig,
  root: string,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(sorted(config)));
  let size = 0;
  const walk = async (relative: string): Promise<void> => {
    const entries = await readdir(path.join(root, relative)).catch(() => []);
    for (const name of entries.sort()) {
      const inner = path.posix.join(relative, name);
      const file = path.join(root, inner);
      const stat = await lstat(file);
      if (stat.isDirectory()) {
        hash.update(`\0d${inner}\0`);
        await walk(inner);
      } else if (stat.isSymbolicLink()) hash.update(`\0l${inner}\0${await readlink(file)}`);
      else {
        const content = await readFile(file);
        size += content.length;
        hash.update(`\0f${inner}\0${stat.mode & 0o111 ? 'x' : '-'}${content.length}\0`);
        hash.update(content);
      }
    }
  };
  await walk('');
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/** With members in order, so that equal descriptions have equal digests. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
