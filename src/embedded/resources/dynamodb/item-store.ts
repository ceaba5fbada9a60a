/**
 * Items and index entries in one LevelDB, behind the store interface that dynalite's actions expect.
 * Why not dynalite's own store: it writes an item and its index entries one by one, so that a killed process leaves
 * them apart; it tells index entries apart by 24 bits of a hash; and it reads value by value and lists by reading all.
 * Here a request's writes are one batch, keys are exact, and reads come in pages.
 */
import { Stream } from 'node:stream';
import db from 'dynalite/db/index.js';
import { Level } from 'level';
import type { Item, TableRecord, TableSchema, TableSize } from './table.ts';

export type Write = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };
type Callback<T = unknown> = (error: unknown, value?: T) => void;

/** One holder at a time for each key, in order of asking. */
export class KeyLocks {
  readonly #waiting = new Map<string, (() => void)[]>();

  acquire(key: string, run: () => void): void {
    const queue = this.#waiting.get(key);
    if (queue) {
      queue.push(run);
      return;
    }
    this.#waiting.set(key, []);
    run();
  }

  release(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next) queueMicrotask(next);
    else this.#waiting.delete(key);
  }

  /** All of the keys, taken in one order so that two callers can't wait for each other. */
  async hold<T>(keys: readonly string[], run: () => Promise<T>): Promise<T> {
    const sorted = [...new Set(keys)].sort();
    for (const key of sorted) await new Promise<void>((resolve) => this.acquire(key, resolve));
    try {
      return await run();
    } finally {
      for (const key of sorted) this.release(key);
    }
  }
}

interface Range {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  limit?: number;
  reverse?: boolean;
}

const pageSize = 128;

/** Values of a range as dynalite's reader wants them: a stream of `data` events that it may end early. */
class Values extends Stream {
  #done = false;

  constructor(level: Level<string, unknown>, range: Range) {
    super();
    void this.#read(level, range);
  }

  async #read(level: Level<string, unknown>, range: Range): Promise<void> {
    const iterator = level.values(range);
    try {
      while (!this.#done) {
        const page = await iterator.nextv(pageSize);
        if (page.length === 0) break;
        for (const value of page) {
          if (this.#done) break;
          this.emit('data', value);
        }
      }
    } catch (error) {
      this.emit('error', error);
      return;
    } finally {
      await iterator.close();
    }
    this.emit('end');
  }

  destroy(): void {
    this.#done = true;
  }
}

