import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { BatchWriteItemCommand, CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Identity } from '../../src/services/identity.ts';
import { Items } from '../../src/services/items.ts';
import { plainItem } from '../../src/services/plain-item.ts';
import { exportTenant } from '../../src/services/tenants/export.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';

const perTenant = 500;
let fixture: Fixture;
let items: Items;
let directory: string;

beforeAll(async () => {
  fixture = await startRegistry();
  items = new Items(fixture.options);
  directory = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-export-'));
  await createTable('orders', 'orderId');
});
afterAll(async () => {
  await fixture.stop();
  await rm(directory, { recursive: true, force: true });
});

async function createTable(TableName: string, sortKey: string): Promise<void> {
  await fixture.dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'tenantId', AttributeType: 'S' },
        { AttributeName: sortKey, AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'tenantId', KeyType: 'HASH' },
        { AttributeName: sortKey, KeyType: 'RANGE' },
      ],
    }),
  );
}

/** Items of 4 kB, so that a tenant's take more than one page of 1 MB. */
async function fill(table: string, tenantId: string, count = perTenant): Promise<void> {
  const made = Array.from({ length: count }, (_, index) => ({
    tenantId,
    orderId: `order-${String(index).padStart(4, '0')}`,
    note: 'x'.repeat(4_000),
    number: index,
  }));
  for (let index = 0; index < made.length; index += 25)
    await fixture.dynamodb.send(
      new BatchWriteItemCommand({
        RequestItems: {
          [table]: made.slice(index, index + 25).map((item) => ({ PutRequest: { Item: marshall(item) } })),
        },
      }),
    );
}

describe('the items of one of two tenants in a table', () => {
  it('are exported and deleted to the last, and the neighbour keeps his', async () => {
    await fill('orders', 'leaving');
    await fill('orders', 'staying');
    expect(await items.count('orders', 'leaving')).toBe(perTenant);

    const { directory: to, manifest } = await exportTenant(
      directory,
      {
        tenant: { tenantId: 'leaving', name: 'acorn' },
        pool: undefined,
        ownPool: false,
        tables: { orders: 'orders', users: 'orders', gone: 'no-such-table' },
        identity: new Identity(fixture.options),
        items,
      },
      new Date(),
    );
    expect(manifest.files.map(({ name, count }) => [name, count])).toEqual([
      ['orders.ndjson', perTenant],
      ['users-table.ndjson', perTenant],
    ]);
    const text = await readFile(path.join(to, 'orders.ndjson'), 'utf8');
    expect(createHash('sha256').update(text).digest('hex')).toBe(manifest.files[0]?.sha256);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { tenantId: string; number: number });
    expect(new Set(lines.map(({ tenantId }) => tenantId))).toEqual(new Set(['leaving']));
    expect(lines.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: perTenant }, (_, index) => index),
    );
    expect(JSON.parse(await readFile(path.join(to, 'manifest.json'), 'utf8'))).toEqual(manifest);
    expect((await stat(path.join(to, 'orders.ndjson'))).mode & 0o077).toBe(0);

    const pages: number[] = [];
    expect(await items.deleteAll('orders', 'leaving', { onPage: (deleted) => pages.push(deleted) })).toBe(
      perTenant,
    );
    expect(pages.length).toBeGreaterThan(1);
    expect(pages).toEqual([...pages].sort((a, b) => a - b));
    expect(await items.count('orders', 'leaving')).toBe(0);
    expect(await items.count('orders', 'staying')).toBe(perTenant);
    expect(await items.deleteAll('orders', 'leaving')).toBe(0);
  });

  it('are deleted from where an interrupted run stopped', async () => {
    await fill('orders', 'interrupted', 450);
    const stop = new AbortController();
    await expect(
      items.deleteAll('orders', 'interrupted', { onPage: () => stop.abort(), signal: stop.signal }),
    ).rejects.toThrow();
    const left = await items.count('orders', 'interrupted');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(450);
    expect(await items.deleteAll('orders', 'interrupted')).toBe(left);
  });
});

describe("a silo's table", () => {
  it('is deleted once, whoever began', async () => {
    await createTable('of-one', 'orderId');
    await fill('of-one', 'silo', 25);
    expect(await items.tableExists('of-one')).toBe(true);
    expect(await items.deleteTable('of-one')).toBe(true);
    expect(await items.tableExists('of-one')).toBe(false);
    expect(await items.deleteTable('of-one')).toBe(false);
    expect(await items.count('of-one', 'silo')).toBe(0);
  });
});

describe('an exported item', () => {
  it('loses nothing of what DynamoDB holds', () => {
    expect(
      plainItem({
        text: { S: 'ä' },
        whole: { N: '12' },
        exact: { N: '12345678901234567890.5' },
        yes: { BOOL: true },
        nothing: { NULL: true },
        set: { SS: ['a', 'b'] },
        numbers: { NS: ['1', '9007199254740993'] },
        bytes: { B: new Uint8Array([1, 2, 255]) },
        list: { L: [{ N: '1' }, { M: { deep: { BS: [new Uint8Array([0])] } } }] },
      }),
    ).toEqual({
      text: 'ä',
      whole: 12,
      exact: '12345678901234567890.5',
      yes: true,
      nothing: null,
      set: ['a', 'b'],
      numbers: [1, '9007199254740993'],
      bytes: 'AQL/',
      list: [1, { deep: ['AA=='] }],
    });
  });
});
