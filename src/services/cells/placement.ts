/**
 * Where silo tenants are placed. A cell is one load balancer with the REST API in front of it; it has 100 target
 * groups (a hard quota of Elastic Load Balancing), each a slot. Slot numbers are the listener rules' priorities, so
 * they are allocated, never computed from a name.
 */
import { randomInt } from 'node:crypto';
import { SaasError } from '../../model/error.ts';
import type { CellItem, Registry } from '../registry/registry.ts';

/** Target groups per Application Load Balancer: hard quota (docs.aws.amazon.com, quotas of Elastic Load Balancing). */
export const slotsPerCell = 100;

export const poolOwner = 'pool';

export interface Placement {
  cell: CellItem;
  /** Routed service (or `proxy`) -> slot. */
  slots: Record<string, number>;
}

/**
 * Takes one slot for each routed service in the first cell that has room for all of them; undefined when none has.
 * Slots that the tenant holds already count, so a second run takes no more. `settled` is the cell that the tenant is
 * in already: it can't move to another. Throws `cell_full` when that one has no room.
 */
export async function place(
  registry: Registry,
  tenantId: string,
  routed: readonly string[],
  settled?: string,
): Promise<Placement | undefined> {
  const cells = await withSlots(registry, await registry.cells());
  const holds = (slots: Map<number, string>): number =>
    [...slots.values()].filter((owner) => isOf(owner, tenantId)).length;
  // Where the tenant has slots already comes first, however much room there is elsewhere by now.
  const candidates = cells
    .filter(({ cell }) => settled === undefined || cell.name === settled)
    .sort((a, b) => holds(b.slots) - holds(a.slots));
  for (const { cell, slots } of candidates) {
    const taken = await takeAll(registry, cell.name, slots, tenantId, routed);
    if (!taken) continue;
    for (const other of cells)
      if (other.cell !== cell) await free(registry, other.cell.name, other.slots, tenantId);
    return { cell, slots: taken };
  }
  if (settled === undefined && routed.length <= slotsPerCell) return undefined;
  throw new SaasError('cell_full', `the cell has no room for ${routed.length} routed services of a tenant`, {
    detail: `${settled ?? 'a cell'} has one load balancer, with ${slotsPerCell} target groups at most`,
    hint: 'offboard a tenant of that cell, or route by a proxy, which takes one target group a tenant (routing: proxy)',
  });
}

/** Gives back every slot that a tenant holds, whatever the cell; gives how many. */
export async function vacate(registry: Registry, tenantId: string): Promise<number> {
  let freed = 0;
  for (const { cell, slots } of await withSlots(registry, await registry.cells()))
    freed += await free(registry, cell.name, slots, tenantId);
  return freed;
}

/** The cell that a tenant is in. Throws `cell_unknown`. */
export async function cellOf(registry: Registry, tenant: { name: string; cell?: string }): Promise<CellItem> {
  const cell = (await registry.cells()).find(({ name }) => name === tenant.cell);
  if (cell) return cell;
  throw new SaasError('cell_unknown', `tenant "${tenant.name}" is in no cell that the registry knows`, {
    detail: `its record says: ${tenant.cell ?? 'none'}`,
    hint: 'record the cells again: saas-ecs deploy-shared',
  });
}

/** How many slots a tenant holds. */
export async function slotsHeld(registry: Registry, tenantId: string): Promise<number> {
  const cells = await withSlots(registry, await registry.cells());
  return cells.flatMap(({ slots }) => [...slots.values()]).filter((owner) => isOf(owner, tenantId)).length;
}

const ownerOf = (tenantId: string, service: string): string => `${tenantId}/${service}`;
const isOf = (owner: string, tenantId: string): boolean => owner.startsWith(ownerOf(tenantId, ''));

const withSlots = (
  registry: Registry,
  cells: readonly CellItem[],
): Promise<{ cell: CellItem; slots: Map<number, string> }[]> =>
  Promise.all(cells.map(async (cell) => ({ cell, slots: await registry.slots(cell.name) })));

/**
 * All the slots that are missing in one write, so that two onboardings never hold half of the last ones each.
 * Undefined when the cell is too full.
 */
async function takeAll(
  registry: Registry,
  cell: string,
  seen: Map<number, string>,
  tenantId: string,
  routed: readonly string[],
): Promise<Record<string, number> | undefined> {
  for (let taken = seen; ; taken = await registry.slots(cell)) {
    const held = new Map([...taken].map(([slot, owner]) => [owner, slot]));
    const missing = routed.filter((service) => !held.has(ownerOf(tenantId, service)));
    const free = Array.from({ length: slotsPerCell }, (_, index) => index + 1).filter(
      (slot) => !taken.has(slot),
    );
    if (missing.length > free.length) return undefined;
    // After another onboarding was first, not at the front again, where all others are too.
    const from = taken === seen ? 0 : randomInt(free.length - missing.length + 1);
    const chosen = new Map(
      missing.map((service, index) => [free[from + index] ?? 0, ownerOf(tenantId, service)]),
    );
    if (chosen.size > 0 && !(await registry.takeSlots(cell, chosen))) continue;
    const all = new Map([...held, ...[...chosen].map(([slot, owner]) => [owner, slot] as const)]);
    return Object.fromEntries(routed.map((service) => [service, all.get(ownerOf(tenantId, service)) ?? 0]));
  }
}

async function free(
  registry: Registry,
  cell: string,
  slots: Map<number, string>,
  tenantId: string,
): Promise<number> {
  const own = [...slots].filter(([, owner]) => isOf(owner, tenantId));
  for (const [slot, owner] of own) await registry.freeSlot(cell, slot, owner);
  return own.length;
}
