import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientId, type Issuer, startIssuer, unsigned } from './issuer.ts';
import { type PoolCloud, startPoolCloud } from './pool-cloud.ts';
import { bundle, client, type RunningImage, removeBundles, startImage } from './running-image.ts';

let issuer: Issuer;
let cloud: PoolCloud;
let orderImage: string;
let orders: RunningImage;
let products: RunningImage;
/** Passes calls on to the cloud; counts them by what they are. */
let tap: { server: Server; url: string; calls: string[] };

const settings = (): Record<string, string> => ({
  ISSUER: issuer.url,
  CLIENT_ID: clientId,
  AWS_ENDPOINT_URL: tap.url,
  AWS_ACCESS_KEY_ID: 'task',
  AWS_SECRET_ACCESS_KEY: 'task',
  TENANT_ROLE_ARN: cloud.tenantRoleArn,
});

beforeAll(async () => {
  issuer = await startIssuer();
  cloud = await startPoolCloud({ orders: 'orderId', products: 'productId' });
  tap = await startTap(() => cloud.endpoint);
  orderImage = await bundle('images', 'order');
  products = await startImage(await bundle('images', 'product'), { ...settings(), TABLE_NAME: 'products' });
  orders = await startImage(orderImage, {
    ...settings(),
    TABLE_NAME: 'orders',
    PRODUCTS_URL: `${products.url}/products`,
  });
});
afterAll(async () => {
  await orders?.stop();
  await products?.stop();
  tap?.server.close();
  await cloud?.stop();
  await issuer?.close();
  removeBundles();
});

const as = async (tenantId: string, role = 'TenantUser') =>
  client(orders.url, await issuer.token({ tenantId, role }));

async function newProduct(tenantId: string): Promise<string> {
  const made = await client(products.url, await issuer.token({ tenantId }))('POST', '/products', {
    name: 'Lamp',
    price: 19.99,
    sku: 'L-1',
    category: 'light',
  });
  expect(made.status).toBe(201);
  return String(made.body['productId']);
}

const orderOf = (productId: string, orderName = 'First') => ({
  orderName,
  orderProducts: [{ productId, price: 19.99, quantity: 2 }],
});

