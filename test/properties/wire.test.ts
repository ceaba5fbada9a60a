/** Requests to the embedded cloud in each of AWS's protocols: whatever comes, an answer in that protocol goes back. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type OperationShape, shapeOf } from '../../src/embedded/endpoint/shape.ts';
import type { Protocol } from '../../src/embedded/platform.ts';
import { type RawRequest, requestsFor } from './aws-requests.ts';
import { badText } from './bad-values.ts';

import { expectOrderly, type FuzzedCloud, startFuzzedCloud } from './fuzzed-cloud.ts';
import { expectNoTrace, property } from './property.ts';

let fuzzed: FuzzedCloud;
beforeAll(async () => {
  fuzzed = await startFuzzedCloud();
});
afterAll(() => fuzzed.stop());

/** The operations of a protocol. They are known once the cloud runs, so what depends on them is made at the first case. */
function shapesOf(...protocols: Protocol[]): OperationShape[] {
  return fuzzed.cloud.services
    .filter((service) => protocols.includes(service.protocol))
    .flatMap((service) => service.operations.map((operation) => shapeOf(service, operation)));
}

const requests = (...protocols: Protocol[]) => {
  let made: ReturnType<typeof requestsFor> | undefined;
  return fc.gen().map((draw) => {
    made ??= requestsFor(shapesOf(...protocols));
    return draw(() => made as NonNullable<typeof made>);
  });
};

const prefixes = fc.constantFrom(
  'execute-api/',
  'execute-api/fuzz/prod/',
  'cognito/us-east-1_fuzz/',
  'cognito-domain/fuzz/',
  'outbox',
  'health',
  'ecs/',
  'codebuild/',
  'cloudformation/',
  'ecr/',
  '',
);
/** Paths below `/_aws/`, which are served past AWS's protocols. */
const routes = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'),
    prefix: prefixes,
    rest: badText,
    query: badText,
    header: fc.constantFrom(
      'authorization',
      'content-type',
      'origin',
      'x-api-key',
      'x-amz-date',
      'upgrade',
      'te',
    ),
    value: badText,
    body: badText,
  })
  .map(
    ({ method, prefix, rest, query, header, value, body }): RawRequest => ({
      method,
      path: `/_aws/${prefix}${encodeURI(Buffer.from(rest).toString())}?${encodeURI(Buffer.from(query).toString())}`,
      headers: { [header]: value.replaceAll(/[^\x20-\x7e\x80-\xff]/g, '?').trim() },
      body: Buffer.from(method === 'GET' || method === 'HEAD' ? '' : body),
    }),
  );

const pieces = fc.oneof(
  fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'PUT /fuzz/key HTTP/1.1\r\n',
    'POST / HTTP/1.0\r\n',
    'POST / HTTP/9.9\r\n',
    'host: 127.0.0.1\r\n',
    'authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request\r\n',
    'authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ecs/aws4_request\r\n',
    'x-amz-target: X.ListClusters\r\n',
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: chunked, identity\r\n',
    'x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n',
    'content-encoding: aws-chunked\r\n',
    'x-amz-decoded-content-length: 5\r\n',
    'content-length: 5\r\n',
    'content-length: 99999999999999999999\r\n',
    'content-length: -1\r\n',
    'expect: 100-continue\r\n',
    'upgrade: websocket\r\nconnection: upgrade\r\n',
    '\r\n',
    '\r\n\r\n',
    '5;chunk-signature=0\r\nhello\r\n',
    'ffffffff;x\r\n',
    '5\r\nhel',
    '0\r\n\r\n',
    '{}',
    `x: ${'y'.repeat(20_000)}\r\n`,
  ),
  badText,
);
/** What a client says on one connection before it closes it. */
const conversations = fc.array(pieces, { minLength: 1, maxLength: 9 });

function converse(port: number, said: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(said.join('')));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

describe('wire', () => {
  for (const [name, protocols] of [
    ['wire: AWS JSON', ['json-1.0', 'json-1.1']],
    ['wire: AWS Query', ['query']],
    ['wire: EC2 Query', ['ec2']],
    ['wire: REST-JSON', ['rest-json']],
    ['wire: REST-XML', ['rest-xml']],
  ] as const)
    property(name, requests(...protocols), async (request) =>
      expectOrderly(fuzzed, request, await fuzzed.send(request)),
    );

  property('wire: routes of deployed APIs, pools and tasks', routes, async (request) =>
    expectOrderly(fuzzed, request, await fuzzed.send(request)),
  );

  property('wire: bytes that are no request', conversations, async (pieces) => {
    const answer = await converse(Number(new URL(fuzzed.cloud.endpoint).port), pieces);
    expect(answer).not.toMatch(/^HTTP\/1\.1 5/);
    expectNoTrace(answer, pieces.join(''));
    expect(fuzzed.failures()).toEqual([]);
    const health = await fuzzed.send({
      method: 'GET',
      path: '/_aws/health',
      headers: {},
      body: Buffer.alloc(0),
    });
    expect(health?.status).toBe(200);
  });
});
