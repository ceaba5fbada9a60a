import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { api, newProject, type Project } from './project.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject();
});
afterAll(() => project.remove());

const tenants: Record<string, Tenant> = {};
const tokens: Record<string, string> = {};
const orders: Record<string, string> = {};

const guests = [
  ['acorn', 'basic'],
  ['birch', 'basic'],
  ['cedar', 'advanced'],
  ['dogwood', 'premium'],
] as const;

async function storeOrder(name: string): Promise<string> {
  const at = { token: tokens[name] ?? '', method: 'POST' };
  const url = tenants[name]?.apiUrl ?? '';
  const product = await api(`${url}/products`, {
    ...at,
    body: { name: 'Lamp', price: 19.5, sku: 'L-1', category: 'light' },
  });
  expect(product.status, JSON.stringify(product.body)).toBe(201);
  const productId = product.headers.get('location')?.split('/').at(-1);
  const order = await api(`${url}/orders`, {
    ...at,
    body: { orderName: `of ${name}`, orderProducts: [{ productId, price: 19.5, quantity: 1 }] },
  });
  expect(order.status, JSON.stringify(order.body)).toBe(201);
  return order.headers.get('location')?.split('/').at(-1) ?? '';
}

describe('before anything is deployed', () => {
  it('says so, and what to do', async () => {
    const ran = await project.cli(
      'onboard',
      '--tier',
      'basic',
      '--name',
      'acorn',
      '--email',
      'a@acorn.example',
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/error: "shop" is not deployed[\s\S]*hint: .*saas-ecs deploy-shared/);
  });
});

describe('deploy-shared', () => {
  it('shows what it would do and does nothing with --dry-run', async () => {
    const ran = await project.cli('deploy-shared', '--dry-run', '--exit-code', '--json');
    expect(ran.code, ran.stderr).toBe(3);
    const { changes } = ran.json().data as { changes: { stack: string; added: string[] }[] };
    expect(changes.map((change) => change.stack)).toContain('shared-infra-stack');
    expect((await project.cli('list-tenants')).code).toBe(1);
  });

  it('deploys the shared stacks and publishes a release', async () => {
    const deployed = await project.json<{ stacks: { name: string; status: string }[]; release: string }>(
      'deploy-shared',
    );
    expect(deployed.stacks.map((stack) => stack.name).sort()).toEqual([
      'controlplane-stack',
      'coreappplane-stack',
      'shared-infra-stack',
      'tenant-template-advanced',
      'tenant-template-basic',
    ]);
    expect(deployed.release).toMatch(/^[0-9a-f]{12}$/);
  });

  it('changes nothing the second time', async () => {
    const deployed = await project.json<{ stacks: { status: string }[] }>('deploy-shared');
    expect(new Set(deployed.stacks.map((stack) => stack.status))).toEqual(new Set(['unchanged']));
    expect((await project.cli('deploy-shared', '--dry-run', '--exit-code')).code).toBe(0);
  });
});

