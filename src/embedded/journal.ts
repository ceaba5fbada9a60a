/**
 * One append-only file of documents by key. Each line carries its checksum, each batch ends with a line of its own:
 * what a killed process leaves is a prefix, whose last batch counts only when it is complete. A complete line that
 * does not match its checksum is damage, and is reported, never skipped.
 *
 *     saas-ecs-store 1
 *     <crc32, 8 hex digits> ["<key>",<document>]
 *     <crc32, 8 hex digits> ["<key>"]               the key is removed
 *     .                                             the batch is complete
 */
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';

/** State on disk that can't be read. Nothing was changed. */
export class StateDamagedError extends Error {
  override readonly name = 'StateDamagedError';
  readonly file: string;
  constructor(file: string, what: string, cause?: unknown) {
    super(`${file} is damaged: ${what}`, { cause });
    this.file = file;
  }
}

export interface Journal {
  /** `document` is JSON. Throws when an earlier write has failed; ignored once the journal is closed. */
  put(key: string, document: string): void;
  remove(key: string): void;
  /** Resolves when everything put so far is in the file; rejects when it could not be written. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

const header = 'saas-ecs-store 1\n';
const commit = '.\n';
/** The file is rewritten when it is this many times larger than what counts in it, and at least `minGarbage` bytes are waste. */
const maxRatio = 2;
const minGarbage = 4 * 1024 * 1024;
const newline = 0x0a;
const prefixLength = 9;

const checksum = (json: Buffer): string => crc32(json).toString(16).padStart(8, '0');

function line(key: string, document: string | undefined): Buffer {
  const name = JSON.stringify(key);
  const json = Buffer.from(document === undefined ? `[${name}]` : `[${name},${document}]`);
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')]);
}

/** Where the line that counts for a key is in the file. */
interface Place {
  offset: number;
  length: number;
}

/** What is read from a file: the lines that count, and where its last complete batch ends. */
interface Replay {
  places: Map<string, Place>;
  documents: Map<string, unknown>;
  end: number;
}

function replay(file: string, content: Buffer): Replay {
  const places = new Map<string, Place>();
  const documents = new Map<string, unknown>();
  let batch: { key: string; place: Place; record: unknown[] }[] = [];
  let offset = Buffer.byteLength(header);
  let end = offset;
  while (offset < content.length) {
    const stop = content.indexOf(newline, offset);
    if (stop < 0) break;
    const length = stop + 1 - offset;
    if (length === commit.length && content[offset] === commit.charCodeAt(0)) {
      for (const { key, place, record } of batch) {
        if (record.length === 1) {
          places.delete(key);
          documents.delete(key);
        } else {
          places.set(key, place);
          documents.set(key, record[1]);
        }
      }
      batch = [];
      end = stop + 1;
    } else {
      const json = content.subarray(offset + prefixLength, stop);
      const prefix = content.subarray(offset, offset + prefixLength).toString('latin1');
      if (prefix !== `${checksum(json)} `)
        throw new StateDamagedError(file, `the record at byte ${offset} fails its checksum`);
      const record = JSON.parse(json.toString('utf8')) as [string, unknown?];
      batch.push({ key: record[0], place: { offset, length }, record });
    }
    offset = stop + 1;
  }
  return { places, documents, end };
}

/**
 * Opens or creates the journal in `directory` and gives every document that counts to `load`. Rejects with a
 * StateDamagedError when the file can't be trusted; it is left as it is.
 */
export async function openJournal(
  directory: string,
  load: (key: string, document: unknown) => void,
): Promise<Journal> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, 'journal');
  const next = `${file}.next`;
  // A rewrite that did not come to its end: the journal itself is whole.
  await rm(next, { force: true });
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw new StateDamagedError(file, error.message, error);
  });
  // A process killed at its very start leaves a part of the header.
  const fresh = content.length < header.length && header.startsWith(content.toString('latin1'));
  if (!fresh && content.subarray(0, header.length).toString('latin1') !== header) {
    throw new StateDamagedError(file, 'it does not begin as a store of saas-ecs does');
  }
  const { places, documents, end } = fresh
    ? { places: new Map<string, Place>(), documents: new Map<string, unknown>(), end: 0 }
    : replay(file, content);
  for (const [key, document] of documents) load(key, document);

  let handle = await open(file, fresh ? 'w+' : 'r+', 0o600);
  let size = end;
  let live = 0;
  for (const place of places.values()) live += place.length;
  if (fresh) {
    await handle.write(header, 0);
    size = header.length;
  } else if (end < content.length) {
    // The batch that was under way belongs to a call that was never answered.
    await handle.truncate(end);
  }

  let waiting = new Map<string, Buffer | undefined>();
  let tail: Promise<void> = Promise.resolve();
  let scheduled = false;
  let failure: Error | undefined;
  let closed = false;

  const write = async (): Promise<void> => {
    scheduled = false;
    const batch = waiting;
    waiting = new Map();
    const lines: Buffer[] = [];
    let offset = size;
    const moves: [string, Place | undefined][] = [];
    for (const [key, document] of batch) {
      const bytes = document ?? line(key, undefined);
      lines.push(bytes);
      moves.push([key, document && { offset, length: bytes.length }]);
      offset += bytes.length;
    }
    lines.push(Buffer.from(commit));
    const bytes = Buffer.concat(lines);
    await writeAll(handle, bytes, size);
    size += bytes.length;
    for (const [key, place] of moves) {
      live += (place?.length ?? 0) - (places.get(key)?.length ?? 0);
      if (place) places.set(key, place);
      else places.delete(key);
    }
    if (size > live * maxRatio && size - live > minGarbage) await rewrite();
  };

  /** Copies the lines that count into a new file, which then takes the old one's place. */
  const rewrite = async (): Promise<void> => {
    const old = await readFile(file);
    const kept: Buffer[] = [Buffer.from(header)];
    const moved = new Map<string, Place>();
    let offset = header.length;
    for (const [key, place] of places) {
      kept.push(old.subarray(place.offset, place.offset + place.length));
      moved.set(key, { offset, length: place.length });
      offset += place.length;
    }
    kept.push(Buffer.from(commit));
    const bytes = Buffer.concat(kept);
    const replacement = await open(next, 'w+', 0o600);
    try {
      await writeAll(replacement, bytes, 0);
      await rename(next, file);
    } catch (error) {
      await replacement.close();
      throw error;
    }
    await handle.close();
    handle = replacement;
    size = bytes.length;
    for (const [key, place] of moved) places.set(key, place);
  };

  const schedule = (key: string, bytes: Buffer | undefined): void => {
    if (failure) throw failure;
    if (closed) return;
    waiting.set(key, bytes);
    if (scheduled) return;
    scheduled = true;
    tail = tail.then(write);
    // Whoever awaits flushed() sees the failure; nobody awaiting must not end the process.
    tail.catch((error: unknown) => {
      failure ??= new Error(`the embedded cloud's state can't be written: ${String(error)}`, {
        cause: error,
      });
    });
  };

  return {
    put: (key, document) => schedule(key, line(key, document)),
    remove: (key) => schedule(key, undefined),
    async flushed() {
      await tail;
    },
    async close() {
      if (closed) return;
      closed = true;
      try {
        await tail;
      } finally {
        await handle.close();
      }
    },
  };
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
