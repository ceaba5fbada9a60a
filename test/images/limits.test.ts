/** What one client may take of a tenant's service: slow ones are cut off by it, large ones refused, others served meanwhile. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createService } from '../../src/templates/images/kit/service.ts';
import { clientId, type Issuer, startIssuer } from './issuer.ts';

const maxConnections = 40;
let issuer: Issuer;
let token: string;
let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  issuer = await startIssuer();
  token = await issuer.token();
  app = createService(
    'order',
    {
      host: '127.0.0.1',
      port: 0,
      path: '/orders',
      region: 'us-east-1',
      issuer: issuer.url,
      clientId,
      tenantId: 'tenant-a',
      tenantRoleArn: undefined,
      table: undefined,
      userPoolId: undefined,
      corsOrigin: '*',
      logLevel: 'silent',
    },
    (api) => {
      api.post('/', { schema: { body: { type: 'object' } } }, async () => ({ stored: true }));
      // More than the sockets' buffers hold.
      api.get('/', async () => Buffer.alloc(64 * 1024 * 1024));
    },
    {
      bodyLimit: 1_000,
      headersTimeout: 300,
      requestTimeout: 600,
      connectionTimeout: 700,
      connectionsCheckingInterval: 50,
      maxConnections,
    },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
});
afterAll(async () => {
  app.server.closeAllConnections();
  await app.close();
  await issuer.close();
});

async function opened(beginning: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(beginning);
  return socket;
}
async function answerOf(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  await once(socket, 'close');
  return answer;
}
const post = async (body: string): Promise<number> =>
  (
    await fetch(`http://127.0.0.1:${port}/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        connection: 'close',
      },
      body,
    })
  ).status;
const head = (): string =>
  `POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;

it('cuts off whoever does not finish his headers or his body, and serves others meanwhile', async () => {
  const slow = await Promise.all([
    ...Array.from({ length: 15 }, () => opened('POST /orders HTTP/1.1\r\nhost: x\r\nx-a:')),
    ...Array.from({ length: 15 }, () => opened(`${head()}content-length: 900\r\n\r\n{`)),
    ...Array.from({ length: 3 }, () => opened(`${head()}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`)),
  ]);
  const answers = slow.map(answerOf);
  expect(await post('{}')).toBe(200);
  const [first = '', ...others] = await Promise.all(answers);
  expect(first).toMatch(/^HTTP\/1.1 408 /);
  expect(JSON.parse(first.slice(first.indexOf('{')))).toEqual({
    error: { code: 'too_slow', message: 'the request did not arrive in time' },
  });
  expect(others.filter((answer) => answer.startsWith('HTTP/1.1 2'))).toEqual([]);
});

it('cuts off whoever does not read his answer', async () => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
  const connections = (): Promise<number> =>
    new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));
  await vi.waitFor(async () => expect(await connections()).toBeGreaterThan(0));
  await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 10_000 });
  socket.destroy();
});

it('takes no more connections than it can serve', async () => {
  const sockets = await Promise.all(Array.from({ length: maxConnections }, () => opened('GET')));
  const oneMore = connect(port, '127.0.0.1');
  oneMore.on('error', () => {});
  await once(oneMore, 'close');
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => expect(await post('{}')).toBe(200));
});

it('refuses bodies and headers that are too large, and what is no HTTP, in the shape of its other errors', async () => {
  expect(await post(JSON.stringify({ a: 'x'.repeat(1_000) }))).toBe(413);
  const large = await answerOf(await opened(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`));
  expect(large).toMatch(/^HTTP\/1.1 431 .*"code":"too_large"/s);
  const none = await answerOf(await opened('\0\0\0 what\r\n\r\n'));
  expect(none).toMatch(/^HTTP\/1.1 400 .*"code":"invalid_request"/s);
  const expecting = await answerOf(
    await opened('GET /health HTTP/1.1\r\nhost: x\r\nexpect: miracles\r\nconnection: close\r\n\r\n'),
  );
  expect(expecting).toMatch(/^HTTP\/1.1 417 .*"code":"invalid_request"/s);
});
