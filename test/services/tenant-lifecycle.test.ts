import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tenantAttributes } from '../../src/model/tenant.ts';
import { EncryptionKeys } from '../../src/services/encryption-keys.ts';
import { Identity } from '../../src/services/identity.ts';
import { Items } from '../../src/services/items.ts';
import { newOperation, released } from '../../src/services/lease.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { openSession } from '../../src/services/session.ts';
import { Stacks } from '../../src/services/stacks.ts';
import { findHoldings, type Services, whatIsLeft } from '../../src/services/tenants/holdings.ts';
import { type Deleted, offboard } from '../../src/services/tenants/offboard.ts';
import { beginOnboarding, onboard } from '../../src/services/tenants/onboard.ts';
import { tenantLimits, throttleTenant } from '../../src/services/throttling.ts';
import { UsagePlans } from '../../src/services/usage-plans.ts';
import { type Environment, startEnvironment } from './environment-fixture.ts';
import { atEveryWrite } from './unreliable-way.ts';

/** Some tests go through an operation as often as it writes. */
const everyWrite = { timeout: 300_000 };

let environment: Environment;
/** What the account holds without any tenant. */
let before: string[];
beforeEach(async () => {
  environment = await startEnvironment();
  before = await environment.belongings();
});
afterEach(() => environment.stop());

const later = 60_000;
const request = (tier: string, name: string) => ({ tier, name, email: `Admin@${name}.example` });
const record = (name: string): Promise<TenantRecord> => environment.registry.findTenant(name);

/** What one tenant adds to the account. */
const ofTenant = (tier: string, { tenantId, name }: Pick<TenantRecord, 'tenantId' | 'name'>): string[] => [
  `user admin@${name}.example`,
  `key tenant-${tenantId}`,
  ...(tier === 'premium'
    ? [
        `user pool tenant-${tenantId}`,
        `stack tenant-${tenantId}`,
        `slot of ${tenantId}/orders`,
        `slot of ${tenantId}/products`,
      ]
    : []),
];

/** The account's belongings without the tables, whose names in a silo CloudFormation makes up. */
const withoutTables = (belongings: readonly string[]): string[] =>
  belongings.filter((line) => !line.startsWith('table tenant-'));

async function expectOnly(tier: string, tenant: TenantRecord): Promise<void> {
  const now = await environment.belongings();
  expect(withoutTables(now)).toEqual([...before, ...ofTenant(tier, tenant)].sort());
  expect(now.length - withoutTables(now).length).toBe(tier === 'premium' ? 2 : 0);
  const { apiKeyId = '' } = tenant;
  expect(await environment.plansOf(apiKeyId)).toEqual([{ id: environment.plans[tier], rate: 10 }]);
}

const tiers = [['basic'], ['premium']] as const;

describe.each(tiers)('onboarding on the tier %s', (tier) => {
  it(
    'converges when it is killed at any write and run again, with nothing there twice',
    everyWrite,
    async () => {
      const kills = await atEveryWrite(environment.cloud.endpoint, 'killed', async (way, after) => {
        const name = `killed-${tier}-${after}`;
        await onboard(environment.operator({ endpoint: way.endpoint }), request(tier, name)).catch(() => {});
        if (way.happened()) {
          const half = await record(name).catch(() => undefined);
          expect(half?.status ?? 'provisioning').toBe('provisioning');
          await onboard(environment.operator({ laterMs: later }), request(tier, name));
        }
        const tenant = await record(name);
        expect(tenant).toMatchObject({
          name,
          status: 'active',
          adminEmail: `admin@${name}.example`,
          usagePlanId: environment.plans[tier],
        });
        expect(tenant).not.toHaveProperty('operation');
        await expectOnly(tier, tenant);
        await offboard(environment.operator(), { tenant: name });
        expect(await environment.belongings()).toEqual(before);
      });
      expect(kills).toBeGreaterThan(6);
    },
  );

  it('can be offboarded wherever it was killed', everyWrite, async () => {
    await atEveryWrite(environment.cloud.endpoint, 'killed', async (way, after) => {
      const name = `undone-${tier}-${after}`;
      await onboard(environment.operator({ endpoint: way.endpoint }), request(tier, name)).catch(() => {});
      const half = await record(name).catch(() => undefined);
      if (half) await offboard(environment.operator({ laterMs: later }), { tenant: name });
      expect(await environment.belongings()).toEqual(before);
    });
  });
});

