/**
 * Where silo tenants are placed. A cell is one load balancer with the REST API in front of it; it has 100 target
 * groups (a hard quota of Elastic Load Balancing), each a slot. Slot numbers are the listener rules' priorities, so
 * they are allocated, never computed from a name.
 */
import { SaasError } from '../model/error.ts';
import type { CellItem, Registry } from './registry/registry.ts';

/** Target groups per Application Load Balancer: hard quota (docs.aws.amazon.com, quotas of Elastic Load Balancing). */
export const slotsPerCell = 100;

export const poolOwner = 'pool';

export interface Placement {
  cell: CellItem;
  /** Routed service (or `proxy`) -> slot. */
  slots: Record<string, number>;
}

/**
 * Takes one slot for each routed service in the first cell that has room for all of them. Slots that the tenant
 * holds already count, so a second run takes no more.
 */
export async function place(
  registry: Registry,
  tenantId: string,
  routed: readonly string[],
): Promise<Placement> {
  const owner = (service: string): string => `${tenantId}/${service}`;
  for (const cell of await registry.cells()) {
    for (let attempt = 0; attempt < 10; attempt++) {
      const taken = await registry.slots(cell.name);
      const slots = await takeAll(registry, cell.name, taken, routed, owner);
      if (slots === 'full') break;
      if (slots) return { cell, slots };
    }
  }
  throw new SaasError('cells_full', `no cell has ${routed.length} free slots`, {
    detail: `a load balancer has ${slotsPerCell} target groups at most, and every cell's are in use`,
    hint: 'add a cell, then run the command again: saas-ecs deploy-shared --add-cell',
  });
}

async function takeAll(
  registry: Registry,
  cell: string,
  taken: Map<number, string>,
  routed: readonly string[],
  owner: (service: string) => string,
): Promise<Record<string, number> | 'full' | undefined> {
  const held = new Map([...taken].map(([slot, holder]) => [holder, slot]));
  const free = Array.from({ length: slotsPerCell }, (_, index) => index + 1).filter(
    (slot) => !taken.has(slot),
  );
  if (routed.filter((service) => !held.has(owner(service))).length > free.length) return 'full';
  const slots: Record<string, number> = {};
  for (const service of routed) {
    const slot = held.get(owner(service)) ?? free.shift();
    // Another onboarding took it in between: look again.
    if (slot === undefined || !(await registry.takeSlot(cell, slot, owner(service)))) return undefined;
    slots[service] = slot;
  }
  return slots;
}

/** Gives back every slot that a tenant holds in a cell; gives how many. */
export async function vacate(registry: Registry, tenantId: string, cell: string): Promise<number> {
  const slots = [...(await registry.slots(cell))].filter(([, owner]) => owner.startsWith(`${tenantId}/`));
  for (const [slot] of slots) await registry.freeSlot(cell, slot);
  return slots.length;
}
