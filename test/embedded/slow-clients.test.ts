/** Clients that begin and do not go on, that lie about lengths, that stop reading: each loses its connection, nobody else waits. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PutObject$ } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Endpoint, startEndpoint } from '../../src/embedded/endpoint/server.ts';
import { AwsError, type AwsService, type Cloud, operation } from '../../src/embedded/platform.ts';

const maxConnections = 40;
let stateDir: string;
let endpoint: Endpoint;
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-slow-'));
  const s3: AwsService = {
    signingName: 's3',
    protocol: 'rest-xml',
    operations: [
      operation(PutObject$, () => {
        throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404);
      }),
    ],
  };
  const cloud = {
    region: 'us-east-1',
    stateDir,
    services: [s3],
    store: { flushed: async () => {} },
    clock: { now: () => Date.now() },
    log: () => {},
    iam: { authorize: () => {} },
    sts: { principalOf: () => ({ type: 'administrator' }) },
  } as unknown as Cloud;
  endpoint = await startEndpoint(cloud, 0, {
    headersTimeout: 300,
    requestTimeout: 600,
    connectionsCheckingInterval: 50,
    maxConnections,
  });
  endpoint.ready();
});
afterAll(async () => {
  await endpoint.close();
  await rm(stateDir, { recursive: true, force: true });
});

const port = (): number => Number(new URL(endpoint.url).port);
async function opened(beginning: string): Promise<Socket> {
  const socket = connect(port(), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(beginning);
  return socket;
}
/** Everything that comes until the server closes the connection. */
async function answerOf(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return answer;
}
const health = async (): Promise<number> => (await fetch(`${endpoint.url}/_aws/health`)).status;

test('whoever does not finish his headers or his body is cut off, while others are served', async () => {
  const headers = 'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n';
  const signed = 'authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request\r\n';
  const slow = await Promise.all([
    ...Array.from({ length: 15 }, () => opened(headers)),
    ...Array.from({ length: 15 }, () => opened(`${headers}${signed}content-length: 1000\r\n\r\n{`)),
  ]);
  const answers = slow.map(answerOf);
  expect(await health()).toBe(200);
  for (const answer of await Promise.all(answers.slice(0, 15))) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  await Promise.all(answers);
  expect(await health()).toBe(200);
});

test('more connections than a machine needs are closed at once', async () => {
  const sockets = await Promise.all(Array.from({ length: maxConnections }, () => opened('GET')));
  const oneMore = connect(port(), '127.0.0.1');
  oneMore.on('error', () => {});
  await once(oneMore, 'close');
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => expect(await health()).toBe(200));
});

test('headers without end are refused', async () => {
  const answer = answerOf(await opened(`GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${'a'.repeat(40_000)}`));
  expect(await answer).toMatch(/^HTTP\/1.1 431 /);
});

test('an upload that is refused does not stand in the way of what follows on its connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const put = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request' };
      const request = httpRequest(`${endpoint.url}/none/key`, { agent, method: 'PUT', headers }, (response) =>
        response.resume().on('end', () => resolve(response.statusCode)),
      );
      request.on('error', reject);
      request.end(Buffer.alloc(1_000_000));
    });
  expect(await put()).toBe(404);
  expect(await put()).toBe(404);
  agent.destroy();
});
