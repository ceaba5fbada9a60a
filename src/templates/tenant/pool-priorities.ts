import { createHash } from 'node:crypto';

/** Silo tenants' rules have the priorities 1 to 100, from the registry; the pool's are above all of those. */
const first = 10_000;
const count = 40_000;

/**
 * Listener rule priorities of the pool's services. Derived from the names: were they counted in the order of the
 * services, then an entry taken out or moved would shift the others onto priorities that are still in use, which
 * Elastic Load Balancing refuses. Two names that meet are told apart in alphabetical order.
 */
export function poolPriorities(services: readonly string[]): ReadonlyMap<string, number> {
  const priorities = new Map<string, number>();
  const taken = new Set<number>();
  for (const service of [...services].sort()) {
    let priority = createHash('sha256').update(service).digest().readUInt32BE(0) % count;
    while (taken.has(priority)) priority = (priority + 1) % count;
    taken.add(priority);
    priorities.set(service, first + priority);
  }
  return priorities;
}