const failure = (code: string, message: string) => ({
  statusCode: 400,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${code}`, message },
});
const notFound = () => failure('ResourceNotFoundException', 'Requested resource not found');

/** DynamoDB's refusal of an item whose key in an index is empty, which dynalite lets pass; undefined for any other. */
function emptyIndexKey(schema: TableSchema, item: Item) {
  for (const { IndexName, KeySchema } of [
    ...(schema.LocalSecondaryIndexes ?? []),
    ...(schema.GlobalSecondaryIndexes ?? []),
  ])
    for (const { AttributeName = '' } of KeySchema ?? []) {
      const value = item[AttributeName];
      const kind = value?.S === '' ? 'string' : value?.B === '' ? 'binary' : undefined;
      if (kind)
        return failure(
          'ValidationException',
          `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty ${kind} value. IndexName: ${IndexName}, IndexKey: ${AttributeName}`,
        );
    }
  return undefined;
}

/** Above every character that a key holds. */
const end = '\u007f';

export interface UnitOptions {
  /** Collects the writes instead of committing them; its caller holds the locks. */
  deferred?: Write[];
  /** Of a Query or Scan on an index: where it goes on. */
  startKey?: Item | undefined;
}

export interface ItemStore {
  readonly locks: KeyLocks;
  /** A store for one request, as dynalite's actions want it. */
  unit(options?: UnitOptions): unknown;
  /** The physical key of an item; it names the lock, too. */
  itemKey(table: TableRecord, key: Item): string;
  get(table: TableRecord, key: Item): Item | undefined;
  commit(writes: readonly Write[]): Promise<void>;
  read(key: string): unknown;
  /** Every item of a table, in pages. */
  items(table: TableRecord): AsyncGenerator<Item[]>;
  /** Keys and values below a prefix that is not a table's. */
  entries(prefix: string): AsyncGenerator<[string, unknown]>;
  /** Enters all items of a table into a new index. */
  fillIndex(table: TableRecord, indexName: string): Promise<void>;
  clearIndex(table: TableRecord, indexName: string): Promise<void>;
  clearTable(id: string): Promise<void>;
  size(table: TableRecord): Promise<TableSize>;
  /** Removes what belongs to no table: a deletion that was cut short. */
  sweep(known: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

/** Opens or creates the store. Rejects when its files are damaged; it deletes nothing. */
export async function openItemStore(
  directory: string,
  tableOf: (name: string) => TableRecord | undefined,
): Promise<ItemStore> {
  const level = new Level<string, unknown>(directory, { valueEncoding: 'json' });
  await level.open();
  const locks = new KeyLocks();
  const itemPrefix = (id: string): string => `${id}~i~`;
  const indexPrefix = (id: string, name: string): string => `${id}~x~${name}~`;
  const pageTimes = new Map<string, { at: number; size: TableSize }>();

  const commit = (writes: readonly Write[]): Promise<void> => level.batch([...writes]);

  const bounded = (prefix: string, range: Range): Range => ({
    ...(range.reverse === undefined ? {} : { reverse: range.reverse }),
    limit: range.limit ?? -1,
    ...(range.gt !== undefined ? { gt: prefix + range.gt } : { gte: prefix + (range.gte ?? '') }),
    ...(range.lte !== undefined ? { lte: prefix + range.lte } : { lt: prefix + (range.lt ?? end) }),
  });

  function unit(options: UnitOptions = {}): unknown {
    const { deferred, startKey } = options;
    const pending: Write[] = [];
    /** Physical key of the item that is being written: tells its index entries from others of the same index key. */
    let current = '';
    const settle = (callback: Callback): void => {
      if (deferred) {
        deferred.push(...pending.splice(0));
        callback(null);
        return;
      }
      commit(pending.splice(0)).then(() => callback(null), callback);
    };

    const itemDb = (name: string) => {
      const table = tableOf(name);
      const prefix = itemPrefix(table?.id ?? '');
      return {
        lock(key: string, run: (release: (callback: Callback) => Callback) => void): void {
          if (deferred) {
            run((callback) => callback);
            return;
          }
          locks.acquire(prefix + key, () =>
            run((callback) => (error, value) => {
              locks.release(prefix + key);
              callback(error, value);
            }),
          );
        },
        get(key: string, callback: Callback): void {
          current = key;
          callback(null, level.getSync(prefix + key));
        },
        put(key: string, value: unknown, callback: Callback): void {
          const invalid = table && emptyIndexKey(table.schema, value as Item);
          if (invalid) {
            // With it go the index entries of this item.
            pending.length = 0;
            callback(invalid);
            return;
          }
          pending.push({ type: 'put', key: prefix + key, value });
          settle(callback);
        },
        del(key: string, callback: Callback): void {
          pending.push({ type: 'del', key: prefix + key });
          settle(callback);
        },
        createValueStream: (range: Range) => new Values(level, bounded(prefix, range)),
      };
    };

    const indexDb = (_kind: string, tableName: string, indexName: string) => {
      const table = tableOf(tableName);
      const prefix = indexPrefix(table?.id ?? '', indexName);
      return {
        // Committed together with the item, whose put or del follows.
        put(key: string, value: unknown, callback: Callback): void {
          pending.push({ type: 'put', key: `${prefix}${key}/${current}`, value });
          callback(null);
        },
        del(key: string, callback: Callback): void {
          pending.push({ type: 'del', key: `${prefix}${key}/${current}` });
          callback(null);
        },
        createValueStream(range: Range): Values {
          if (!startKey || !table) return new Values(level, bounded(prefix, range));
          // dynalite's start is the index key alone; ours goes on with the item's.
          const index = indexOf(table.schema, indexName);
          const from = index && db.createIndexKey(startKey, table.schema, index.KeySchema);
          const exact = (bound: string | undefined): string | undefined =>
            bound !== undefined && bound === from
              ? `${bound}/${db.createKey(startKey, table.schema)}`
              : bound;
          const { gt, lt, ...rest } = range;
          const [above, below] = [exact(gt), exact(lt)];
          return new Values(
            level,
            bounded(prefix, {
              ...rest,
              ...(above === undefined ? {} : { gt: above }),
              ...(below === undefined ? {} : { lt: below }),
            }),
          );
        },
      };
    };

    return {
      options: { maxItemSize: 409_600 },
      getTable(name: string, checkStatus: unknown, callback?: Callback<TableSchema>): void {
        const answer = typeof checkStatus === 'function' ? (checkStatus as Callback<TableSchema>) : callback;
        const table = tableOf(name);
        if (table) answer?.(null, table.schema);
        else answer?.(notFound());
      },
      getItemDb: itemDb,
      getIndexDb: indexDb,
    };
  }

  async function* pages(range: Range): AsyncGenerator<[string, unknown][]> {
    const iterator = level.iterator(range);
    try {
      for (;;) {
        const page = await iterator.nextv(pageSize);
        if (page.length === 0) return;
        yield page as [string, unknown][];
      }
    } finally {
      await iterator.close();
    }
  }

  const below = (prefix: string): Range => ({ gte: prefix, lt: prefix + end });
  const itemKey = (table: TableRecord, key: Item): string =>
    itemPrefix(table.id) + db.createKey(key, table.schema);

  return {
    locks,
    unit,
    itemKey,
    commit,
    get: (table, key) => level.getSync(itemKey(table, key)) as Item | undefined,
    read: (key) => level.getSync(key),

    async *items(table) {
      for await (const page of pages(below(itemPrefix(table.id))))
        yield page.map(([, value]) => value as Item);
    },
    async *entries(prefix) {
      for await (const page of pages(below(prefix))) yield* page;
    },

    async fillIndex(table, indexName) {
      const index = indexOf(table.schema, indexName);
      if (!index) return;
      for await (const page of pages(below(itemPrefix(table.id)))) {
        await locks.hold(
          page.map(([key]) => key),
          () =>
            commit(
              page.flatMap(([key]): Write[] => {
                const item = level.getSync(key);
                if (item === undefined) return [];
                const own = key.slice(itemPrefix(table.id).length);
                return db.getIndexActions([index], undefined, item, table.schema).puts.map((put) => ({
                  type: 'put',
                  key: `${indexPrefix(table.id, indexName)}${put.key}/${own}`,
                  value: put.item,
                }));
              }),
            ),
        );
      }
    },
    clearIndex: (table, indexName) => level.clear(below(indexPrefix(table.id, indexName))),
    clearTable: (id) => level.clear(below(`${id}~`)),

    async size(table) {
      // AWS refreshes these figures every six hours; here at most once a second, so that pollers cost nothing.
      const known = pageTimes.get(table.id);
      const now = performance.now();
      if (known && now - known.at < 1000) return known.size;
      const range = below(itemPrefix(table.id));
      let items = 0;
      let bytes = 0;
      const iterator = level.iterator<string, string>({ ...range, valueEncoding: 'utf8' });
      try {
        for (;;) {
          const page = await iterator.nextv(1000);
          if (page.length === 0) break;
          items += page.length;
          for (const [, value] of page) bytes += value.length;
        }
      } finally {
        await iterator.close();
      }
      const size = { items, bytes };
      pageTimes.set(table.id, { at: now, size });
      return size;
    },

    async sweep(known) {
      let from = '';
      for (;;) {
        const [key] = await level.keys({ gt: from, limit: 1 }).all();
        if (key === undefined) return;
        const id = key.slice(0, key.indexOf('~'));
        if (!known.has(id)) await level.clear(below(`${id}~`));
        from = `${id}~${end}`;
      }
    },
    close: () => level.close(),
  };
}

function indexOf(schema: TableSchema, name: string) {
  return [...(schema.LocalSecondaryIndexes ?? []), ...(schema.GlobalSecondaryIndexes ?? [])].find(
    (index) => index.IndexName === name,
  );
}
