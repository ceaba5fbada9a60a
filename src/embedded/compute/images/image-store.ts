/** The embedded registry's images on disk: `<stateDir>/images/<digest>`, each whole or not there. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Image } from '../../platform.ts';
import { makePrivate } from '../../private-state.ts';
import { configFile, type ImageConfig, imageDigest, rootOf } from './image-config.ts';

export interface ImageStore {
  /** Copies an image in; rejects when its content is not what the digest says. Resolves to its size in bytes. */
  take(directory: string, digest: string): Promise<number>;
  image(digest: string): Image | undefined;
  /** Removes images that no repository has. */
  keepOnly(digests: ReadonlySet<string>): Promise<void>;
}

export function openImageStore(stateDir: string): ImageStore {
  const base = path.join(stateDir, 'images');
  const directoryOf = (digest: string): string => path.join(base, digest.replace('sha256:', ''));
  const known = new Map<string, Image>();

  return {
    async take(directory, digest) {
      const target = directoryOf(digest);
      await mkdir(base, { recursive: true });
      const draft = path.join(base, `.pushing-${randomBytes(6).toString('hex')}`);
      try {
        await cp(directory, draft, { recursive: true, verbatimSymlinks: true });
        const config = JSON.parse(await readFile(configFile(draft), 'utf8')) as ImageConfig;
        const actual = await imageDigest(config, rootOf(draft));
        if (actual.digest !== digest)
          throw new Error(`the image's content is ${actual.digest}, not ${digest}`);
        // Copying keeps the modes that the image's files had where it was built.
        await makePrivate(draft);
        await rename(draft, target).catch((error: NodeJS.ErrnoException) => {
          // The same content is there already, or came by another push in this moment.
          if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
        });
        return actual.size;
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
    },
    image(digest) {
      const cached = known.get(digest);
      if (cached) return cached;
      const directory = directoryOf(digest);
      if (!existsSync(configFile(directory))) return undefined;
      const config = JSON.parse(readFileSync(configFile(directory), 'utf8')) as ImageConfig;
      const { workdir, env, entrypoint, cmd, user, exposed } = config;
      const image: Image = { root: rootOf(directory), workdir, env, entrypoint, cmd, user, exposed, digest };
      known.set(digest, image);
      return image;
    },
    async keepOnly(digests) {
      for (const name of await readdir(base).catch(() => [])) {
        if (!digests.has(`sha256:${name}`)) await rm(path.join(base, name), { recursive: true, force: true });
      }
    },
  };
}
