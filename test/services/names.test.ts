import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryKeys } from '../../src/model/registry.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import type { Tier } from '../../src/model/tier.ts';
import { runOperation } from '../../src/services/operation.ts';
import type { Registry, TenantRecord } from '../../src/services/registry/registry.ts';
import { reserve } from '../../src/services/tenants/reservation.ts';
import { addTenant, type Fixture, operationElsewhere, operator, startRegistry } from './registry-fixture.ts';
import { atEveryWrite } from './unreliable-way.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startRegistry();
});
afterAll(() => fixture.stop());

const basic: Tier = {
  name: 'basic',
  model: 'pool',
  capacity: 'fargate',
  mfa: 'optional',
  throttle: { rate: 10, burst: 10, quota: { limit: 1000, period: 'day' } },
};
const request = (name: string, email = `admin@${name}.example`) => ({ tier: 'basic', name, email });

/** Reserves and onboards with nothing else to do. */
async function onboard(registry: Registry, name: string, laterMs = 0): Promise<TenantRecord> {
  const context = operator({ laterMs });
  const { tenant, held } = await reserve(context, registry, basic, request(name));
  const ran = await runOperation<object>(context, registry, tenant, {
    kind: 'onboard',
    title: 'Onboarding',
    begin: { status: 'provisioning' },
    steps: () => [{ name: 'one', title: 'One', run: async () => {} }],
    end: 'active',
    held,
  });
  return ran.tenant;
}

async function retire(tenant: TenantRecord): Promise<void> {
  await runOperation<object>(operator(), fixture.registry, tenant, {
    kind: 'offboard',
    title: 'Offboarding',
    begin: { status: 'offboarding' },
    steps: () => [],
    end: 'retired',
  });
}

/** What no run leaves any more: a name that is taken, without its tenant. */
const lockName = async (name: string, tenantId: string): Promise<void> => {
  const { dynamodb, tableName: TableName } = fixture;
  const item = { ...registryKeys.name(name), tenantId };
  await DynamoDBDocumentClient.from(dynamodb).send(new PutCommand({ TableName, Item: item }));
};

const living = async (): Promise<TenantRecord[]> =>
  (await fixture.registry.tenants()).items.filter((tenant) => tenant.status !== 'offboarded');

const named = async (name: string): Promise<TenantRecord[]> =>
  (await living()).filter((tenant) => tenant.name === name);

describe('a name', () => {
  it('goes to one tenant, however many ask for it at once', async () => {
    const { registry } = fixture;
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        onboard(registry, 'contested').then(
          () => 'onboarded',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'onboarded')).toHaveLength(1);
    for (const outcome of outcomes) expect(outcome).toMatch(/^(onboarded|tenant_busy|tenant_exists)$/);
    const [tenant, ...more] = await named('contested');
    expect(more).toEqual([]);
    expect(tenant).toMatchObject({ status: 'active' });
    expect(await registry.tenantIdOf('contested')).toBe(tenant?.tenantId);
  });

  it('is refused while its tenant lives, with what to do instead', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry, { name: 'living' });
    await expect(onboard(registry, 'living')).rejects.toMatchObject({
      code: 'tenant_exists',
      detail: `tenant ${tenant.tenantId} has it (basic, active)`,
    });
    for (const status of ['offboarding', 'failed'] as const) {
      const name = `half-gone-${status}`;
      await addTenant(registry, { name, status, operation: operationElsewhere('offboard', new Date(0)) });
      await expect(onboard(registry, name)).rejects.toMatchObject({
        code: 'tenant_exists',
        hint: expect.stringContaining(`saas-ecs offboard ${name} --confirm ${name}`),
      });
    }
  });

  it('is released by its owner alone', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry, { name: 'owned' });
    await registry.releaseName('owned', newTenantId());
    expect(await registry.tenantIdOf('owned')).toBe(tenant.tenantId);
    await registry.releaseName('owned', tenant.tenantId);
    expect(await registry.tenantIdOf('owned')).toBeUndefined();
    await registry.releaseName('owned', tenant.tenantId);
  });

  it('is free once its tenant is gone, in the same write, and goes to a tenant of another id', async () => {
    const { registry } = fixture;
    const first = await onboard(registry, 'returning');
    await retire(first);
    expect(await registry.tenantIdOf('returning')).toBeUndefined();
    const second = await onboard(registry, 'returning');
    expect(second.tenantId).not.toBe(first.tenantId);
    expect(await named('returning')).toHaveLength(1);
    // Nothing that comes late for the first touches the second.
    await registry.releaseName('returning', first.tenantId);
    expect(await registry.tenantIdOf('returning')).toBe(second.tenantId);
  });

  it('does not stay locked by a tenant that is gone', async () => {
    const { registry } = fixture;
    const gone = await onboard(registry, 'ghost');
    await retire(gone);
    await lockName('ghost', gone.tenantId);
    await expect(registry.findTenant('ghost')).rejects.toMatchObject({ code: 'tenant_not_found' });
    expect((await onboard(registry, 'ghost')).tenantId).not.toBe(gone.tenantId);
  });

  it('that was locked by a run that made no tenant is gone on with', async () => {
    const { registry } = fixture;
    const id = newTenantId();
    await lockName('orphan', id);
    await expect(registry.findTenant('orphan')).rejects.toMatchObject({ code: 'tenant_not_found' });
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => onboard(registry, 'orphan')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await named('orphan')).toMatchObject([{ tenantId: id, status: 'active' }]);
  });
});

