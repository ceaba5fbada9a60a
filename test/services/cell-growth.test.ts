import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { slotsPerCell } from '../../src/services/cells/placement.ts';
import { offboard } from '../../src/services/tenants/offboard.ts';
import { onboard } from '../../src/services/tenants/onboard.ts';
import { throttleTenant, throttleTier } from '../../src/services/throttling.ts';
import { UsagePlans } from '../../src/services/usage-plans.ts';
import { type Environment, startEnvironment } from './environment-fixture.ts';
import { atEveryWrite } from './unreliable-way.ts';

let environment: Environment;
beforeEach(async () => {
  environment = await startEnvironment();
});
afterEach(() => environment.stop());

const request = (name: string) => ({ tier: 'premium', name, email: `admin@${name}.example` });
const later = 60_000;

/** Leaves no slot in a cell. */
async function fill(cell: string): Promise<void> {
  const { registry } = environment;
  const taken = await registry.slots(cell);
  const free = Array.from({ length: slotsPerCell }, (_, index) => index + 1).filter(
    (slot) => !taken.has(slot),
  );
  if (free.length > 0)
    await registry.takeSlots(cell, new Map(free.map((slot) => [slot, `somebody/${slot}`])));
}

const cellNames = async (): Promise<string[]> => (await environment.registry.cells()).map(({ name }) => name);

describe('when every cell is full', () => {
  beforeEach(() => fill('cell-1'));

  it('a silo tenant gets a further cell, and the next one finds it there', async () => {
    const first = await onboard(environment.operator(), request('first'));
    expect(await cellNames()).toEqual(['cell-1', 'cell-2']);
    expect(first).toMatchObject({ status: 'active', cell: 'cell-2' });
    const [, second] = await environment.registry.cells();
    expect(first.apiUrl).toContain(second?.restApiId);
    expect((await onboard(environment.operator(), request('next'))).cell).toBe('cell-2');
    await fill('cell-2');
    expect((await onboard(environment.operator(), request('third'))).cell).toBe('cell-3');
  });

  it('two that come at once share one further cell', async () => {
    const both = await Promise.all([
      onboard(environment.operator(), request('left')),
      onboard(environment.operator(), request('right')),
    ]);
    expect(both.map(({ cell }) => cell)).toEqual(['cell-2', 'cell-2']);
    expect(await cellNames()).toEqual(['cell-1', 'cell-2']);
  });

  it('a pool tenant stays in the first, where the pool is', async () => {
    const tenant = await onboard(environment.operator(), { ...request('pooled'), tier: 'basic' });
    expect(tenant.cell).toBe('cell-1');
    expect(await cellNames()).toEqual(['cell-1']);
  });

  it('one is added however often the onboarding is killed', { timeout: 300_000 }, async () => {
    let cells = 1;
    await atEveryWrite(environment.cloud.endpoint, 'killed', async (way, after) => {
      const name = `killed-${after}`;
      await onboard(environment.operator({ endpoint: way.endpoint }), request(name)).catch(() => {});
      if (way.happened()) await onboard(environment.operator({ laterMs: later }), request(name));
      const tenant = await environment.registry.findTenant(name);
      cells++;
      expect(tenant).toMatchObject({ status: 'active', cell: `cell-${cells}` });
      expect(await cellNames()).toHaveLength(cells);
      await fill(tenant.cell ?? '');
      await offboard(environment.operator(), { tenant: name });
      // What it gave back is somebody else's by now.
      await fill(tenant.cell ?? '');
    });
    expect(cells).toBeGreaterThan(5);
  });
});

describe('limits in a further cell', () => {
  const rateOf = async (planId: string | undefined): Promise<number | undefined> =>
    (await new UsagePlans(environment.options).planLimits(planId ?? ''))?.rate;
  const planIds = async (): Promise<(string | undefined)[]> =>
    (await environment.registry.cells()).map(({ usagePlans }) => usagePlans['premium']);
  const keyOf = async (name: string): Promise<string> =>
    (await environment.registry.findTenant(name)).apiKeyId ?? '';

  it('are its own plans, and a change of a tier reaches every cell', async () => {
    await fill('cell-1');
    await onboard(environment.operator(), request('acme'));
    const [first, second] = await planIds();
    expect(await environment.plansOf(await keyOf('acme'))).toEqual([{ id: second, rate: 10 }]);
    await throttleTier(environment.operator(), 'premium', { rate: 25 });
    expect([await rateOf(first), await rateOf(second)]).toEqual([25, 25]);
    await throttleTier(environment.operator(), 'premium', 'reset');
    expect([await rateOf(first), await rateOf(second)]).toEqual([10, 10]);
  });

  it('that were set by hand hold in a cell that is added later', async () => {
    await throttleTier(environment.operator(), 'premium', { rate: 25 });
    await fill('cell-1');
    await onboard(environment.operator(), request('acme'));
    expect(await Promise.all((await planIds()).map(rateOf))).toEqual([25, 25]);
  });

  it("of one tenant are a plan that covers its cell, though another cell's tenant had it first", async () => {
    await onboard(environment.operator(), request('early'));
    await throttleTenant(environment.operator(), 'early', { rate: 77 });
    await fill('cell-1');
    await onboard(environment.operator(), request('late'));
    await throttleTenant(environment.operator(), 'late', { rate: 77 });
    const [early] = await environment.plansOf(await keyOf('early'));
    expect(await environment.plansOf(await keyOf('late'))).toEqual([early]);
    expect(await environment.stagesOf(early?.id ?? '')).toEqual(
      (await environment.registry.cells()).map(({ restApiId }) => `${restApiId}:prod`),
    );
    await throttleTenant(environment.operator(), 'late', 'reset');
    const [, second] = await planIds();
    expect(await environment.plansOf(await keyOf('late'))).toEqual([{ id: second, rate: 10 }]);
  });
});
