/** The services of a tenant, each a process as ECS runs it: an answer below 500, in the shape of their errors, and they live on. */
import http from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { clientId, type Issuer, startIssuer } from '../images/issuer.ts';
import { type PoolCloud, startPoolCloud } from '../images/pool-cloud.ts';
import { bundle, type RunningImage, removeBundles, startImage } from '../images/running-image.ts';
import { startUserPool, type UserPool } from '../images/user-pool.ts';
import { badText, change, changed, deepJson } from './bad-values.ts';
import { expectNoTrace, property } from './property.ts';

let issuer: Issuer;
let cloud: PoolCloud;
let pool: UserPool;
let token: string;
const services = new Map<string, RunningImage>();
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });

beforeAll(async () => {
  issuer = await startIssuer();
  token = await issuer.token({ tenantId: 'tenant-a', username: 'admin' });
  cloud = await startPoolCloud({ orders: 'orderId', products: 'productId' });
  pool = await startUserPool();
  const common = {
    ISSUER: issuer.url,
    CLIENT_ID: clientId,
    AWS_ACCESS_KEY_ID: 'task',
    AWS_SECRET_ACCESS_KEY: 'task',
  };
  for (const [name, environment] of [
    [
      'order',
      { AWS_ENDPOINT_URL: cloud.endpoint, TENANT_ROLE_ARN: cloud.tenantRoleArn, TABLE_NAME: 'orders' },
    ],
    [
      'product',
      { AWS_ENDPOINT_URL: cloud.endpoint, TENANT_ROLE_ARN: cloud.tenantRoleArn, TABLE_NAME: 'products' },
    ],
    ['user', { AWS_ENDPOINT_URL: pool.url, USER_POOL_ID: 'us-east-1_pool' }],
  ] as const)
    services.set(name, await startImage(await bundle('images', name), { ...common, ...environment }));
});
afterAll(async () => {
  agent.destroy();
  for (const service of services.values()) await service.stop();
  await cloud?.stop();
  await pool?.close();
  await issuer?.close();
  removeBundles();
});

interface Sent {
  service: 'order' | 'product' | 'user';
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

function send({
  service,
  method,
  path,
  headers,
  body,
}: Sent): Promise<{ status: number; body: string } | undefined> {
  const { port } = services.get(service) as RunningImage;
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    let request: http.ClientRequest;
    try {
      request = http.request(
        {
          agent,
          host: '127.0.0.1',
          port,
          method,
          path,
          headers: { 'content-length': bytes.length, ...headers },
        },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
    } catch {
      // What Node.js's own client does not send.
      resolve(undefined);
      return;
    }
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
      else resolve(undefined);
    });
    request.end(bytes);
  });
}

const paths = { order: '/orders', product: '/products', user: '/users' } as const;
const bodies = {
  order: { orderName: 'first', orderProducts: [{ productId: 'p-1', price: 1.5, quantity: 2 }] },
  product: { name: 'Lamp', price: 19.99, sku: 'L-1', category: 'light' },
  user: { userName: 'Jane', userEmail: 'jane@acme.example', userRole: 'TenantUser' },
} as const;
const service = fc.constantFrom('order', 'product', 'user');
const id = fc.oneof(
  badText.map((text) => encodeURIComponent(Buffer.from(text).toString())),
  fc.constantFrom('%', '%zz', '%c0%af', '..', '.', 'a/b', 'a?limit=1', 'a#b', 'x'.repeat(300)),
);
const value = badText.map((text) => text.replaceAll(/[^\x20-\x7e\x80-\xff]/g, '?').trim());

async function check(request: Sent): Promise<void> {
  const answer = await send(request);
  if (!answer) return;
  const place = services.get(request.service) as RunningImage;
  expect(place.process.exitCode).toBeNull();
  expect(answer.status, answer.body).toBeLessThan(500);
  expectNoTrace(answer.body, JSON.stringify(request));
  if (answer.status >= 400 && request.method !== 'HEAD')
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { code: expect.any(String), message: expect.any(String) },
    });
}

describe('tenant API', () => {
  property(
    'tenant API: any request',
    fc
      .record({
        service,
        method: fc.constantFrom(
          'GET',
          'GET',
          'POST',
          'PUT',
          'DELETE',
          'PATCH',
          'HEAD',
          'OPTIONS',
          'PROPFIND',
        ),
        id: fc.option(id),
        query: fc.dictionary(
          fc.constantFrom('limit', 'nextToken', 'tenantId', '__proto__', 'limit[]'),
          badText,
        ),
        header: fc.constantFrom(
          'authorization',
          'content-type',
          'accept',
          'tenantPath',
          'expect',
          'x-request-id',
          'if-match',
        ),
        value: fc.oneof(
          value,
          fc.constantFrom('application/json; charset=x', 'multipart/form-data', 'Bearer a.b.c'),
        ),
        signed: fc.boolean(),
        body: fc.oneof(badText, fc.json(), fc.constantFrom('', deepJson(100_000), '{"a":'.repeat(40_000))),
      })
      .map(
        ({ service: name, method, id: item, query, header, value: text, signed, body }): Sent => ({
          service: name,
          method,
          path: `${paths[name]}${item === null ? '' : `/${item}`}?${new URLSearchParams(query)}`.replaceAll(
            ' ',
            '%20',
          ),
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${signed ? 'TOKEN' : 'none'}`,
            [header]: text,
          },
          body: method === 'GET' || method === 'HEAD' ? '' : body,
        }),
      ),
    (request) => {
      const authorization = request.headers['authorization']?.replace('TOKEN', token) ?? '';
      return check({ ...request, headers: { ...request.headers, authorization } });
    },
  );

  property(
    'tenant API: order, product and user bodies',
    fc.record({ service, changes: fc.array(change, { maxLength: 3 }), id: fc.option(id) }).map(
      ({ service: name, changes, id: item }): Sent => ({
        service: name,
        method: item === null ? 'POST' : 'PUT',
        path: `${paths[name]}${item === null ? '' : `/${item}`}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(changed(bodies[name], changes)) ?? '',
      }),
    ),
    (request) => check({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }),
  );
});
