/** Contents of objects and parts: one file each, named at random, complete before it is referred to. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Cloud } from '../../platform.ts';

export interface StoredBlob {
  blob: string;
  size: number;
  /** Hexadecimal. */
  md5: string;
}

export interface Blobs {
  /** Writes the stream to a file; when it breaks off, nothing stays. */
  write(source: Readable | AsyncIterable<Buffer>): Promise<StoredBlob>;
  /** Bytes `from` to `to`, both inclusive. */
  read(blob: string, from: number, to: number): Readable;
  readAll(blob: string): Promise<Buffer>;
  /** Removes files once what referred to them is durably gone. */
  discard(blobs: readonly string[]): void;
  /** Removes files that nothing refers to: a process that was killed may have left some. */
  sweep(referred: ReadonlySet<string>): Promise<void>;
}

const incoming = '.incoming';

export function openBlobs(cloud: Cloud): Blobs {
  const root = path.join(cloud.stateDir, 's3');
  /** Written by this process: the sweep leaves them, also while nothing refers to them yet. */
  let written: Set<string> | undefined = new Set();
  const fileOf = (blob: string): string => path.join(root, blob.slice(0, 2), blob);
  return {
    async write(source) {
      const blob = randomUUID();
      written?.add(blob);
      const target = fileOf(blob);
      const temporary = target + incoming;
      await mkdir(path.dirname(target), { recursive: true });
      const hash = createHash('md5');
      let size = 0;
      try {
        await pipeline(
          source,
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              hash.update(chunk);
              size += chunk.length;
              yield chunk;
            }
          },
          createWriteStream(temporary),
        );
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await rename(temporary, target);
      return { blob, size, md5: hash.digest('hex') };
    },
    read: (blob, from, to) => createReadStream(fileOf(blob), { start: from, end: to }),
    async readAll(blob) {
      const file = await open(fileOf(blob));
      try {
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
    discard(blobs) {
      if (blobs.length === 0) return;
      cloud.store
        .flushed()
        .then(() => Promise.all(blobs.map((blob) => rm(fileOf(blob), { force: true }))))
        .catch((error: unknown) => cloud.log(`s3 could not remove contents: ${String(error)}`));
    },
    async sweep(referred) {
      for (const shard of await readdir(root).catch(() => [])) {
        for (const name of await readdir(path.join(root, shard)).catch(() => [])) {
          const own = written?.has(path.basename(name, incoming));
          if (!referred.has(name) && !own) await rm(path.join(root, shard, name), { force: true });
        }
      }
      written = undefined;
    },
  };
}
