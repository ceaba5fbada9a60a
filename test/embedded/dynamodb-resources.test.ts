import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { ResourceContext, ResourceType } from '../../src/embedded/platform.ts';

let directory: string;
let cloud: RunningCloud;
let client: DynamoDBClient;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-tables-'));
  cloud = await startCloud({ stateDir: directory, account: '123456789012' });
  client = new DynamoDBClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
  });
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

const context: ResourceContext = {
  stackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1',
  stackName: 'stack',
  logicalId: 'Table',
  tags: {},
  signal: new AbortController().signal,
  physicalName: () => 'stack-Table-1',
};
function type(name: string): ResourceType {
  const found = cloud.services.find((service) => service.signingName === 'dynamodb')?.resourceTypes?.[name];
  if (!found) throw new Error(`${name} is not there`);
  return found;
}
const definitions = (...names: string[]) =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }));
const keys = [
  { AttributeName: 'tenantId', KeyType: 'HASH' },
  { AttributeName: 'orderId', KeyType: 'RANGE' },
];
const index = (IndexName: string, AttributeName: string) => ({
  IndexName,
  KeySchema: [{ AttributeName, KeyType: 'HASH' }],
  Projection: { ProjectionType: 'ALL' },
});

it('makes a table with its settings, changes its indexes in one update, and keeps its items', async () => {
  const table = type('AWS::DynamoDB::Table');
  const before = {
    AttributeDefinitions: definitions('tenantId', 'orderId', 'a'),
    KeySchema: keys,
    BillingMode: 'PAY_PER_REQUEST',
    GlobalSecondaryIndexes: [index('by-a', 'a')],
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
    DeletionProtectionEnabled: true,
  };
  const { physicalId, attributes } = await table.create(context, before);
  expect(physicalId).toBe('stack-Table-1');
  expect(attributes?.['Arn']).toBe(`arn:aws:dynamodb:us-east-1:123456789012:table/${physicalId}`);
  const TableName = physicalId;
  await client.send(
    new PutItemCommand({
      TableName,
      Item: { tenantId: { S: 't' }, orderId: { S: '1' }, a: { S: 'x' }, b: { S: 'y' }, c: { S: 'z' } },
    }),
  );
  expect(
    (await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription?.AttributeName,
  ).toBe('expires');
  expect(
    (await client.send(new DescribeContinuousBackupsCommand({ TableName }))).ContinuousBackupsDescription
      ?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
  ).toBe('ENABLED');

  const after = {
    ...before,
    AttributeDefinitions: definitions('tenantId', 'orderId', 'b', 'c'),
    GlobalSecondaryIndexes: [index('by-b', 'b'), index('by-c', 'c')],
    DeletionProtectionEnabled: false,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
  };
  await table.update?.(context, physicalId, after, before);
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  expect(Table?.GlobalSecondaryIndexes?.map((each) => each.IndexName).sort()).toEqual(['by-b', 'by-c']);
  expect(Table?.DeletionProtectionEnabled).toBe(false);
  const { Count } = await client.send(
    new QueryCommand({
      TableName,
      IndexName: 'by-c',
      KeyConditionExpression: 'c = :c',
      ExpressionAttributeValues: { ':c': { S: 'z' } },
    }),
  );
  expect(Count).toBe(1);
  await table.delete(context, physicalId, after);
  await table.delete(context, physicalId, after);
  await expect(client.send(new DescribeTableCommand({ TableName }))).rejects.toThrow(/not found/);
});

it("makes CDK's TableV2 with its one replica, and no more", async () => {
  const table = type('AWS::DynamoDB::GlobalTable');
  const properties = {
    TableName: 'global',
    AttributeDefinitions: definitions('tenantId', 'orderId'),
    KeySchema: keys,
    BillingMode: 'PAY_PER_REQUEST',
    Replicas: [
      {
        Region: 'us-east-1',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        Tags: [{ Key: 'a', Value: '1' }],
      },
    ],
  };
  await table.create(context, properties);
  const { Table } = await client.send(new DescribeTableCommand({ TableName: 'global' }));
  expect(Table?.DeletionProtectionEnabled).toBe(true);
  const [replica] = properties.Replicas;
  const twice = { ...properties, Replicas: [replica, { ...replica, Region: 'eu-west-1' }] };
  expect(() => table.validate?.(twice)).toThrow(/exactly one replica/);
});
