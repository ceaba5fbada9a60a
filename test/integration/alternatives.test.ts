/** What the default configuration leaves out, on the whole system: EC2 capacity, and the reverse proxy where nginx is installed. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ECS } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { programOnMachine } from '../../src/embedded/compute/programs.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import type { Verification } from '../../src/services/verify/verify.ts';
import { api, newProject, type Project } from './project.ts';

const routing = process.platform === 'linux' && programOnMachine('nginx') ? 'proxy' : 'direct';
let project: Project;
let ecs: ECS;

beforeAll(async () => {
  project = await newProject('--routing', routing);
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replaceAll(/^( +)model: (shared|dedicated)-cluster$/gm, '$&\n$1capacity: ec2'));
  await project.json('deploy-shared', '--yes');
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
  ecs = new ECS({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  ecs.destroy();
  await project.remove();
});

it('lets container instances take as many tasks as they can', async () => {
  const { settings } = await ecs.listAccountSettings({ name: 'awsvpcTrunking', effectiveSettings: true });
  expect(settings).toMatchObject([{ name: 'awsvpcTrunking', value: 'enabled' }]);
});

it.each(['advanced', 'premium'])(`serves a tenant on %s, on instances, routing: ${routing}`, async (tier) => {
  const name = `tenant-${tier}`;
  const { apiUrl, tenantId } = await project.json<Tenant>(
    'onboard',
    ...['--tier', tier, '--name', name, '--email', `admin@${name}.example`],
  );
  const { token } = await project.json<{ token: string }>('token', '--tenant', name);
  const product = await api(`${apiUrl}/products`, {
    token,
    method: 'POST',
    body: { name: 'Lamp', price: 19.5, sku: 'L-1', category: 'light' },
  });
  expect(product, JSON.stringify(product.body)).toMatchObject({ status: 201, body: { tenantId } });
  const { productId } = product.body;
  const order = { orderName: 'first', orderProducts: [{ productId, price: 19.5, quantity: 1 }] };
  const ordered = await api(`${apiUrl}/orders`, { token, method: 'POST', body: order });
  expect(ordered.status, JSON.stringify(ordered.body)).toBe(201);
  expect(await api(`${apiUrl}/orders`, { token })).toMatchObject({
    status: 200,
    body: { items: [{ orderName: 'first' }] },
  });

  const { clusterArns = [] } = await ecs.listClusters({});
  const families = await Promise.all(
    clusterArns.map(async (cluster) => {
      const { taskArns: tasks = [] } = await ecs.listTasks({ cluster });
      if (tasks.length === 0) return [];
      return (await ecs.describeTasks({ cluster, tasks })).tasks ?? [];
    }),
  );
  const own = families.flat().filter((task) => task.taskDefinitionArn?.includes(tenantId));
  expect(own.map((task) => task.containers?.[0]?.name).toSorted()).toEqual(
    ['orders', 'products', 'users', ...(routing === 'proxy' ? ['proxy'] : [])].toSorted(),
  );
  expect(own.every((task) => task.capacityProviderName)).toBe(true);
});

// The default routing is attacked in isolation.test.ts.
it.runIf(routing === 'proxy')(
  'keeps tenants apart behind the proxy, on instances',
  async () => {
    const ran = await project.cli('verify', '--suite', 'isolation', '--json');
    const { attacks } = ran.json().data as Verification;
    expect(attacks.filter(({ outcome }) => outcome !== 'held')).toEqual([]);
    expect(ran.code).toBe(0);
  },
  180_000,
);
