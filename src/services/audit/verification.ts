import { registryKeys } from '../../model/registry.ts';
import { type AuditHead, hashOf } from './event.ts';
import type { AuditLog, StoredEvent } from './log.ts';

/** Where a chain is broken first. */
export interface BrokenLink {
  seq: number;
  /** Undefined for an event that is not there. */
  id?: string;
  at?: string;
  problem: string;
}

export interface ChainVerification {
  /** How many events hold together, from the first one on. */
  events: number;
  /** The last event that was followed to; of a chain that is broken what its head says. */
  head: Pick<AuditHead, 'seq' | 'hash'> | null;
  broken: BrokenLink | null;
  /** Whether a hash that was noted before is still in the chain; null when none was given. */
  expected: { hash: string; seq: number | null } | null;
}

/**
 * Follows the chain from its first event to its head, and finds an event that was changed, removed, put in, moved or
 * cut off. `expect` is a head's hash that was noted elsewhere: what else shows that all of it was written anew?
 */
export async function verifyChain(log: AuditLog, expect?: string): Promise<ChainVerification> {
  const before = await log.head();
  const walk = new Walk(expect);
  for (const day of await log.days()) {
    for await (const event of log.eventsOf(day)) if (!walk.take(event, day)) break;
    if (walk.broken) break;
  }
  // Others may have appended meanwhile: what was there at first must be there, and nothing that no head knows of.
  const after = walk.last?.seq === before?.seq ? before : await log.head();
  walk.end(before, after);
  const head = walk.broken ? after : walk.last;
  return {
    events: walk.broken ? walk.broken.seq - 1 : (walk.last?.seq ?? 0),
    head: head ? { seq: head.seq, hash: head.hash } : null,
    broken: walk.broken ?? null,
    expected: expect === undefined ? null : { hash: expect, seq: walk.expectedAt ?? null },
  };
}

/** Along the chain, until it breaks. */
class Walk {
  last: StoredEvent | undefined;
  broken: BrokenLink | undefined;
  expectedAt: number | undefined;
  readonly #expect: string | undefined;
  constructor(expect: string | undefined) {
    this.#expect = expect;
  }

  /** False once the chain is broken. */
  take(event: StoredEvent, day: string): boolean {
    this.broken = this.#problemOf(event, day);
    if (this.broken) return false;
    this.last = event;
    if (event.hash === this.#expect) this.expectedAt = event.seq;
    return true;
  }

  #problemOf(event: StoredEvent, day: string): BrokenLink | undefined {
    const expected = (this.last?.seq ?? 0) + 1;
    const at = registryKeys.auditEvent(day, expected);
    if (event.sk > at.sk) return missing(expected);
    if (event.sk !== at.sk) {
      const place = Number(event.sk.slice(event.sk.indexOf('#') + 1));
      // Of two events that follow the same one, only what comes after them could tell which was put in.
      if (place > 0 && place < expected) return { seq: place, problem: 'is there twice' };
      return bad(event, 'was put in, or moved from its place', expected);
    }
    if (event.seq !== expected || event.hash !== hashOf(event))
      return bad(event, 'was changed: its hash is not that of its content', expected);
    if (event.previous === (this.last?.hash ?? null)) return undefined;
    return this.last
      ? bad(this.last, 'was replaced: the next event was chained to another one')
      : bad(event, 'was chained to an event that is not there');
  }

  /** `before` and `after`: the head when the walk began, and once it was over. */
  end(before: AuditHead | undefined, after: AuditHead | undefined): void {
    if (this.broken) return;
    const { last } = this;
    const reached = last?.seq ?? 0;
    if (before && reached < before.seq) this.broken = missing(reached + 1);
    else if (last && !after) this.broken = bad(last, 'is the last one, and no head names it');
    else if (last && after && reached > after.seq) this.broken = bad(last, 'was put in behind the last one');
    else if (last && after?.seq === reached && after.hash !== last.hash)
      this.broken = bad(last, 'was replaced: the head names another one');
  }
}

const bad = ({ id, at, seq }: StoredEvent, problem: string, place = seq): BrokenLink => ({
  seq: place,
  id,
  at,
  problem,
});
const missing = (seq: number): BrokenLink => ({ seq, problem: 'is not there any more' });
