/** The audit in the registry: events by day, each with the hash of the one before, and a head that names the last. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Key, registryKeys } from '../../model/registry.ts';
import { type RegistryTable, refusedWrites, type Write } from '../registry/table.ts';
import { type AuditEntry, type AuditEvent, type AuditHead, hashOf } from './event.ts';

/** As it is stored; somebody may have changed it since. */
export type StoredEvent = Key & AuditEvent;

/** Of one append: each lost race means that somebody else's went through. */
const attempts = 60;
const longestPauseMs = 400;

export class AuditLog {
  readonly #table: RegistryTable;
  constructor(table: RegistryTable) {
    this.#table = table;
  }

  /**
   * Two calls: the head is read, and event and head are written together if nobody was faster. `write` makes that write
   * where something else is to happen with the event or not at all; it throws what the transaction throws.
   */
  async append(
    entry: AuditEntry,
    write: (writes: Write[]) => Promise<unknown> = (writes) => this.#table.transact(writes),
  ): Promise<AuditEvent> {
    const id = randomUUID();
    for (let attempt = 1; ; attempt++) {
      const head = await this.head();
      const unhashed = { ...entry, seq: (head?.seq ?? 0) + 1, id, previous: head?.hash ?? null };
      const event: AuditEvent = { ...unhashed, hash: hashOf(unhashed) };
      // A clock that is behind must not put an event before the last one.
      const today = entry.at.slice(0, 10);
      const day = head && head.day > today ? head.day : today;
      try {
        await write(writesOf(event, day, head));
        return event;
      } catch (error) {
        if (refusedWrites(error).length === 0) throw error;
        // The answer to an earlier try of the same call may have been lost on the way.
        const there = await this.#table.get<StoredEvent>(registryKeys.auditEvent(day, event.seq));
        if (there?.hash === event.hash) return event;
        if (attempt === attempts) throw error;
        await delay(Math.random() * Math.min(20 * attempt, longestPauseMs));
      }
    }
  }

  async head(): Promise<AuditHead | undefined> {
    return this.#table.get<AuditHead & Key>(registryKeys.auditHead());
  }

  /** The days that have events, oldest first. */
  async days(): Promise<string[]> {
    const prefix = registryKeys.auditDay('').sk;
    const items = await this.#table.all<Key>(registryKeys.auditHead().pk, prefix);
    return items.map(({ sk }) => sk.slice(prefix.length));
  }

  /** A day's events, oldest first. */
  async *eventsOf(day: string): AsyncGenerator<StoredEvent> {
    yield* this.#pages(day, {});
  }

  /** A day's events, newest first, those from `before` on left out. */
  async *newestOf(day: string, before?: number): AsyncGenerator<StoredEvent> {
    const start = before === undefined ? undefined : { ...registryKeys.auditEvent(day, before) };
    yield* this.#pages(day, { descending: true, ...(start && { start }) });
  }

  async *#pages(
    day: string,
    options: { descending?: boolean; start?: Record<string, unknown> },
  ): AsyncGenerator<StoredEvent> {
    let { start } = options;
    do {
      const page = await this.#table.page<StoredEvent>(registryKeys.auditEvent(day, 0).pk, {
        limit: 200,
        ...(options.descending && { descending: true }),
        ...(start && { start }),
      });
      yield* page.items;
      start = page.last;
    } while (start);
  }
}

function writesOf(event: AuditEvent, day: string, head: AuditHead | undefined): Write[] {
  const { seq, hash } = event;
  return [
    {
      put: { ...registryKeys.auditEvent(day, seq), ...event },
      condition: { expression: 'attribute_not_exists(pk)' },
    },
    {
      update: registryKeys.auditHead(),
      changes: { seq, hash, day },
      condition: head
        ? { expression: '#hash = :seen', values: { ':seen': head.hash } }
        : { expression: 'attribute_not_exists(pk)' },
    },
    ...(head?.day === day ? [] : [{ put: registryKeys.auditDay(day) as Key & Record<string, unknown> }]),
  ];
}