describe('onboarding', () => {
  it.each(tiers)(
    'on the tier %s does not notice when the answer to any write is lost',
    everyWrite,
    async (tier) => {
      await atEveryWrite(environment.cloud.endpoint, 'answer-lost', async (way, after) => {
        const name = `lost-${after}`;
        await onboard(environment.operator({ endpoint: way.endpoint }), request(tier, name));
        await expectOnly(tier, await record(name));
        await offboard(environment.operator(), { tenant: name });
      });
    },
  );

  it('that is begun for another process holds the name and nothing else', async () => {
    const context = environment.operator();
    const tenant = await beginOnboarding(context, request('basic', 'begun'));
    expect(tenant).toMatchObject({ status: 'provisioning', adminEmail: 'admin@begun.example' });
    // Also an operator elsewhere, whose clock is behind, may go on at once.
    await onboard(environment.operator({ laterMs: -later }), request('basic', 'begun'));
    await offboard(context, { tenant: 'begun' });
  });

  it('puts a mistyped address right as long as nobody was invited', async () => {
    const context = environment.operator();
    await onboard(context, request('basic', 'first'));
    // The address is a user of the first tenant.
    const taken = { ...request('basic', 'second'), email: 'admin@first.example' };
    await expect(onboard(context, taken)).rejects.toMatchObject({ code: 'user_exists' });
    expect(await record('second')).toMatchObject({
      status: 'failed',
      lastError: expect.stringContaining('Invite the administrator'),
      operation: { failure: { step: 'identity' } },
    });
    const mended = await onboard(context, request('basic', 'second'));
    expect(mended).toMatchObject({ status: 'active', adminEmail: 'admin@second.example', lastError: null });
    for (const name of ['first', 'second']) await offboard(context, { tenant: name });
    expect(await environment.belongings()).toEqual(before);
  });
});

/** Two more users, and items in both tables. */
async function populate(tenant: TenantRecord): Promise<void> {
  const cognito = new CognitoIdentityProviderClient(environment.options);
  const pool = tenant.holdings?.pool ?? environment.pool;
  const tables = tenant.holdings?.tables ?? environment.pool.tables;
  for (const user of ['one', 'two']) {
    const Username = `${user}@${tenant.name}.example`;
    await cognito.send(
      new AdminCreateUserCommand({
        UserPoolId: pool.userPoolId,
        Username,
        MessageAction: 'SUPPRESS',
        UserAttributes: [
          { Name: 'email', Value: Username },
          { Name: tenantAttributes.tenantId, Value: tenant.tenantId },
        ],
      }),
    );
    await cognito.send(
      new AdminAddUserToGroupCommand({
        UserPoolId: pool.userPoolId,
        Username,
        GroupName: tenant.tenantId,
      }),
    );
  }
  for (const table of Object.values(tables))
    for (let batch = 0; batch < 2; batch++)
      await environment.dynamodb.send(
        new BatchWriteItemCommand({
          RequestItems: {
            [table]: Array.from({ length: 20 }, (_, index) => ({
              PutRequest: { Item: marshall({ tenantId: tenant.tenantId, id: `item-${batch}-${index}` }) },
            })),
          },
        }),
      );
}

