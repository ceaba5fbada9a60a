/** The whole path: gateway, authorizer, usage plan, load balancer, task, table. One tenant, 16 connections. */
import { load } from './load.mjs';
import { withProject } from './project.mjs';

export async function measure({ short }) {
  return withProject(async (project) => {
    await project.run(['deploy-shared', '--json']);
    const onboarded = await project.run([
      'onboard',
      '--tier',
      'basic',
      '--name',
      'load',
      '--email',
      'admin@load.example',
      '--json',
    ]);
    const { apiUrl } = JSON.parse(onboarded.stdout).data;
    await project.run([
      'throttle',
      '--tenant',
      'load',
      '--rate',
      '10000',
      '--burst',
      '10000',
      '--quota',
      '100000000/month',
    ]);
    const token = (await project.run(['token', '--tenant', 'load'])).stdout.trim();
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const product = await post(`${apiUrl}/products`, headers, {
      name: 'Lamp',
      price: 1,
      sku: 'L1',
      category: 'light',
    });
    for (let index = 0; index < 20; index++)
      await post(`${apiUrl}/orders`, headers, {
        orderName: `Order ${index}`,
        orderProducts: [{ productId: product, price: 1, quantity: 1 }],
      });
    await load(`${apiUrl}/orders`, { headers, seconds: 1 });
    const found = await load(`${apiUrl}/orders`, { headers, seconds: short ? 3 : 10 });
    return [
      {
        what: 'whole path, GET /orders of 20 items, 16 connections',
        figure: found.requestsPerSecond,
        unit: 'requests/s',
        bar: '>= 250',
        ok: found.requestsPerSecond >= 250 && found.errors === 0,
      },
      { what: 'whole path, p50', figure: found.p50Ms, unit: 'ms' },
      { what: 'whole path, p99', figure: found.p99Ms, unit: 'ms', bar: '<= 150 ms', ok: found.p99Ms <= 150 },
    ];
  });
}

async function post(url, headers, body) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (response.status !== 201)
    throw new Error(`POST ${url} answered ${response.status}: ${await response.text()}`);
  return response.headers.get('location').split('/').at(-1);
}