describe('orders', () => {
  it('are made, found, replaced and deleted by their plain id', async () => {
    const call = await as('tenant-crud');
    const productId = await newProduct('tenant-crud');
    const made = await call('POST', '/orders', orderOf(productId));
    expect(made.status).toBe(201);
    const id = String(made.body['orderId']);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers.get('location')).toBe(`/orders/${id}`);
    expect(made.body).toMatchObject({ ...orderOf(productId), tenantId: 'tenant-crud' });

    expect((await call('GET', `/orders/${id}`)).body).toEqual(made.body);
    const replaced = await call('PUT', `/orders/${id}`, orderOf(productId, 'Second'));
    expect(replaced.body).toMatchObject({
      orderId: id,
      orderName: 'Second',
      createdAt: made.body['createdAt'],
    });
    expect((await call('DELETE', `/orders/${id}`)).status).toBe(204);
    expect((await call('GET', `/orders/${id}`)).status).toBe(404);
    expect((await call('DELETE', `/orders/${id}`)).status).toBe(404);
    expect((await call('PUT', `/orders/${id}`, orderOf(productId))).status).toBe(404);
    expect((await call('GET', '/orders')).body.items).toEqual([]);
  });

  it('are listed page by page, in order, each once', async () => {
    const call = await as('tenant-pages');
    const productId = await newProduct('tenant-pages');
    const ids: unknown[] = [];
    for (let n = 0; n < 5; n++)
      ids.push((await call('POST', '/orders', orderOf(productId, `Order ${n}`))).body['orderId']);
    const seen: unknown[] = [];
    let query = '';
    let pages = 0;
    do {
      const { body } = await call('GET', `/orders?limit=2${query}`);
      seen.push(...(body.items ?? []).map((item) => item['orderId']));
      query = body['nextToken'] === null ? '' : `&nextToken=${String(body['nextToken'])}`;
      pages++;
    } while (query !== '');
    expect(seen).toEqual(ids.toSorted());
    expect(pages).toBe(3);
  });

  it("say which products don't exist, another tenant's among them", async () => {
    const call = await as('tenant-buyer');
    const own = await newProduct('tenant-buyer');
    const foreign = await newProduct('tenant-other');
    const answer = await call('POST', '/orders', {
      orderName: 'Mixed',
      orderProducts: [own, foreign, 'no-such'].map((productId) => ({ productId, price: 1, quantity: 1 })),
    });
    expect(answer.status).toBe(400);
    expect(answer.body.error?.['details']).toEqual([
      { field: 'orderProducts[1].productId', message: `there is no product "${foreign}"` },
      { field: 'orderProducts[2].productId', message: 'there is no product "no-such"' },
    ]);
  });

  it('can be tried again when the product service is away', async () => {
    const alone = await startImage(orderImage, {
      ...settings(),
      TABLE_NAME: 'orders',
      PRODUCTS_URL: 'http://127.0.0.1:1/products',
    });
    const answer = await client(alone.url, await issuer.token())('POST', '/orders', orderOf('p1'));
    await alone.stop();
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('refuse what is not as documented, with every problem named', async () => {
    const call = await as('tenant-a');
    const wrong = await call('POST', '/orders', {
      orderProducts: [{ productId: 'p', price: -1, quantity: 1.5 }],
      tenantId: 'tenant-b',
    });
    expect(wrong.status).toBe(400);
    expect(wrong.body.error?.['code']).toBe('invalid_request');
    expect(wrong.body.error?.['details']).toEqual(
      expect.arrayContaining([
        { field: 'orderName', message: 'is required' },
        { field: 'tenantId', message: 'is not known' },
        { field: 'orderProducts[0].price', message: 'must be >= 0' },
        { field: 'orderProducts[0].quantity', message: 'must be integer' },
      ]),
    );
    expect((await call('POST', '/orders', '{"orderName":')).status).toBe(400);
    const tiny = '{"orderName":"a","orderProducts":[{"productId":"p","price":5e-324,"quantity":1}]}';
    expect((await call('POST', '/orders', tiny)).status).toBe(400);
    expect((await call('POST', '/orders', 'x'.repeat(300_000))).status).toBe(413);
    expect((await call('POST', '/orders', '<a/>', { 'content-type': 'text/xml' })).status).toBe(415);
    expect((await call('GET', '/orders?limit=0')).status).toBe(400);
    expect((await call('GET', '/orders?limit=101')).body.error?.['details']).toMatchObject([
      { field: 'limit' },
    ]);
    expect((await call('GET', '/orders?nextToken=abc')).status).toBe(400);
    expect((await call('GET', '/orders?since=1')).status).toBe(400);
    expect((await call('GET', '/nothing')).status).toBe(404);
    expect((await call('GET', '/orders/tenant-a:plain%20id%00')).status).toBe(404);
  });
});

describe('a tenant', () => {
  it("sees nothing of another's, whatever it sends", async () => {
    const mine = await as('tenant-a');
    const theirs = await as('tenant-b');
    const productId = await newProduct('tenant-b');
    const secret = String((await theirs('POST', '/orders', orderOf(productId, 'Secret'))).body['orderId']);
    await theirs('POST', '/orders', orderOf(productId, 'Secret too'));
    const forged = { tenantPath: 'tenant-b', 'x-tenant-id': 'tenant-b' };
    expect((await mine('GET', `/orders/${secret}`, undefined, forged)).status).toBe(404);
    expect((await mine('DELETE', `/orders/${secret}`, undefined, forged)).status).toBe(404);
    const list = await mine('GET', '/orders', undefined, forged);
    expect(list.body.items?.filter((item) => item['tenantId'] !== 'tenant-a')).toEqual([]);
    const { body } = await theirs('GET', '/orders?limit=1');
    const strayed = await mine('GET', `/orders?nextToken=${String(body['nextToken'])}`);
    expect(strayed.status).toBe(400);
    expect((await theirs('GET', `/orders/${secret}`)).status).toBe(200);
  });

  it("is kept from others' items by AWS too: the session that its calls are signed with reaches no other key", async () => {
    await cloud.dynamodb.send(
      new PutItemCommand({
        TableName: 'orders',
        Item: { tenantId: { S: 'tenant-b' }, orderId: { S: 'known' }, orderName: { S: 'x' } },
      }),
    );
    const { poolCredentials } = await import('../../src/templates/images/kit/credentials.ts');
    const { createDynamoDbClient } = await import('../../src/templates/images/kit/dynamodb-client.ts');
    const env = {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_ACCESS_KEY_ID: 'task',
      AWS_SECRET_ACCESS_KEY: 'task',
    };
    Object.assign(process.env, env);
    const session = await poolCredentials('us-east-1', cloud.tenantRoleArn).forTenant('tenant-a');
    for (const name of Object.keys(env)) delete process.env[name];
    const store = createDynamoDbClient('us-east-1', env);
    const read = (tenantId: string) =>
      store.call(
        'GetItem',
        { TableName: 'orders', Key: { tenantId: { S: tenantId }, orderId: { S: 'known' } } },
        session,
      );
    await expect(read('tenant-a')).resolves.toEqual({});
    await expect(read('tenant-b')).rejects.toMatchObject({ code: 'AccessDeniedException' });
    store.close();
  });

  it('costs one AssumeRole and one verification, not one a request', async () => {
    const token = await issuer.token({ tenantId: 'tenant-once' });
    const before = tap.calls.filter((call) => call === 'sts').length;
    await Promise.all(Array.from({ length: 12 }, () => client(orders.url, token)('GET', '/orders')));
    await client(orders.url, token)('GET', '/orders');
    expect(tap.calls.filter((call) => call === 'sts').length - before).toBe(1);
  });
});

describe('a token', () => {
  const get = async (token: string | undefined) => (await client(orders.url, token)('GET', '/orders')).status;

  it.each([
    ['without a signature', async () => unsigned(await issuer.token())],
    [
      'signed with the public key as a secret',
      () => issuer.token({ algorithm: 'HS256', key: new TextEncoder().encode(issuer.publicKeyPem) }),
    ],
    ['of an unknown key', () => issuer.token({ kid: 'other' })],
    ['for another client', () => issuer.token({ audience: 'other' })],
    ['of another issuer', () => issuer.token({ issuer: 'http://127.0.0.1:1/pool' })],
    ['that has expired', () => issuer.token({ expiresIn: -1 })],
    ['that never expires', () => issuer.token({ claims: { exp: undefined } })],
    ['that is an access token', () => issuer.token({ claims: { token_use: 'access' } })],
    ['that is none', () => Promise.resolve('nonsense')],
  ])('%s is refused', async (_, make) => {
    expect(await get(await make())).toBe(401);
  });

  it('with a changed tenant is refused', async () => {
    const [header, body = '', signature] = (await issuer.token()).split('.');
    const claims = {
      ...JSON.parse(Buffer.from(body, 'base64url').toString()),
      'custom:tenantId': 'tenant-b',
    };
    const changed = Buffer.from(JSON.stringify(claims)).toString('base64url');
    expect(await get(`${header}.${changed}.${signature}`)).toBe(401);
  });

  it('without tenant or role is forbidden, none at all is unauthorized', async () => {
    expect(await get(await issuer.token({ claims: { 'custom:tenantId': undefined } }))).toBe(403);
    expect(await get(await issuer.token({ tenantId: 'a/../b' }))).toBe(403);
    expect(await get(await issuer.token({ role: 'Root' }))).toBe(403);
    const none = await client(orders.url)('GET', '/orders');
    expect(none.status).toBe(401);
    expect(none.headers.get('www-authenticate')).toBe('Bearer');
  });

  it("of another tenant is forbidden in a silo, and the silo's own needs no STS", async () => {
    const { TENANT_ROLE_ARN: _, ...silo } = settings();
    const service = await startImage(orderImage, { ...silo, TABLE_NAME: 'orders', TENANT_ID: 'tenant-silo' });
    const before = tap.calls.filter((call) => call === 'sts').length;
    const own = await client(service.url, await issuer.token({ tenantId: 'tenant-silo' }))('GET', '/orders');
    const other = await client(service.url, await issuer.token({ tenantId: 'tenant-a' }))('GET', '/orders');
    await service.stop();
    expect([own.status, other.status]).toEqual([200, 403]);
    expect(tap.calls.filter((call) => call === 'sts').length).toBe(before);
  });
});

describe('the process', () => {
  it('answers its health check program, and ends with 0 on SIGTERM after what is under way', async () => {
    const service = await startImage(orderImage, { ...settings(), TABLE_NAME: 'orders' });
    const check = (port: number) =>
      spawnSync(process.execPath, [path.join(path.dirname(orderImage), 'health.mjs')], {
        env: { HOST: '0.0.0.0', PORT: String(port) },
      }).status;
    expect(check(service.port)).toBe(0);
    expect(check(1)).toBe(1);
    const under = client(service.url, await issuer.token())('GET', '/orders');
    // The request has reached the store when its session is asked for or its query passes.
    await tapped(() => under);
    expect(await service.stop()).toBe(0);
    expect((await under).status).toBe(200);
    expect(service.output()).not.toContain('cut off');
  });

  it('logs routes, tenants and times, and nothing of persons or tokens', async () => {
    const token = await issuer.token({ tenantId: 'tenant-log', username: 'jane@acme.example' });
    await client(orders.url, token)('GET', '/orders/some-id?');
    expect(JSON.parse(await orders.line('tenant-log'))).toMatchObject({
      tenantId: 'tenant-log',
      route: '/orders/:id',
      status: 404,
      level: 'info',
    });
    expect(orders.output()).not.toMatch(/acme\.example|Bearer|eyJ/);
  });

  it('says at start what its environment lacks', async () => {
    await expect(startImage(orderImage, { PORT: 'x', TABLE_NAME: 'orders', CLIENT_ID: 'c' })).rejects.toThrow(
      /PORT is \\"x\\".*ISSUER is not set.*neither TENANT_ID \(silo\) nor TENANT_ROLE_ARN/,
    );
  });
});

/** Lets `start` begin and waits until one more call has passed the tap. */
async function tapped(start: () => unknown): Promise<void> {
  const { length } = tap.calls;
  start();
  while (tap.calls.length === length) await new Promise((resolve) => setImmediate(resolve));
}

async function startTap(target: () => string): Promise<typeof tap> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push(String(request.headers['x-amz-target'] ?? 'sts'));
      const { connection: _, 'transfer-encoding': __, 'content-length': ___, ...headers } = request.headers;
      fetch(target(), {
        method: 'POST',
        headers: headers as Record<string, string>,
        body: Buffer.concat(chunks),
      }).then(
        async (answer) => {
          const body = Buffer.from(await answer.arrayBuffer());
          response
            .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
            .end(body);
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