describe.each(tiers)('offboarding from the tier %s', (tier) => {
  const deleted: Deleted = {
    users: 3,
    items: 80,
    apiKeys: 1,
    ...(tier === 'premium'
      ? { tables: 2, userPools: 1, stacks: 1, slots: 2 }
      : { tables: 0, userPools: 0, stacks: 0, slots: 0 }),
  };

  it(
    'converges when it is killed at any write and run again, and counts all that went',
    everyWrite,
    async () => {
      const context = environment.operator();
      await onboard(context, request('basic', 'neighbour'));
      const neighbour = await record('neighbour');
      await populate(neighbour);
      const standing = await environment.belongings();
      await atEveryWrite(environment.cloud.endpoint, 'killed', async (way, after) => {
        const name = `leaving-${tier}-${after}`;
        await onboard(context, request(tier, name));
        const tenant = await record(name);
        await populate(tenant);
        const first = await offboard(environment.operator({ endpoint: way.endpoint }), {
          tenant: name,
        }).catch(() => undefined);
        expect(first === undefined).toBe(way.happened());
        const done =
          first ?? (await offboard(environment.operator({ laterMs: later }), { tenant: tenant.tenantId }));
        expect(done.deleted).toEqual(deleted);
        expect(await environment.belongings()).toEqual(standing);
        expect(await environment.registry.tenantIdOf(name)).toBeUndefined();
        expect(await record(tenant.tenantId)).toMatchObject({ status: 'offboarded' });
      });
      expect(await new Items(environment.options).count('pool-orders', neighbour.tenantId)).toBe(40);
      await offboard(context, { tenant: 'neighbour' });
      expect(await environment.belongings()).toEqual(before);
    },
  );
});

describe('offboarding', () => {
  it('is refused for a tenant that is gone, by its id', async () => {
    const context = environment.operator();
    const { tenantId } = await onboard(context, request('basic', 'gone'));
    await offboard(context, { tenant: 'gone' });
    await expect(offboard(context, { tenant: tenantId })).rejects.toMatchObject({ code: 'tenant_gone' });
    await expect(offboard(context, { tenant: 'gone' })).rejects.toMatchObject({ code: 'tenant_not_found' });
  });

  it('finds the data of a silo whose stack somebody deleted by hand', async () => {
    const context = environment.operator();
    await onboard(context, request('premium', 'orphaned'));
    const tenant = await record('orphaned');
    await populate(tenant);
    await new Stacks(environment.options).remove(`tenant-${tenant.tenantId}`, {
      signal: new AbortController().signal,
    });
    const { deleted } = await offboard(context, { tenant: 'orphaned' });
    expect(deleted).toMatchObject({ users: 3, items: 80, tables: 2, userPools: 1, stacks: 0, slots: 2 });
    expect(await environment.belongings()).toEqual(before);
  });

  it('refuses an export of what an earlier run has begun to delete', async () => {
    const context = environment.operator();
    await onboard(context, request('basic', 'late-export'));
    const stop = new AbortController();
    const stopping = environment.operator({ signal: stop.signal });
    await expect(
      offboard(
        {
          ...stopping,
          watch: (event) => event.type === 'step-done' && event.step === 'users' && stop.abort(),
        },
        { tenant: 'late-export' },
      ),
    ).rejects.toMatchObject({ code: 'interrupted' });
    await expect(offboard(context, { tenant: 'late-export', exportTo: '/nowhere' })).rejects.toMatchObject({
      code: 'export_too_late',
    });
    await expect(offboard(context, { tenant: 'late-export' })).resolves.toMatchObject({ export: null });
  });

  it('says what is left, by kind, and goes back to it', async () => {
    const context = environment.operator();
    await onboard(context, request('basic', 'pooled'));
    await onboard(context, request('premium', 'siloed'));
    const session = await openSession(context);
    const { options, registry } = environment;
    const plans = new UsagePlans(options);
    const services: Services = {
      identity: new Identity(options),
      items: new Items(options),
      stacks: new Stacks(options),
      plans,
      registry,
      keys: new EncryptionKeys(options),
    };
    for (const name of ['pooled', 'siloed']) {
      const tenant = await record(name);
      await populate(tenant);
      const holdings = await findHoldings(context, session, tenant, plans);
      const left = await whatIsLeft(holdings, tenant.tenantId, services);
      expect(left.map((line) => line.replace(/ (\S*[-_]\S+)/, ''))).toMatchObject(
        name === 'pooled'
          ? [
              '40 items in the table of orders',
              '40 items in the table of products',
              '3 users in the user pool',
              'its API key',
            ]
          : [
              'the table of orders',
              'the table of products',
              'the user pool',
              'the stack',
              'its API key',
              '2 slots of a cell',
            ],
      );
      // As if all that came in behind the back of a run that is done with everything but the last look.
      const done = ['close', 'users', 'items', 'stack', 'data', 'placement'];
      const operation = newOperation('offboard', new Date(), { holdings, deleted: { users: 0, items: 0 } });
      await registry.updateTenant(tenant.tenantId, {
        status: 'offboarding',
        operation: { ...operation, done, leaseUntil: released },
      });
      await expect(offboard(context, { tenant: name })).rejects.toMatchObject({
        code: 'data_left',
        detail: left.join('\n'),
        hint: expect.stringContaining(`saas-ecs offboard ${name} --confirm ${name}`),
      });
      expect(await record(name)).toMatchObject({ status: 'failed' });
      await expect(onboard(context, request('basic', name))).rejects.toMatchObject({ code: 'tenant_exists' });
      await offboard(context, { tenant: name });
      expect(await whatIsLeft(holdings, tenant.tenantId, services)).toEqual([]);
    }
    expect(await environment.belongings()).toEqual(before);
  });
});

