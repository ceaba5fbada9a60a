import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cellParameterPath, parameterPath } from '../../src/model/names.ts';
import { registryKeys, tenantIndexKey } from '../../src/model/registry.ts';
import type { TenantStatus } from '../../src/model/tenant.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import { type ListRequest, listTenants } from '../../src/services/tenants/list.ts';
import { type Fixture, type OperatorContext, operator, startRegistry } from './registry-fixture.ts';

const count = 1_000;
const tiers = ['basic', 'advanced', 'premium'];
const statuses: TenantStatus[] = ['active', 'active', 'active', 'suspended', 'failed'];

let fixture: Fixture;
let context: OperatorContext;
/** In order of creation. */
const all: { name: string; tier: string; status: TenantStatus }[] = [];

beforeAll(async () => {
  fixture = await startRegistry();
  const target = { app: 'shop', environment: { name: 'local', target: 'embedded' }, client: fixture.options };
  context = operator({
    config: { tiers: [] } as never,
    target: target as never,
  });
  const ssm = new SSMClient(fixture.options);
  const parameters = {
    [parameterPath('shop', 'local', 'registryTable')]: fixture.tableName,
    [parameterPath('shop', 'local', 'artifactsBucket')]: 'artifacts',
    [parameterPath('shop', 'local', 'apiKeySecret')]: 'secret',
    [cellParameterPath('shop', 'local', 'cell-1')]: '{}',
  };
  for (const [Name, Value] of Object.entries(parameters))
    await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));
  const items = Array.from({ length: count + 3 }, (_, index) => {
    const tenantId = newTenantId();
    const name = `tenant-${index}`;
    const status = index < count ? (statuses[index % statuses.length] ?? 'active') : 'offboarded';
    const tier = tiers[index % tiers.length] ?? '';
    // Several come in within the same millisecond.
    const createdAt = new Date(1_700_000_000_000 + Math.floor(index / 4)).toISOString();
    if (status !== 'offboarded') all.push({ name, tier, status });
    return {
      ...registryKeys.tenant(tenantId),
      ...tenantIndexKey(createdAt, tenantId),
      ...(status === 'offboarded' && { gsi1pk: 'OFFBOARDED' }),
      ...{ tenantId, name, tier, model: 'pool', status, adminEmail: 'a@b.example' },
      ...{ createdAt, updatedAt: createdAt },
    };
  });
  for (let index = 0; index < items.length; index += 25)
    await fixture.dynamodb.send(
      new BatchWriteItemCommand({
        RequestItems: {
          [fixture.tableName]: items
            .slice(index, index + 25)
            .map((item) => ({ PutRequest: { Item: marshall(item) } })),
        },
      }),
    );
});
afterAll(() => fixture.stop());

/** Walks all pages; gives the names in the order shown, and how many pages it took. */
async function walk(request: ListRequest): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let nextToken: string | null = null;
  let pages = 0;
  do {
    const page: Awaited<ReturnType<typeof listTenants>> = await listTenants(context, {
      ...request,
      ...(nextToken !== null && { nextToken }),
    });
    if (request.limit !== undefined) expect(page.tenants.length).toBeLessThanOrEqual(request.limit);
    // An empty page only when there is nothing at all.
    if (pages > 0) expect(page.tenants.length).toBeGreaterThan(0);
    names.push(...page.tenants.map(({ name }) => name));
    nextToken = page.nextToken;
    pages++;
  } while (nextToken !== null);
  return { names, pages };
}

const expected = (request: ListRequest): string[] =>
  all
    .filter(({ tier }) => request.tier === undefined || tier === request.tier)
    .filter(({ status }) => request.status === undefined || status === request.status)
    .map(({ name }) => name);

describe('list-tenants', () => {
  it.each<[string, ListRequest]>([
    ['all at once', {}],
    ['by a limit that divides them', { limit: 250 }],
    ['by a limit that does not', { limit: 333 }],
    ['in one page of exactly as many', { limit: count }],
    ['in pages longer than the index gives', { limit: 700 }],
    ['by tier', { tier: 'premium', limit: 50 }],
    ['by status, most of them dropped', { status: 'failed', limit: 7 }],
    ['by tier and status', { tier: 'basic', status: 'suspended', limit: 10 }],
    ['by a tier that nobody is on', { tier: 'gold', limit: 1 }],
  ])('shows every tenant once, %s', async (_, request) => {
    const { names, pages } = await walk(request);
    expect(names.sort()).toEqual(expected(request).sort());
    const full = request.limit === undefined ? 1 : Math.max(1, Math.ceil(names.length / request.limit));
    expect(pages).toBe(full);
  });

  it('shows them in order of creation', async () => {
    const { tenants } = await listTenants(context);
    const order = tenants.map(({ createdAt }) => createdAt);
    expect(order).toEqual([...order].sort());
  });

  it('shows offboarded ones when asked for, and only then', async () => {
    const { names } = await walk({ status: 'offboarded', limit: 2 });
    expect(names.sort()).toEqual([`tenant-${count}`, `tenant-${count + 1}`, `tenant-${count + 2}`]);
    expect((await walk({})).names).not.toContain(`tenant-${count}`);
  });

  it('refuses tokens that it did not give, as a mistake of usage', async () => {
    const { nextToken } = await listTenants(context, { limit: 1 });
    const other = (await listTenants(context, { limit: 1, status: 'offboarded' })).nextToken;
    const forged = (key: unknown): string => Buffer.from(JSON.stringify(key)).toString('base64url');
    for (const token of [
      'nonsense',
      '',
      forged(null),
      forged({}),
      forged([1]),
      forged({ pk: 1, sk: 2, gsi1pk: 'TENANTS', gsi1sk: 3 }),
      forged({ pk: 'CELLS', sk: 'CELL#cell-1', gsi1pk: 'TENANTS', gsi1sk: 'x' }),
      (nextToken ?? '').slice(0, -5),
      other ?? '',
    ])
      await expect(listTenants(context, { limit: 1, nextToken: token })).rejects.toMatchObject({
        code: 'bad_next_token',
        exitCode: 2,
      });
  });

  it('does not take a failing table for a bad token', async () => {
    const { nextToken } = await listTenants(context, { limit: 1 });
    const broken = operator({
      ...context,
      target: { ...context.target, client: { ...fixture.options, endpoint: 'http://127.0.0.1:1' } },
    });
    await expect(listTenants(broken, { nextToken: nextToken ?? '' })).rejects.not.toMatchObject({
      code: 'bad_next_token',
    });
  });
});
