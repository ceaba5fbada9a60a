import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

let directory: string;
let cloud: RunningCloud;
let client: DynamoDBClient;
let now = Date.now();

const connect = (endpoint = cloud.endpoint): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-dynamodb-'));
  cloud = await startCloud({ stateDir: directory, account: '123456789012', clock: { now: () => now } });
  client = connect();
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

async function createTable(name: string, more: object = {}): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: name,
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      ...more,
    }),
  );
}
const key = (pk: string, sk: string) => ({ pk: { S: pk }, sk: { S: sk } });
const put = (table: string, pk: string, sk: string, more: object = {}) =>
  client.send(new PutItemCommand({ TableName: table, Item: { ...key(pk, sk), ...more } }));
const get = async (table: string, pk: string, sk: string) =>
  (await client.send(new GetItemCommand({ TableName: table, Key: key(pk, sk) }))).Item;

describe('tables', () => {
  it('carry the account and Region in their ARNs, and what they were made with', async () => {
    await createTable('described', {
      DeletionProtectionEnabled: true,
      Tags: [{ Key: 'a', Value: '1' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    });
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'described' }));
    expect(Table).toMatchObject({
      TableArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/described',
      TableStatus: 'ACTIVE',
      DeletionProtectionEnabled: true,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      ItemCount: 0,
    });
    expect(Table?.CreationDateTime).toEqual(new Date(now));
    expect(Table?.LatestStreamArn).toContain(`${Table?.TableArn}/stream/`);
    const { Tags } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
    expect(Tags).toEqual([{ Key: 'a', Value: '1' }]);
    const byArn = await client.send(new DescribeTableCommand({ TableName: Table?.TableArn }));
    expect(byArn.Table?.TableName).toBe('described');
  });

  it('are not deleted while protected', async () => {
    await createTable('protected', { DeletionProtectionEnabled: true });
    await expect(client.send(new DeleteTableCommand({ TableName: 'protected' }))).rejects.toThrow(
      /protected/,
    );
    await client.send(new UpdateTableCommand({ TableName: 'protected', DeletionProtectionEnabled: false }));
    await client.send(new DeleteTableCommand({ TableName: 'protected' }));
    await expect(client.send(new DescribeTableCommand({ TableName: 'protected' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('are listed in pages', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) await createTable(name);
    const first = await client.send(new ListTablesCommand({ Limit: 2, ExclusiveStartTableName: 'list' }));
    expect(first.TableNames).toEqual(['list-a', 'list-b']);
    const rest = await client.send(
      new ListTablesCommand({ ExclusiveStartTableName: first.LastEvaluatedTableName }),
    );
    expect(rest.TableNames?.[0]).toBe('list-c');
  });

  it('start empty when made again', async () => {
    await createTable('again');
    await put('again', 'a', '1');
    await client.send(new DeleteTableCommand({ TableName: 'again' }));
    await createTable('again');
    expect(await get('again', 'a', '1')).toBeUndefined();
  });

  it('say what is wrong with a request for one', async () => {
    await expect(createTable('x')).rejects.toMatchObject({ name: 'ValidationException' });
    await createTable('twice');
    await expect(createTable('twice')).rejects.toMatchObject({ name: 'ResourceInUseException' });
  });

  it('turn point-in-time recovery on and off', async () => {
    await createTable('pitr');
    const status = async () =>
      (await client.send(new DescribeContinuousBackupsCommand({ TableName: 'pitr' })))
        .ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    expect(await status()).toBe('DISABLED');
    await client.send(
      new UpdateContinuousBackupsCommand({
        TableName: 'pitr',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    );
    expect(await status()).toBe('ENABLED');
  });
});

describe('items', () => {
  beforeAll(async () => {
    await createTable('items', {
      AttributeDefinitions: ['pk', 'sk', 'gpk', 'gsk'].map((name) => ({
        AttributeName: name,
        AttributeType: 'S',
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'gsi1',
          KeySchema: [
            { AttributeName: 'gpk', KeyType: 'HASH' },
            { AttributeName: 'gsk', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    });
  });

  it('fail a condition with the item that stands in the way', async () => {
    await put('items', 'c', '1', { v: { N: '1' } });
    const again = client.send(
      new PutItemCommand({
        TableName: 'items',
        Item: key('c', '1'),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    await expect(again).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    await expect(again).rejects.toMatchObject({ Item: { v: { N: '1' } } });
  });

  it('update and count without losing a concurrent write', async () => {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        client.send(
          new UpdateItemCommand({
            TableName: 'items',
            Key: key('counter', '1'),
            UpdateExpression: 'ADD n :one',
            ExpressionAttributeValues: { ':one': { N: '1' } },
          }),
        ),
      ),
    );
    expect((await get('items', 'counter', '1'))?.['n']).toEqual({ N: '20' });
  });

  it('page through an index, also where many share an index key', async () => {
    const names = Array.from({ length: 25 }, (_, n) => `i${String(n).padStart(2, '0')}`);
    for (const name of names) await put('items', 'index', name, { gpk: { S: 'all' }, gsk: { S: 'same' } });
    const seen: string[] = [];
    for (const ScanIndexForward of [true, false]) {
      let ExclusiveStartKey: Record<string, import('@aws-sdk/client-dynamodb').AttributeValue> | undefined;
      const found: string[] = [];
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: 'items',
            IndexName: 'gsi1',
            KeyConditionExpression: 'gpk = :g',
            ExpressionAttributeValues: { ':g': { S: 'all' } },
            Limit: 10,
            ScanIndexForward,
            ExclusiveStartKey,
          }),
        );
        found.push(...(page.Items ?? []).map((item) => item['sk']?.S ?? ''));
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey);
      expect([...found].sort()).toEqual(names);
      seen.push(...found);
    }
    expect(seen).toHaveLength(50);
  });

  it('have no empty key in an index', async () => {
    await put('items', 'empty', '1', { gpk: { S: 'kept' }, gsk: { S: '' } }).then(
      () => expect.unreachable(),
      (error: Error) => {
        expect(error.name).toBe('ValidationException');
        expect(error.message).toMatch(
          /cannot contain an empty string value. IndexName: gsi1, IndexKey: gsk$/,
        );
      },
    );
    expect(await get('items', 'empty', '1')).toBeUndefined();
    await put('items', 'empty', '1', { gpk: { S: 'kept' }, gsk: { S: 'a' } });
    const update = { TableName: 'items', Key: { pk: { S: 'empty' }, sk: { S: '1' } } };
    await expect(
      client.send(
        new UpdateItemCommand({
          ...update,
          UpdateExpression: 'SET gsk = :e',
          ExpressionAttributeValues: { ':e': { S: '' } },
        }),
      ),
    ).rejects.toMatchObject({ name: 'ValidationException' });
    const { Items } = await client.send(
      new QueryCommand({
        TableName: 'items',
        IndexName: 'gsi1',
        KeyConditionExpression: 'gpk = :g',
        ExpressionAttributeValues: { ':g': { S: 'kept' } },
      }),
    );
    expect(Items?.map((item) => item['gsk'])).toEqual([{ S: 'a' }]);
  });

  it('leave an index when they leave the table', async () => {
    await put('items', 'leave', '1', { gpk: { S: 'leavers' }, gsk: { S: 'a' } });
    const count = async () =>
      (
        await client.send(
          new QueryCommand({
            TableName: 'items',
            IndexName: 'gsi1',
            KeyConditionExpression: 'gpk = :g',
            ExpressionAttributeValues: { ':g': { S: 'leavers' } },
            Select: 'COUNT',
          }),
        )
      ).Count;
    expect(await count()).toBe(1);
    await put('items', 'leave', '1', { gpk: { S: 'leavers' }, gsk: { S: 'b' } });
    expect(await count()).toBe(1);
    await client.send(new DeleteItemCommand({ TableName: 'items', Key: key('leave', '1') }));
    expect(await count()).toBe(0);
  });

  it('enter an index that is made later', async () => {
    await createTable('later');
    await put('later', 'a', '1', { color: { S: 'red' } });
    await put('later', 'b', '1', { color: { S: 'red' } });
    await client.send(
      new UpdateTableCommand({
        TableName: 'later',
        AttributeDefinitions: ['pk', 'sk', 'color'].map((name) => ({
          AttributeName: name,
          AttributeType: 'S' as const,
        })),
        GlobalSecondaryIndexUpdates: [
          {
            Create: {
              IndexName: 'by-color',
              KeySchema: [{ AttributeName: 'color', KeyType: 'HASH' }],
              Projection: { ProjectionType: 'KEYS_ONLY' },
            },
          },
        ],
      }),
    );
    const { Items } = await client.send(
      new QueryCommand({
        TableName: 'later',
        IndexName: 'by-color',
        KeyConditionExpression: 'color = :c',
        ExpressionAttributeValues: { ':c': { S: 'red' } },
      }),
    );
    expect(Items).toHaveLength(2);
  });

  it('come and go in batches', async () => {
    await createTable('batch');
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: {
          batch: Array.from({ length: 25 }, (_, n) => ({
            PutRequest: { Item: key('b', String(n).padStart(2, '0')) },
          })),
        },
      }),
    );
    const { Count } = await client.send(new ScanCommand({ TableName: 'batch' }));
    expect(Count).toBe(25);
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { batch: { Keys: [key('b', '00'), key('b', '24')] } } }),
    );
    expect(Responses?.['batch']).toHaveLength(2);
  });

  it('a query whose key condition makes no sense is refused', async () => {
    for (const KeyConditionExpression of ['pk =', 'pk <> :a', 'pk = :a or sk = :a', 'other = :a'])
      await expect(
        client.send(
          new QueryCommand({
            TableName: 'items',
            KeyConditionExpression,
            ExpressionAttributeValues: { ':a': { S: 'a' } },
          }),
        ),
      ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('PartiQL is refused by name', async () => {
    await expect(
      client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM "items"' })),
    ).rejects.toThrow(/PartiQL/);
  });
});

describe('transactions', () => {
  beforeAll(() => createTable('transact'));
  const absent = { ConditionExpression: 'attribute_not_exists(pk)' };

  it('write all', async () => {
    await put('transact', 'old', '1');
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName: 'transact', Item: key('a', '1'), ...absent } },
          {
            Update: {
              TableName: 'transact',
              Key: key('a', '2'),
              UpdateExpression: 'SET v = :v',
              ExpressionAttributeValues: { ':v': { S: 'x' } },
            },
          },
          { Delete: { TableName: 'transact', Key: key('old', '1') } },
          { ConditionCheck: { TableName: 'transact', Key: key('a', '3'), ...absent } },
        ],
      }),
    );
    const { Responses } = await client.send(
      new TransactGetItemsCommand({
        TransactItems: [
          { Get: { TableName: 'transact', Key: key('a', '1') } },
          { Get: { TableName: 'transact', Key: key('a', '2') } },
          { Get: { TableName: 'transact', Key: key('old', '1') } },
        ],
      }),
    );
    expect(Responses?.map((response) => response.Item?.['sk']?.S)).toEqual(['1', '2', undefined]);
  });

  it('write nothing when one condition fails, and say which', async () => {
    await put('transact', 'taken', '1', { owner: { S: 'me' } });
    const attempt = client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName: 'transact', Item: key('none', '1') } },
          {
            Put: {
              TableName: 'transact',
              Item: key('taken', '1'),
              ...absent,
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
        ],
      }),
    );
    await expect(attempt).rejects.toBeInstanceOf(TransactionCanceledException);
    await expect(attempt).rejects.toMatchObject({
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { owner: { S: 'me' } } },
      ],
    });
    expect(await get('transact', 'none', '1')).toBeUndefined();
  });

  it('let one of many take a name', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) =>
        client.send(
          new TransactWriteItemsCommand({
            TransactItems: [
              {
                Put: {
                  TableName: 'transact',
                  Item: { ...key('name', '1'), by: { N: String(n) } },
                  ...absent,
                },
              },
              { Put: { TableName: 'transact', Item: key(`winner`, String(n)) } },
            ],
          }),
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    const { Count } = await client.send(
      new QueryCommand({
        TableName: 'transact',
        KeyConditionExpression: 'pk = :p',
        ExpressionAttributeValues: { ':p': { S: 'winner' } },
      }),
    );
    expect(Count).toBe(1);
  });

  it('apply once for one token', async () => {
    const send = (owner: string) =>
      client.send(
        new TransactWriteItemsCommand({
          ClientRequestToken: 'token-1',
          TransactItems: [
            { Put: { TableName: 'transact', Item: { ...key('once', '1'), o: { S: owner } }, ...absent } },
          ],
        }),
      );
    await send('a');
    await send('a');
    await expect(send('b')).rejects.toMatchObject({ name: 'IdempotentParameterMismatchException' });
  });

  it('do not touch an item twice', async () => {
    const write = { Put: { TableName: 'transact', Item: key('same', '1') } };
    await expect(
      client.send(new TransactWriteItemsCommand({ TransactItems: [write, write] })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('time to live', () => {
  it('removes an item some time after its time has passed', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-ttl-'));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const other = await startCloud({ stateDir, clock: { now: () => now } });
    const before = client;
    client = connect(other.endpoint);
    try {
      await createTable('expiring');
      await client.send(
        new UpdateTimeToLiveCommand({
          TableName: 'expiring',
          TimeToLiveSpecification: { Enabled: true, AttributeName: 'expires' },
        }),
      );
      const { TimeToLiveDescription } = await client.send(
        new DescribeTimeToLiveCommand({ TableName: 'expiring' }),
      );
      expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expires' });
      const seconds = Math.floor(now / 1000);
      await put('expiring', 'a', 'past', { expires: { N: String(seconds - 10) } });
      await put('expiring', 'a', 'future', { expires: { N: String(seconds + 3600) } });
      await put('expiring', 'a', 'never', { expires: { S: 'no number' } });
      vi.advanceTimersByTime(60_000);
      await vi.waitFor(async () => expect(await get('expiring', 'a', 'past')).toBeUndefined());
      expect(await get('expiring', 'a', 'future')).toBeDefined();
      expect(await get('expiring', 'a', 'never')).toBeDefined();
    } finally {
      vi.useRealTimers();
      client.destroy();
      client = before;
      await other.stop();
      await rm(stateDir, { recursive: true, force: true });
    }
  });
});

describe('durability', () => {
  it('keeps tables and items over a restart', async () => {
    await createTable('kept', { Tags: [{ Key: 'k', Value: 'v' }] });
    await put('kept', 'a', '1', { v: { S: 'x' } });
    await cloud.stop();
    client.destroy();
    cloud = await startCloud({ stateDir: directory, account: '123456789012', clock: { now: () => now } });
    client = connect();
    expect((await get('kept', 'a', '1'))?.['v']).toEqual({ S: 'x' });
    now += 1000;
    const { Tags } = await client.send(
      new ListTagsOfResourceCommand({ ResourceArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/kept' }),
    );
    expect(Tags).toEqual([{ Key: 'k', Value: 'v' }]);
  });
});
