/**
 * The whole path: gateway, authorizer, usage plan, load balancer, task, table; one tenant. A hop's share is the
 * processor time that a request costs there: the task's process tells its own, and what the embedded cloud's process
 * spends on gateway and table is told apart by asking the task directly.
 */
import { directQuery, directTask } from './hops.mjs';
import { load } from './load.mjs';
import { cpuMs, residentMB } from './proc.mjs';
import { median } from './process.mjs';
import { row } from './row.mjs';

const orders = 20;

export async function measure({ short, system }) {
  const { project, onboard } = await system.get();
  const { tenant } = await onboard('basic');
  await project.run([
    'throttle',
    ...['--tenant', tenant.name, '--rate', '10000', '--burst', '10000', '--quota', '100000000/month'],
  ]);
  const { token } = await project.json(['token', '--tenant', tenant.name]);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await fill(tenant.apiUrl, headers);

  const { pid } = await project.json(['local', 'status']);
  const task = await directTask(pid, headers);
  const query = await directQuery(task.environment, tenant.tenantId, orders);
  const places = { whole: { url: `${tenant.apiUrl}/orders`, headers }, task, query };
  const measured = { whole: [], task: [], query: [] };
  for (const place of Object.values(places)) await load(place.url, { ...place, seconds: short ? 0.5 : 1 });
  // One after the other within a round, so that all see the same machine.
  for (let round = short ? 3 : 5; round > 0; round--)
    for (const [name, place] of Object.entries(places)) {
      const before = [await cpuMs(pid), await cpuMs(task.pid)];
      const run = await load(place.url, { ...place, seconds: short ? 1 : name === 'whole' ? 4 : 2 });
      const after = [await cpuMs(pid), await cpuMs(task.pid)];
      if (run.errors > 0) throw new Error(`${name}: ${run.errors} requests were not answered with 200`);
      const [cloud, service] = after.map((ms, index) => (ms - before[index]) / run.requests);
      measured[name].push({ ...run, cloud, service });
    }

  const of = (name, figure) => median(measured[name].map((run) => run[figure]));
  const hops = {
    'gateway, authorizer (cached), usage plan, load balancer': of('whole', 'cloud') - of('task', 'cloud'),
    'order service': of('whole', 'service'),
    'table: IAM check and query': of('task', 'cloud'),
  };
  const total = Object.values(hops).reduce((sum, ms) => sum + ms, 0);
  return [
    row(
      'whole path, GET /orders of 20 items, 16 connections',
      of('whole', 'requestsPerSecond'),
      'requests/s',
      { atLeast: 250 },
    ),
    row('whole path, p50', of('whole', 'p50Ms'), 'ms'),
    row('whole path, p99', of('whole', 'p99Ms'), 'ms', { atMost: 150 }),
    row('from the task on', of('task', 'requestsPerSecond'), 'requests/s'),
    row("its query alone, by the tenant's credentials", of('query', 'requestsPerSecond'), 'requests/s'),
    row('embedded cloud after it, its own process', await residentMB(pid), 'MB', { atMost: 300 }),
    row('processor time of a request, load generator aside', total, 'ms'),
    ...Object.entries(hops).map(([hop, ms]) =>
      row(`- ${hop} (${Math.round((100 * ms) / total)} %)`, ms, 'ms'),
    ),
  ];
}

async function fill(apiUrl, headers) {
  const product = await post(`${apiUrl}/products`, headers, {
    name: 'Lamp',
    price: 1,
    sku: 'L1',
    category: 'light',
  });
  for (let index = 0; index < orders; index++)
    await post(`${apiUrl}/orders`, headers, {
      orderName: `Order ${index}`,
      orderProducts: [{ productId: product, price: 1, quantity: 1 }],
    });
}

async function post(url, headers, body) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (response.status !== 201)
    throw new Error(`POST ${url} answered ${response.status}: ${await response.text()}`);
  return response.headers.get('location').split('/').at(-1);
}
