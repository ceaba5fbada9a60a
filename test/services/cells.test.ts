import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Placement,
  place,
  slotsHeld,
  slotsPerCell,
  vacate,
} from '../../src/services/cells/placement.ts';
import type { Registry } from '../../src/services/registry/registry.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';
import { atEveryWrite } from './unreliable-way.ts';

const routed = ['orders', 'products', 'users'];

let fixture: Fixture;
let registry: Registry;
beforeEach(async () => {
  fixture = await startRegistry();
  registry = fixture.registry;
  await addCell('cell-1');
});
afterEach(() => fixture.stop());

const addCell = (name: string): Promise<void> =>
  registry.putCell({
    name,
    restApiId: `api-of-${name}`,
    stage: 'prod',
    listenerArn: `listener-of-${name}`,
    loadBalancerArn: `balancer-of-${name}`,
    loadBalancerSecurityGroupId: `group-of-${name}`,
    usagePlans: {},
  });

/** Where there is room for sure. */
async function placed(
  ...[tenantId, services = routed, settled]: [string, string[]?, string?]
): Promise<Placement> {
  const placement = await place(registry, tenantId, services, settled);
  if (placement) return placement;
  throw new Error(`no room for ${tenantId}`);
}

const tenant = (number: number): string => `tenant${number}`;
const tenants = (count: number): string[] => Array.from({ length: count }, (_, index) => tenant(index));

/** Takes what is free in a cell. */
async function fill(cell: string): Promise<void> {
  const taken = await registry.slots(cell);
  for (let slot = 1; slot <= slotsPerCell; slot++)
    if (!taken.has(slot)) await registry.takeSlots(cell, new Map([[slot, `pool/service-${slot}`]]));
}

/** Every slot has one owner, and every tenant as many as it should. */
async function expectSlots(cell: string, owners: readonly string[], services = routed): Promise<void> {
  const slots = await registry.slots(cell);
  expect([...slots.values()].sort()).toEqual(
    owners.flatMap((owner) => services.map((service) => `${owner}/${service}`)).sort(),
  );
  for (const slot of slots.keys()) expect(slot >= 1 && slot <= slotsPerCell).toBe(true);
}

describe('placement', () => {
  it('gives each of 20 tenants that come at once three slots of its own', async () => {
    const placements = await Promise.all(tenants(20).map((id) => placed(id)));
    const slots = placements.flatMap((placement) => Object.values(placement.slots));
    expect(new Set(slots).size).toBe(60);
    await expectSlots('cell-1', tenants(20));
    for (const placement of placements) expect(placement.cell.name).toBe('cell-1');
  });

  it('fits 33 tenants of 34 that come at once into a cell, and leaves nothing of the one that is refused', async () => {
    const outcomes = await Promise.all(tenants(34).map((id) => place(registry, id, routed)));
    const inCell = tenants(34).filter((_, index) => outcomes[index] !== undefined);
    expect(inCell).toHaveLength(33);
    await expectSlots('cell-1', inCell);
  });

  it('takes no more on a second run, and what a third service needs later', async () => {
    const first = await placed(tenant(0), ['orders', 'products']);
    expect(await placed(tenant(0), ['orders', 'products'])).toEqual(first);
    await placed(tenant(1));
    const grown = await placed(tenant(0));
    expect(grown.slots).toMatchObject(first.slots);
    expect(await slotsHeld(registry, tenant(0))).toBe(3);
  });

  it('never takes half of what it needs, wherever it is killed', async () => {
    const { options, registryBy, cloud } = fixture;
    await atEveryWrite(cloud.endpoint, 'killed', async (way, after) => {
      const id = `killed${after}`;
      await place(registryBy({ ...options, endpoint: way.endpoint }), id, routed).catch(() => {});
      expect([0, 3]).toContain(await slotsHeld(registry, id));
      await place(registry, id, routed);
      expect(await slotsHeld(registry, id)).toBe(3);
    });
  });

  it('is given back whole, and nobody else loses a slot by it', async () => {
    await Promise.all(tenants(33).map((id) => place(registry, id, routed)));
    expect(await place(registry, 'late', routed)).toBeUndefined();
    expect(await slotsHeld(registry, 'late')).toBe(0);
    // An id that begins like another's is another's.
    expect(await vacate(registry, tenant(1))).toBe(3);
    expect(await vacate(registry, tenant(1))).toBe(0);
    expect(await slotsHeld(registry, tenant(10))).toBe(3);
    const { slots } = await placed('late');
    expect(Object.keys(slots)).toEqual(routed);
  });

  it('frees a slot for its owner alone', async () => {
    const { slots } = await placed(tenant(0), ['orders']);
    const slot = slots['orders'] ?? 0;
    await registry.freeSlot('cell-1', slot, 'other/orders');
    expect(await slotsHeld(registry, tenant(0))).toBe(1);
    await registry.freeSlot('cell-1', slot, `${tenant(0)}/orders`);
    await registry.freeSlot('cell-1', slot, `${tenant(0)}/orders`);
    expect(await slotsHeld(registry, tenant(0))).toBe(0);
  });
});

describe('two cells', () => {
  beforeEach(() => addCell('cell-2'));

  it('are filled one after the other, with no tenant in both', async () => {
    const placements = await Promise.all(tenants(40).map((id) => placed(id)));
    const inCell = (name: string): string[] =>
      tenants(40).filter((_, index) => placements[index]?.cell.name === name);
    expect(inCell('cell-1')).toHaveLength(33);
    await expectSlots('cell-1', inCell('cell-1'));
    await expectSlots('cell-2', inCell('cell-2'));
  });

  it('a tenant stays in the second when there is room in the first again', async () => {
    await Promise.all(tenants(33).map((id) => place(registry, id, routed)));
    const late = await placed('late');
    expect(late.cell.name).toBe('cell-2');
    await vacate(registry, tenant(0));
    expect(await placed('late')).toEqual(late);
    expect(await slotsHeld(registry, 'late')).toBe(3);
  });

  it('a tenant that was settled in a full one is not moved by a service that came later', async () => {
    await Promise.all(tenants(33).map((id) => place(registry, id, routed)));
    await fill('cell-1');
    const four = [...routed, 'reviews'];
    await expect(place(registry, tenant(0), four, 'cell-1')).rejects.toMatchObject({ code: 'cell_full' });
    expect(await slotsHeld(registry, tenant(0))).toBe(3);
    // Not settled yet, it moves as a whole.
    expect((await placed(tenant(0), four)).cell.name).toBe('cell-2');
    expect(await slotsHeld(registry, tenant(0))).toBe(4);
  });
});