describe('changing the limits of a tenant', () => {
  it(
    'leaves its key on one plan, whatever was killed before and whatever is asked next',
    everyWrite,
    async () => {
      const context = environment.operator();
      await atEveryWrite(environment.cloud.endpoint, 'killed', async (way, after) => {
        const name = `limited-${after}`;
        await onboard(context, request('basic', name));
        const { apiKeyId = '' } = await record(name);
        const change = throttleTenant(environment.operator({ endpoint: way.endpoint }), name, {
          rate: 100 + after,
        });
        await change.catch(() => {});
        expect((await record(name)).status).toBe('active');

        const again = environment.operator({ laterMs: later });
        if (way.happened()) {
          await throttleTenant(again, name, { rate: 500 });
          expect(await environment.plansOf(apiKeyId)).toMatchObject([{ rate: 500 }]);
          expect(await tenantLimits(context, name)).toMatchObject({ rate: 500, burst: 10 });
        }
        await throttleTenant(again, name, 'reset');
        expect(await environment.plansOf(apiKeyId)).toEqual([{ id: environment.plans['basic'], rate: 10 }]);
        const tenant = await record(name);
        expect(tenant).not.toHaveProperty('throttle');
        expect(tenant).not.toHaveProperty('operation');
        await offboard(context, { tenant: name });
      });
    },
  );

  it('that fails neither makes the tenant failed nor stands in the way of its offboarding', async () => {
    const context = environment.operator();
    await onboard(context, request('basic', 'unlucky'));
    const tenant = await record('unlucky');
    await environment.registry.updateTenant(tenant.tenantId, { apiKeyId: 'no-such-key' });
    await expect(throttleTenant(context, 'unlucky', { rate: 77 })).rejects.toThrow();
    expect(await record('unlucky')).toMatchObject({ status: 'active', lastError: expect.any(String) });
    await expect(onboard(context, request('basic', 'unlucky'))).rejects.toMatchObject({
      code: 'tenant_exists',
    });
    await environment.registry.updateTenant(tenant.tenantId, { apiKeyId: tenant.apiKeyId });
    await throttleTenant(context, 'unlucky', { rate: 77 });
    expect(await record('unlucky')).not.toHaveProperty('lastError');
    await expect(throttleTenant(context, 'unlucky', 'reset')).resolves.toMatchObject({ rate: 10 });
    await offboard(context, { tenant: 'unlucky' });
    expect(await environment.belongings()).toEqual(before);
  });
});