describe('onboard', () => {
  it.each(guests)('brings %s in on the tier %s, and proves that it is served', async (name, tier) => {
    const onboarded = await project.json<Tenant & { steps: { name: string; status: string }[] }>(
      ...['onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`],
    );
    expect(onboarded).toMatchObject({
      name,
      tier,
      status: 'active',
      adminEmail: `admin@${name}.example`,
      lastError: null,
    });
    expect(onboarded.steps.slice(-2)).toMatchObject([
      { name: 'admission', status: 'done' },
      { name: 'announce', status: 'done' },
    ]);
    tenants[name] = onboarded;
    tokens[name] = (await project.json<{ token: string }>('token', '--tenant', name)).token;
    orders[name] = await storeOrder(name);
  });

  it('refuses a name that is taken, malformed or reserved, and an unknown tier', async () => {
    const attempt = (tier: string, name: string) =>
      project.cli('onboard', '--tier', tier, '--name', name, '--email', 'x@y.example', '--json');
    expect((await attempt('basic', 'acorn')).json().error).toMatchObject({
      code: 'tenant_exists',
      exitCode: 1,
    });
    for (const name of ['a', 'Acorn', 'acorn_', 'admin', 'acörn', 'a--b', '-ab'])
      expect((await attempt('basic', `${name}`.startsWith('-') ? `=${name}` : name)).code).not.toBe(0);
    expect((await attempt('basic', 'Acorn')).json().error).toMatchObject({
      code: 'bad_tenant_name',
      exitCode: 2,
    });
    expect((await attempt('gold', 'newcomer')).json().error).toMatchObject({
      code: 'unknown_tier',
      exitCode: 2,
    });
  });

  it('lists and describes', async () => {
    const listed = await project.json<{ tenants: Tenant[]; nextToken: string | null }>('list-tenants');
    expect(listed.tenants.map((tenant) => tenant.name)).toEqual(guests.map(([name]) => name));
    const first = await project.json<{ tenants: Tenant[]; nextToken: string }>(
      'list-tenants',
      '--limit',
      '3',
    );
    expect(first.tenants).toHaveLength(3);
    const rest = await project.json<{ tenants: Tenant[]; nextToken: null }>(
      'list-tenants',
      '--limit',
      '3',
      '--next-token',
      first.nextToken,
    );
    expect([...first.tenants, ...rest.tenants].map((tenant) => tenant.name)).toEqual(
      guests.map(([name]) => name),
    );
    expect(rest.nextToken).toBeNull();
    expect((await project.cli('list-tenants', '--next-token', 'nonsense')).code).toBe(2);
    const described = await project.json('describe-tenant', 'dogwood');
    expect(described).toMatchObject({
      name: 'dogwood',
      resources: {
        services: [
          { name: 'orders', desired: 1, running: 1, healthy: true },
          { name: 'products', desired: 1, running: 1, healthy: true },
          { name: 'users', desired: 1, running: 1, healthy: true },
        ],
      },
    });
    expect((await project.cli('describe-tenant', 'nobody')).code).toBe(4);
  });
});

describe('isolation', () => {
  // The limits are proved below; here they would only be in the way.
  beforeAll(async () => {
    for (const tier of ['basic', 'advanced', 'premium'])
      await project.json(
        'throttle',
        '--tier',
        tier,
        '--rate',
        '1000',
        '--burst',
        '1000',
        '--quota',
        '100000/day',
      );
  });
  afterAll(async () => {
    for (const tier of ['basic', 'advanced', 'premium'])
      await project.json('throttle', '--tier', tier, '--reset');
  });

  const pairs = guests.flatMap(([one]) =>
    guests.flatMap(([other]) => (one === other ? [] : [[one, other] as const])),
  );

  it.each(pairs)('%s reaches nothing of %s', async (one, other) => {
    const { apiUrl = '' } = tenants[one] ?? {};
    const token = tokens[one] ?? '';
    const id = orders[other] ?? '';
    const forged = {
      tenantPath: tenants[other]?.model === 'pool' ? 'basic' : (tenants[other]?.tenantId ?? ''),
      tenantpath: tenants[other]?.tenantId ?? '',
    };
    for (const headers of [{}, forged]) {
      expect((await api(`${apiUrl}/orders/${id}`, { token, headers })).status).toBe(404);
      expect((await api(`${apiUrl}/orders/${id}`, { token, headers, method: 'DELETE' })).status).toBe(404);
      const list = await api(`${apiUrl}/orders`, { token, headers });
      expect(list.status).toBe(200);
      expect(JSON.stringify(list.body)).not.toContain(id);
      expect(JSON.stringify(list.body)).toContain(orders[one]);
    }
    expect(
      (await api(`${tenants[other]?.apiUrl}/orders/${orders[other]}`, { token: tokens[other] ?? '' })).status,
    ).toBe(200);
  });

  it('lets nobody in without a good token', async () => {
    const { apiUrl = '' } = tenants['acorn'] ?? {};
    expect((await api(`${apiUrl}/orders`)).status).toBe(401);
    expect((await api(`${apiUrl}/orders`, { token: 'x.y.z' })).status).toBe(401);
    expect((await api(`${apiUrl}/orders`, { headers: { 'x-api-key': 'guess' } })).status).toBe(401);
  });
});

describe('throttle', () => {
  it('holds for one tenant and not for its neighbour on the same tier', async () => {
    const [burst, neighbour] = await Promise.all([
      project.json<{ passed: number; throttled: number }>(
        'throttle',
        '--tenant',
        'acorn',
        '--test',
        '--requests',
        '40',
      ),
      api(`${tenants['birch']?.apiUrl}/orders`, { token: tokens['birch'] ?? '' }),
    ]);
    expect(burst.throttled).toBeGreaterThan(0);
    expect(burst.passed).toBeGreaterThanOrEqual(10);
    expect(neighbour.status).toBe(200);
  });

  it("gives a tenant limits of its own, which outlive a change of the tier's, and takes effect at once", async () => {
    expect(
      await project.json('throttle', '--tenant', 'acorn', '--rate', '500', '--burst', '500'),
    ).toMatchObject({ scope: 'tenant', name: 'acorn', rate: 500, burst: 500 });
    expect(await project.json('throttle', '--tier', 'basic', '--rate', '5', '--burst', '5')).toMatchObject({
      scope: 'tier',
      name: 'basic',
      rate: 5,
    });
    expect(await project.json('throttle', '--tenant', 'acorn', '--test', '--requests', '40')).toMatchObject({
      passed: 40,
      throttled: 0,
    });
    expect(await project.json('describe-tenant', 'acorn')).toMatchObject({
      throttle: { rate: 500, source: 'tenant' },
    });
    expect(await project.json('describe-tenant', 'birch')).toMatchObject({
      throttle: { rate: 5, source: 'tier' },
    });
    expect(await project.json('throttle', '--tenant', 'acorn', '--reset')).toMatchObject({ rate: 5 });
    expect(await project.json('throttle', '--tier', 'basic', '--reset')).toMatchObject({
      rate: 10,
      burst: 10,
    });
    expect((await project.cli('throttle', '--rate', '5')).code).toBe(2);
    expect((await project.cli('throttle', '--tenant', 'nobody', '--rate', '5')).code).toBe(4);
  });
});

describe('after a kill -9 of the embedded cloud', () => {
  it('everything is back: tenants, items, users, keys, limits, tasks', async () => {
    const status = await project.json<{ pid: number }>('local', 'status');
    process.kill(status.pid, 'SIGKILL');
    const listed = await project.json<{ tenants: Tenant[] }>('list-tenants');
    expect(listed.tenants.map((tenant) => [tenant.name, tenant.status])).toEqual(
      guests.map(([name]) => [name, 'active']),
    );
    for (const [name] of guests) {
      const fresh = await project.json<{ token: string }>('token', '--tenant', name);
      await expect
        .poll(
          async () =>
            (await api(`${tenants[name]?.apiUrl}/orders/${orders[name]}`, { token: fresh.token })).status,
          { timeout: 30_000 },
        )
        .toBe(200);
    }
  });
});

describe('offboard', () => {
  it('wants the name, and deletes nothing without it', async () => {
    expect((await project.cli('offboard', 'acorn')).code).toBe(2);
    expect((await project.cli('offboard', 'acorn', '--confirm', 'birch')).code).toBe(2);
    expect((await project.cli('offboard', 'nobody', '--confirm', 'nobody')).code).toBe(4);
    expect(await project.json('describe-tenant', 'acorn')).toMatchObject({ status: 'active' });
  });

  it.each([['acorn'], ['cedar'], ['dogwood']])(
    'takes %s out with all it had, exported first',
    async (name) => {
      const done = await project.json<{
        deleted: Record<string, number>;
        export: { directory: string; files: { name: string; count: number; sha256: string }[] };
      }>(...['offboard', name, '--confirm', name, '--export', 'exports']);
      expect(done.deleted).toMatchObject({ users: 1, apiKeys: 1 });
      expect(done.deleted['items']).toBeGreaterThanOrEqual(2);
      const file = done.export.files.find((candidate) => candidate.name === 'orders.ndjson');
      const text = await readFile(path.join(done.export.directory, 'orders.ndjson'), 'utf8');
      expect(text).toContain(orders[name]);
      expect(createHash('sha256').update(text).digest('hex')).toBe(file?.sha256);
      expect(text.trimEnd().split('\n')).toHaveLength(file?.count ?? -1);
      const after = await api(`${tenants[name]?.apiUrl}/orders`, { token: tokens[name] ?? '' });
      expect([401, 403]).toContain(after.status);
      expect((await project.cli('describe-tenant', name)).code).toBe(4);
    },
  );

  it('leaves the neighbour alone, and frees the name', async () => {
    const { token } = await project.json<{ token: string }>('token', '--tenant', 'birch');
    expect((await api(`${tenants['birch']?.apiUrl}/orders/${orders['birch']}`, { token })).status).toBe(200);
    const again = await project.json<Tenant>(
      'onboard',
      '--tier',
      'basic',
      '--name',
      'acorn',
      '--email',
      'admin@acorn.example',
    );
    expect(again.tenantId).not.toBe(tenants['acorn']?.tenantId);
    const fresh = await project.json<{ token: string }>('token', '--tenant', 'acorn');
    expect((await api(`${again.apiUrl}/orders/${orders['acorn']}`, { token: fresh.token })).status).toBe(404);
  });
});

describe('audit', () => {
  it('has who did what to whom, in a chain that holds', async () => {
    type Event = { action: string; outcome: string; tenant: { id: string } | null; who: { arn: string } };
    const { events } = await project.json<{ events: Event[] }>(
      'audit',
      '--tenant',
      'dogwood',
      '--since',
      '1h',
    );
    expect(new Set(events.map(({ tenant }) => tenant?.id))).toEqual(new Set([tenants['dogwood']?.tenantId]));
    expect(events.at(-1)).toMatchObject({ action: 'onboard', outcome: 'done' });
    expect(events[0]).toMatchObject({
      action: 'offboard',
      outcome: 'done',
      who: { arn: 'arn:aws:iam::000000000000:root' },
    });
    const all = await project.json<{ events: Event[] }>('audit', '--limit', '500');
    expect(all.events.at(-1)).toMatchObject({ action: 'deploy-shared', outcome: 'done', tenant: null });
    expect(JSON.stringify(all)).not.toContain('@');
    const { head, ...proof } = await project.json<{ head: { hash: string } }>('audit', '--verify');
    expect(proof).toMatchObject({ events: all.events.length, broken: null });
    await project.json('audit', '--verify', '--expect', head.hash);
    const other = await project.cli('audit', '--expect', '0'.repeat(64), '--json');
    expect([other.code, other.json().error.code]).toEqual([1, 'audit_rewritten']);
    expect((await project.cli('audit', '--verify', '--tenant', 'acorn')).code).toBe(2);
  });
});

describe('destroy-shared', () => {
  it('refuses while tenants live, then takes the stacks down and can be deployed again', async () => {
    expect((await project.cli('destroy-shared', '--confirm', 'shop', '--json')).json().error.code).toBe(
      'tenants_left',
    );
    for (const name of ['acorn', 'birch']) await project.json('offboard', name, '--confirm', name);
    expect((await project.cli('destroy-shared', '--confirm', 'other')).code).toBe(2);
    const destroyed = await project.json<{ stacks: { name: string }[] }>(
      'destroy-shared',
      '--confirm',
      'shop',
    );
    expect(destroyed.stacks).toHaveLength(5);
    expect((await project.cli('list-tenants', '--json')).json().error.code).toBe('not_deployed');
  });
});
