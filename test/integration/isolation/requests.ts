/** What a tenant can write into a request: none of it leads to a neighbour. */
import { createHash } from 'node:crypto';
import {
  APIGatewayClient,
  GetApiKeysCommand,
  GetUsageCommand,
  GetUsagePlansCommand,
} from '@aws-sdk/client-api-gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from '../project.ts';
import { type Estate, type Guest, pairs, type TenantName, tenantNames } from './estate.ts';
import { raw } from './raw-request.ts';

/** What must never be in an answer to somebody else. */
const traces = ({ tenantId, name, orderId, productId, adminId }: Guest): string[] => [
  tenantId,
  `of ${name}`,
  `@${name}.example`,
  orderId,
  productId,
  adminId,
];

export function hostileRequests(estate: () => Estate): void {
  const guest = (name: TenantName): Guest => estate().guests[name];

  /** Everything that a tenant has, as its administrator sees it. */
  async function belongings(name: TenantName): Promise<string> {
    const { apiUrl, token } = guest(name);
    const lists = await Promise.all(
      ['orders', 'products', 'users'].map((path) => api(`${apiUrl}/${path}`, { token })),
    );
    expect(lists.map(({ status }) => status)).toEqual([200, 200, 200]);
    return JSON.stringify(lists.map(({ body }) => body));
  }

  describe('a tenant who speaks of another in his requests', () => {
    let before: Record<TenantName, string>;
    beforeAll(async () => {
      before = Object.fromEntries(
        await Promise.all(tenantNames.map(async (name) => [name, await belongings(name)])),
      );
    });
    afterAll(async () => {
      for (const name of tenantNames) expect(await belongings(name)).toBe(before[name]);
    });

    const spellings = [
      'tenantPath',
      'tenantpath',
      'TENANTPATH',
      'tenant-path',
      'tenant_path',
      'X-Tenant-Path',
    ];

    it.each(pairs)('%s gets only his own with every header that could name %s', async (one, other) => {
      const { apiUrl, token, orderId } = guest(one);
      const { tenantId, orderId: foreign } = guest(other);
      const path = guest(other).model === 'pool' ? 'basic' : tenantId;
      const headers = [
        ...spellings.flatMap((name) => [name, path, name, tenantId]),
        ...['x-tenant-id', tenantId, 'tenantId', tenantId, 'x-amzn-tenantpath', path],
        ...['x-forwarded-host', tenantId, 'x-original-url', `/orders/${foreign}`, 'x-rewrite-url', '/orders'],
        ...['connection', 'tenantPath', 'authorization', `Bearer ${token}`],
      ];
      const list = await raw(apiUrl, '/orders', { headers });
      expect(list.status).toBe(200);
      expect(list.body).toContain(orderId);
      for (const trace of traces(guest(other))) expect(list.body).not.toContain(trace);
      expect((await raw(apiUrl, `/orders/${foreign}`, { headers })).status).toBe(404);
    });

    it.each(pairs)('%s finds nothing by the ids of %s, with any method', async (one, other) => {
      const { apiUrl, token } = guest(one);
      const { orderId, productId, adminId } = guest(other);
      const product = { name: 'taken', price: 1, sku: 'x', category: 'x' };
      const order = { orderName: 'taken', orderProducts: [{ productId, price: 1, quantity: 1 }] };
      const ask = async (method: string, path: string, body?: unknown) => {
        const reply = await api(`${apiUrl}${path}`, { token, method, ...(body !== undefined && { body }) });
        return reply.status;
      };
      expect(await ask('GET', `/orders/${orderId}`)).toBe(404);
      expect(await ask('DELETE', `/orders/${orderId}`)).toBe(404);
      expect(await ask('GET', `/products/${productId}`)).toBe(404);
      expect(await ask('PUT', `/products/${productId}`, product)).toBe(404);
      expect(await ask('DELETE', `/products/${productId}`)).toBe(404);
      // An order of a product that only the other has.
      expect(await ask('POST', '/orders', order)).toBe(400);
      for (const id of [adminId, `admin@${other}.example`]) {
        expect(await ask('GET', `/users/${id}`)).toBe(404);
        expect(await ask('PUT', `/users/${id}`, { userName: 'taken' })).toBe(404);
        expect(await ask('DELETE', `/users/${id}`)).toBe(404);
      }
    });

    it.each(pairs)('%s is refused fields and parameters that name %s', async (one, other) => {
      const { apiUrl, token } = guest(one);
      const { tenantId, name: tenantName } = guest(other);
      const product = { name: 'Lamp', price: 1, sku: 'x', category: 'x', tenantId };
      const user = { userName: 'x', userEmail: `x@${one}.example`, userRole: 'TenantUser' };
      const post = (path: string, body: unknown) => api(`${apiUrl}${path}`, { token, method: 'POST', body });
      expect((await post('/products', product)).status).toBe(400);
      expect((await post('/users', { ...user, tenantId })).status).toBe(400);
      expect((await post('/users', { ...user, tenantName })).status).toBe(400);
      expect((await post('/users', { ...user, 'custom:tenantId': tenantId })).status).toBe(400);
      expect((await api(`${apiUrl}/orders?tenantId=${tenantId}`, { token })).status).toBe(400);
      expect((await api(`${apiUrl}/orders?tenantPath=${tenantId}`, { token })).status).toBe(400);
    });

    it.each(pairs)("%s can't go on in a list of %s by its nextToken", async (one, other) => {
      const { apiUrl, token, tenantId } = guest(one);
      const theirs = guest(other);
      const users = await api(`${theirs.apiUrl}/users?limit=1`, { token: theirs.token });
      const nextToken = String(users.body['nextToken']);
      expect(nextToken).not.toBe('null');
      const query = `nextToken=${encodeURIComponent(nextToken)}`;
      expect((await api(`${apiUrl}/users?${query}`, { token })).status).toBe(400);
      // The same with the binding made anew: it holds no secret, so it must not be what protects.
      const position = Buffer.from(theirs.orderId);
      const seal = createHash('sha256').update(`page-token/v1\n${tenantId}\n${theirs.orderId}`).digest();
      const forged = Buffer.concat([seal.subarray(0, 12), position]).toString('base64url');
      const list = await api(`${apiUrl}/orders?nextToken=${forged}`, { token });
      expect(list.status).toBe(200);
      for (const trace of traces(theirs)) expect(JSON.stringify(list.body)).not.toContain(trace);
    });

    it.each(pairs)('%s gets nowhere by tricks with the path, towards %s', async (one, other) => {
      const { apiUrl, token } = guest(one);
      const { orderId, tenantId } = guest(other);
      const headers = ['authorization', `Bearer ${token}`];
      const paths = [
        '//orders',
        `//orders/${orderId}`,
        `/orders//${orderId}`,
        `/orders/./${orderId}`,
        `/orders/../orders/${orderId}`,
        `/orders/%2e%2e/orders/${orderId}`,
        `/orders/..%2f..%2forders%2f${orderId}`,
        `/orders/%2f${orderId}`,
        `/%6frders/${orderId}`,
        `/Orders/${orderId}`,
        `/ORDERS/${orderId}`,
        `/orders/${orderId}/`,
        `/orders/${orderId}%00`,
        `/orders/${orderId};tenantPath=${tenantId}`,
        `/orders;x/${orderId}`,
        `/orders/${orderId}?tenantPath=${tenantId}`,
        `/orders/${tenantId}%23${orderId}`,
        `/${tenantId}/orders`,
        `/${tenantId}/orders/${orderId}`,
        '/orders/..',
        '/orders/.',
        '/orders/../users',
        '/orders/%2e%2e%2fusers',
        `/../prod/orders/${orderId}`,
      ];
      for (const path of paths) {
        const reply = await raw(apiUrl, path, { headers });
        expect([400, 403, 404], `${path} answered ${reply.status} ${reply.body}`).toContain(reply.status);
        expect(reply.body).not.toContain(`of ${other}`);
      }
    });

    it.each(tenantNames)("%s can't turn one method into another", async (name) => {
      const { apiUrl, token, orderId } = guest(name);
      const overrides = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method'];
      const headers = [
        ...overrides.flatMap((header) => [header, 'DELETE']),
        'authorization',
        `Bearer ${token}`,
      ];
      expect((await raw(apiUrl, `/orders/${orderId}`, { headers })).status).toBe(200);
      expect((await raw(apiUrl, `/orders/${orderId}?_method=DELETE`, { headers })).status).toBeLessThan(500);
      expect((await raw(apiUrl, `/orders/${orderId}`, { headers, method: 'POST', body: '{}' })).status).toBe(
        403,
      );
      for (const method of ['PATCH', 'PROPFIND', 'TRACE', 'LINK'])
        expect([403, 404], method).toContain((await raw(apiUrl, '/orders', { headers, method })).status);
      expect((await raw(apiUrl, `/orders/${orderId}`, { headers })).status).toBe(200);
    });

    it('answers on its own names only, whatever Host says', async () => {
      const { apiUrl, token } = guest('acorn');
      const authorization = ['authorization', `Bearer ${token}`];
      const foreign = await raw(apiUrl, '/orders', {
        headers: ['host', 'attacker.example', ...authorization],
      });
      expect(foreign.status).toBe(403);
      const { tenantId, name } = guest('cedar');
      const host = `${tenantId}.localhost`;
      const reply = await raw(apiUrl, '/orders', { headers: ['host', host, ...authorization] });
      expect(reply.body).not.toContain(`of ${name}`);
    });

    it("counts a request against the caller's own limits, whoever's key he sends", async () => {
      const gateway = new APIGatewayClient(estate().client());
      const { items = [] } = await gateway.send(new GetApiKeysCommand({ includeValues: true }));
      const keyOf = (name: TenantName) => items.find(({ customerId }) => customerId === guest(name).tenantId);
      const used = async (name: TenantName): Promise<number> => {
        const { items: plans = [] } = await gateway.send(
          new GetUsagePlansCommand({ keyId: keyOf(name)?.id }),
        );
        const today = new Date().toISOString().slice(0, 10);
        const usage = await gateway.send(
          new GetUsageCommand({
            usagePlanId: plans[0]?.id,
            keyId: keyOf(name)?.id,
            startDate: today,
            endDate: today,
          }),
        );
        return usage.items?.[keyOf(name)?.id ?? '']?.at(-1)?.[0] ?? 0;
      };
      const [mine, theirs] = [await used('acorn'), await used('birch')];
      const { apiUrl, token } = guest('acorn');
      const headers = { 'x-api-key': keyOf('birch')?.value ?? '' };
      for (let sent = 0; sent < 5; sent++)
        expect((await api(`${apiUrl}/orders`, { token, headers })).status).toBe(200);
      expect(await used('acorn')).toBe(mine + 5);
      expect(await used('birch')).toBe(theirs);
      expect((await api(`${apiUrl}/orders`, { headers })).status).toBe(401);
    });
  });
}
