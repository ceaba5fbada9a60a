/**
 * Durable state: collections of JSON documents, held in memory and written through to one LevelDB. A write is
 * visible at once and on disk when {@link Store.flushed} resolves; the endpoint awaits that before it answers, so no
 * acknowledged write is lost to a `kill -9`.
 */
import { Level } from 'level';

export interface Collection<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  /** Stores the document as it is now; after changing it, put it again. */
  put(key: string, value: T): void;
  delete(key: string): boolean;
  keys(): string[];
  values(): T[];
  entries(): [string, T][];
}

export interface Store {
  /** The collection of that name; the same one at each call. */
  collection<T>(name: string): Collection<T>;
  flushed(): Promise<void>;
  close(): Promise<void>;
}

const separator = '\u0000';

/** Opens or creates the store in `directory`. Rejects when its files are damaged; it deletes nothing. */
export async function openStore(directory: string): Promise<Store> {
  const level = new Level<string, unknown>(directory, { valueEncoding: 'json' });
  await level.open();
  const documents = new Map<string, Map<string, unknown>>();
  const mapOf = (name: string): Map<string, unknown> => {
    const known = documents.get(name);
    if (known) return known;
    const created = new Map<string, unknown>();
    documents.set(name, created);
    return created;
  };
  for await (const [key, value] of level.iterator()) {
    const cut = key.indexOf(separator);
    mapOf(key.slice(0, cut)).set(key.slice(cut + 1), value);
  }

  type Write = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };
  let waiting: Write[] = [];
  let written: Promise<void> = Promise.resolve();
  let scheduled = false;
  const writeSoon = (write: Write): void => {
    waiting.push(write);
    if (scheduled) return;
    scheduled = true;
    written = written.then(() => {
      scheduled = false;
      const batch = waiting;
      waiting = [];
      return level.batch(batch);
    });
    // Whoever awaits flushed() sees the failure; nobody awaiting must not end the process.
    written.catch(() => {});
  };

  const collections = new Map<string, Collection<unknown>>();
  return {
    collection<T>(name: string): Collection<T> {
      const known = collections.get(name);
      if (known) return known as Collection<T>;
      const map = mapOf(name) as Map<string, T>;
      const collection: Collection<T> = {
        get: (key) => map.get(key),
        has: (key) => map.has(key),
        put(key, value) {
          map.set(key, value);
          // Serialized now: the document may change before the batch is written.
          writeSoon({ type: 'put', key: name + separator + key, value: JSON.parse(JSON.stringify(value)) });
        },
        delete(key) {
          if (!map.delete(key)) return false;
          writeSoon({ type: 'del', key: name + separator + key });
          return true;
        },
        keys: () => [...map.keys()],
        values: () => [...map.values()],
        entries: () => [...map.entries()],
      };
      collections.set(name, collection as Collection<unknown>);
      return collection;
    },
    async flushed() {
      await written;
    },
    async close() {
      await written;
      await level.close();
    },
  };
}
