/**
 * Durable state: collections of JSON documents, held in memory and written through to one journal. A write is visible
 * at once and in the file when {@link Store.flushed} resolves; the endpoint awaits that before it answers, so no
 * acknowledged write is lost to a `kill -9`.
 */
import { type Journal, openJournal } from './journal.ts';

export { StateDamagedError } from './journal.ts';

export interface Collection<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  /** Stores the document as it is now; after changing it, put it again. Throws when an earlier write has failed. */
  put(key: string, value: T): void;
  delete(key: string): boolean;
  keys(): string[];
  values(): T[];
  entries(): [string, T][];
}

export interface Store {
  /** The collection of that name; the same one at each call. */
  collection<T>(name: string): Collection<T>;
  /** Resolves when every write so far is in the file. What is put without an await in between is kept or lost as one. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

const separator = '\u0000';

/** Opens or creates the store in `directory`. Rejects with a StateDamagedError when its file is damaged; it deletes nothing. */
export async function openStore(directory: string): Promise<Store> {
  const documents = new Map<string, Map<string, unknown>>();
  const mapOf = (name: string): Map<string, unknown> => {
    const known = documents.get(name);
    if (known) return known;
    const created = new Map<string, unknown>();
    documents.set(name, created);
    return created;
  };
  const journal: Journal = await openJournal(directory, (key, value) => {
    const cut = key.indexOf(separator);
    mapOf(key.slice(0, cut)).set(key.slice(cut + 1), value);
  });

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
          // Written down now: the document may change before the file is.
          journal.put(name + separator + key, JSON.stringify(value));
          map.set(key, value);
        },
        delete(key) {
          if (!map.has(key)) return false;
          journal.remove(name + separator + key);
          return map.delete(key);
        },
        keys: () => [...map.keys()],
        values: () => [...map.values()],
        entries: () => [...map.entries()],
      };
      collections.set(name, collection as Collection<unknown>);
      return collection;
    },
    flushed: () => journal.flushed(),
    close: () => journal.close(),
  };
}