describe('a reservation', () => {
  it('converges when it is killed at any write and made again', async () => {
    const { registry, options, registryBy, cloud } = fixture;
    const kills = await atEveryWrite(cloud.endpoint, 'killed', async (way, after) => {
      const name = `killed-${after}`;
      const first = onboard(registryBy({ ...options, endpoint: way.endpoint }), name);
      await first.catch(() => {});
      if (way.happened()) await onboard(registry, name, 60_000);
      const tenants = await named(name);
      expect(tenants).toMatchObject([{ name, status: 'active', adminEmail: `admin@${name}.example` }]);
      expect(await registry.tenantIdOf(name)).toBe(tenants[0]?.tenantId);
    });
    // The tenant with its name, and the end with its one step.
    expect(kills).toBe(2);
  });

  it('does not notice when the answer to any write is lost', async () => {
    const { options, registryBy, cloud } = fixture;
    await atEveryWrite(cloud.endpoint, 'answer-lost', async (way, after) => {
      const name = `lost-${after}`;
      await onboard(registryBy({ ...options, endpoint: way.endpoint }), name);
      expect(await named(name)).toMatchObject([{ status: 'active' }]);
    });
  });

  it('takes up what another tier or an invited address began only with these', async () => {
    const { registry } = fixture;
    await addTenant(registry, {
      name: 'begun',
      status: 'failed',
      operation: operationElsewhere('onboard', new Date(0)),
    });
    const context = operator();
    const silo: Tier = { ...basic, name: 'premium', model: 'dedicated-cluster' };
    await expect(reserve(context, registry, silo, request('begun'))).rejects.toMatchObject({
      code: 'tier_differs',
    });
    // Nobody was invited yet: a mistyped address can be put right.
    await expect(reserve(context, registry, basic, request('begun', 'new@begun.example'))).resolves.toEqual({
      tenant: expect.objectContaining({ name: 'begun' }),
    });
    await addTenant(registry, {
      name: 'invited',
      status: 'failed',
      operation: operationElsewhere('onboard', new Date(0), { data: { invited: 'old@invited.example' } }),
    });
    await expect(
      reserve(context, registry, basic, request('invited', 'new@invited.example')),
    ).rejects.toMatchObject({
      code: 'email_differs',
      hint: expect.stringContaining('--email old@invited.example'),
    });
    await expect(
      reserve(context, registry, basic, request('invited', 'old@invited.example')),
    ).resolves.toBeDefined();
  });
});

describe('a tenant is found', () => {
  it('by id and by name; once offboarded, by its id alone', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry, { name: 'findable' });
    expect(await registry.findTenant('findable')).toEqual(tenant);
    expect(await registry.findTenant(tenant.tenantId)).toEqual(tenant);
    await retire(tenant);
    await expect(registry.findTenant('findable')).rejects.toMatchObject({
      code: 'tenant_not_found',
      exitCode: 4,
    });
    expect(await registry.findTenant(tenant.tenantId)).toMatchObject({ status: 'offboarded' });
  });

  it('by its id also when another one has that id for a name', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry);
    const other = await addTenant(registry, { name: tenant.tenantId });
    expect(await registry.findTenant(tenant.tenantId)).toEqual(tenant);
    expect(await registry.findTenant(other.tenantId)).toEqual(other);
    await retire(tenant);
    expect(await registry.findTenant(tenant.tenantId)).toEqual(other);
  });

  it('or not: an unknown one is an error of its own', async () => {
    await expect(fixture.registry.findTenant('nobody')).rejects.toMatchObject({ exitCode: 4 });
  });
});
