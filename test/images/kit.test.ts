import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import { fromAttributes, type Json, toAttributes } from '../../src/templates/images/kit/attribute-values.ts';
import { BoundedCache } from '../../src/templates/images/kit/bounded-cache.ts';
import { RenewedCredentials } from '../../src/templates/images/kit/credentials.ts';
import { createDynamoDbClient } from '../../src/templates/images/kit/dynamodb-client.ts';
import { newId } from '../../src/templates/images/kit/ids.ts';
import { decodePageToken, encodePageToken } from '../../src/templates/images/kit/page-token.ts';
import { createSigner } from '../../src/templates/images/kit/signature.ts';
import { createTenantTable } from '../../src/templates/images/kit/tenant-table.ts';

const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token/+=' };

/** The hash interface that the SDK's signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

describe('the signature', () => {
  it.each([
    ['with a session', keys],
    ['without', { accessKeyId: 'AKID', secretAccessKey: 'secret' }],
  ])("is the SDK's own, %s", async (_, credentials) => {
    const now = new Date('2026-02-03T04:05:06.789Z');
    const host = 'dynamodb.eu-central-1.amazonaws.com';
    const body = '{"TableName":"täble"}';
    const type = 'application/x-amz-json-1.0';
    const target = 'DynamoDB_20120810.Query';
    const ours = createSigner('dynamodb', 'eu-central-1', host, type)(target, body, credentials, now);
    const signer = new SignatureV4({
      service: 'dynamodb',
      region: 'eu-central-1',
      credentials,
      sha256: Sha256,
      applyChecksum: false,
    });
    const theirs = await signer.sign(
      {
        method: 'POST',
        protocol: 'https:',
        hostname: host,
        path: '/',
        query: {},
        headers: { host, 'content-type': type, 'x-amz-target': target },
        body,
      },
      { signingDate: now },
    );
    expect(ours['authorization']).toBe(theirs.headers['authorization']);
  });
});

describe('the DynamoDB client', () => {
  /** Answers with these in turn; undefined: breaks the connection. */
  async function store(answers: ([number, object] | undefined)[]) {
    let asked = 0;
    const server = createServer((request, response) => {
      const answer = answers[asked++];
      request.resume();
      request.on('end', () => {
        if (answer) response.writeHead(answer[0]).end(JSON.stringify(answer[1]));
        else request.socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = createDynamoDbClient('us-east-1', {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    return {
      client,
      asked: () => asked,
      close() {
        client.close();
        server.close();
      },
    };
  }
  const failure = (type: string, status = 400): [number, object] => [
    status,
    { __type: `x#${type}`, message: 'm' },
  ];
  const condition = failure('ConditionalCheckFailedException');

  it('tries again what throttling, a 500 or a broken connection kept from being done', async () => {
    const s = await store([failure('ThrottlingException'), undefined, [200, { ok: 1 }]]);
    await expect(s.client.call('GetItem', {}, keys)).resolves.toEqual({ ok: 1 });
    s.close();
  });

  it('gives up after three attempts, and at once on a refusal', async () => {
    const down = await store([
      failure('InternalServerError', 500),
      undefined,
      failure('InternalServerError', 500),
    ]);
    await expect(down.client.call('GetItem', {}, keys)).rejects.toMatchObject({
      code: 'InternalServerError',
      status: 500,
    });
    expect(down.asked()).toBe(3);
    down.close();
    const refused = await store([failure('ValidationException')]);
    await expect(refused.client.call('GetItem', {}, keys)).rejects.toMatchObject({
      code: 'ValidationException',
    });
    refused.close();
  });

  it('takes a condition that fails after a broken attempt for its own doing, and for a refusal otherwise', async () => {
    const credentials = { forTenant: async () => keys, drop: () => {} };
    const s = await store([undefined, condition, condition, undefined, condition, condition]);
    const table = createTenantTable(s.client, credentials, { name: 't', sortKey: 'id' });
    expect(await table.create('a', '1', { x: 1 })).toBe(true);
    expect(await table.create('a', '1', { x: 1 })).toBe(false);
    expect(await table.remove('a', '1')).toBe(true);
    expect(await table.remove('a', '1')).toBe(false);
    s.close();
  });

  it('asks for new credentials when AWS no longer takes the ones it has', async () => {
    const dropped: string[] = [];
    const credentials = { forTenant: async () => keys, drop: (tenantId: string) => dropped.push(tenantId) };
    const s = await store([failure('ExpiredTokenException'), [200, {}]]);
    const table = createTenantTable(s.client, credentials, { name: 't', sortKey: 'id' });
    expect(await table.get('a', '1')).toBeUndefined();
    expect(dropped).toEqual(['a']);
    s.close();
  });
});

describe('credentials', () => {
  const minute = 60_000;
  const setUp = () => {
    const state = { now: 0, loads: 0, failing: false };
    const source = new RenewedCredentials(
      async () => {
        state.loads++;
        if (state.failing) throw new Error('STS is away');
        return { ...keys, accessKeyId: `K${state.loads}`, expiration: new Date(state.now + 60 * minute) };
      },
      () => state.now,
    );
    return { state, source };
  };

  it('are asked for once, however many wait for them', async () => {
    const { state, source } = setUp();
    await Promise.all([source.get(), source.get(), source.get()]);
    state.now = 50 * minute;
    await source.get();
    expect(state.loads).toBe(1);
  });

  it('are renewed beside the requests shortly before they expire, and used on while that fails', async () => {
    const { state, source } = setUp();
    await source.get();
    state.now = 56 * minute;
    state.failing = true;
    expect((await source.get()).accessKeyId).toBe('K1');
    await new Promise((resolve) => setImmediate(resolve));
    expect((await source.get()).accessKeyId).toBe('K1');
    expect(state.loads).toBe(2);
    state.failing = false;
    state.now = 57 * minute;
    await source.get();
    await new Promise((resolve) => setImmediate(resolve));
    expect((await source.get()).accessKeyId).toBe('K3');
  });

  it('that have expired are never handed out', async () => {
    const { state, source } = setUp();
    await source.get();
    state.now = 61 * minute;
    state.failing = true;
    await expect(source.get()).rejects.toThrow('STS is away');
  });
});

describe('the small parts', () => {
  it('a bounded cache forgets the least recently used, and what is past its time', () => {
    let now = 0;
    const cache = new BoundedCache<number>(2, () => now);
    cache.set('a', 1);
    cache.set('b', 2, 10);
    cache.get('a');
    cache.set('c', 3, 10);
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([1, undefined, 3, 2]);
    now = 10;
    expect([cache.get('a'), cache.get('c')]).toEqual([1, undefined]);
  });

  it('items come back from DynamoDB as they went in', () => {
    const item: { [name: string]: Json } = {
      text: 'ä',
      number: 19.99,
      yes: true,
      none: null,
      list: [{ a: [1, 'x'] }],
      map: { deep: { deeper: [] } },
    };
    expect(fromAttributes(toAttributes({ ...item, left: undefined }))).toEqual(item);
  });

  it('ids are UUIDs that sort by their time', () => {
    const ids = [1, 2, 3].map((time) => newId(Date.UTC(2026, 0, time)));
    expect(ids).toEqual(ids.toSorted());
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("a page's token is good for its tenant alone, unchanged", () => {
    const token = encodePageToken('a', 'position');
    expect(decodePageToken('a', token)).toBe('position');
    for (const [tenant, changed] of [
      ['b', token],
      ['a', `${token}A`],
      ['a', token.slice(2)],
      ['a', '?'],
    ] as const)
      expect(() => decodePageToken(tenant, changed)).toThrow('nextToken is not valid');
  });
});
