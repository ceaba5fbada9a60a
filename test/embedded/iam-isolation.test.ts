import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand, TagRoleCommand } from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

const account = '123456789012';
const tenantRole = `arn:aws:iam::${account}:role/tenant-access`;
const taskRole = `arn:aws:iam::${account}:role/task`;
const table = `arn:aws:dynamodb:us-east-1:${account}:table/orders`;
const administrator = { accessKeyId: 'AKIATEST', secretAccessKey: 'x' };

let directory: string;
let cloud: RunningCloud;
let now = Date.now();
const clients: { destroy(): void }[] = [];

interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}
const options = (credentials: Keys) => ({
  endpoint: cloud.endpoint,
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
});
function track<T extends { destroy(): void }>(client: T): T {
  clients.push(client);
  return client;
}
const sts = (credentials: Keys) => track(new STSClient(options(credentials)));
const dynamo = (credentials: Keys) => track(new DynamoDBClient(options(credentials)));

async function assume(
  by: Keys,
  input: Partial<AssumeRoleCommandInput> = {},
): Promise<Keys & { sessionToken: string }> {
  const { Credentials } = await sts(by).send(
    new AssumeRoleCommand({ RoleArn: tenantRole, RoleSessionName: 'request', ...input }),
  );
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}
const asTenant = (tenant: string, by: Keys = task()) =>
  assume(by, { Tags: [{ Key: 'tenant', Value: tenant }] });
const task = (): Keys => cloud.sts.issueForService(taskRole, 'ecs-tasks.amazonaws.com', 'task-1');

const trust = (principal: object, actions: string[], condition?: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: principal,
        Action: actions,
        ...(condition ? { Condition: condition } : {}),
      },
    ],
  });
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

async function role(name: string, trustPolicy: string, document?: string): Promise<void> {
  const iam = track(new IAMClient(options(administrator)));
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trustPolicy }));
  if (document)
    await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'p', PolicyDocument: document }));
}

const item = (tenant: string, id: string) => ({ tenantId: { S: tenant }, orderId: { S: id } });

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-isolation-'));
  cloud = await startCloud({ stateDir: directory, account, clock: { now: () => now } });
  await role('task', trust({ Service: 'ecs-tasks.amazonaws.com' }, ['sts:AssumeRole']));
  await role(
    'tenant-access',
    trust({ AWS: taskRole }, ['sts:AssumeRole', 'sts:TagSession']),
    policy({
      Effect: 'Allow',
      Action: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
        'dynamodb:BatchWriteItem',
      ],
      Resource: [table, `${table}/index/*`],
      Condition: {
        'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/tenant}'] },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    }),
  );
  const admin = dynamo(administrator);
  await admin.send(
    new CreateTableCommand({
      TableName: 'orders',
      AttributeDefinitions: ['tenantId', 'orderId', 'status'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S' as const,
      })),
      KeySchema: [
        { AttributeName: 'tenantId', KeyType: 'HASH' },
        { AttributeName: 'orderId', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-status',
          KeySchema: [{ AttributeName: 'status', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  for (const tenant of ['t1', 't2'])
    for (const id of ['1', '2', '3'])
      await admin.send(
        new PutItemCommand({ TableName: 'orders', Item: { ...item(tenant, id), status: { S: 'open' } } }),
      );
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

describe("a tenant's session", () => {
  const TableName = 'orders';
  const query = (tenant: string, more: object = {}) =>
    new QueryCommand({
      TableName,
      KeyConditionExpression: '#t = :t',
      ExpressionAttributeNames: { '#t': 'tenantId' },
      ExpressionAttributeValues: { ':t': { S: tenant } },
      ...more,
    });
  let own: DynamoDBClient;
  beforeAll(async () => {
    own = dynamo(await asTenant('t1'));
  });

  it('reads and writes its own items', async () => {
    expect((await own.send(query('t1'))).Count).toBe(3);
    await own.send(new PutItemCommand({ TableName, Item: item('t1', '9') }));
    expect((await own.send(new GetItemCommand({ TableName, Key: item('t1', '9') }))).Item).toBeDefined();
    await own.send(
      new UpdateItemCommand({
        TableName,
        Key: item('t1', '9'),
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': { S: 'x' } },
      }),
    );
    const { Responses } = await own.send(
      new BatchGetItemCommand({ RequestItems: { orders: { Keys: [item('t1', '1'), item('t1', '9')] } } }),
    );
    expect(Responses?.['orders']).toHaveLength(2);
    await own.send(new DeleteItemCommand({ TableName, Key: item('t1', '9') }));
    await own.send(
      new QueryCommand({
        TableName,
        KeyConditions: {
          tenantId: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 't1' }] },
        },
      }),
    );
  });

  const foreign: [string, () => { [key: string]: unknown } & object][] = [
    ['query', () => query('t2')],
    ['query with a start key of its own', () => query('t2', { ExclusiveStartKey: item('t1', '1') })],
    [
      'query by key conditions',
      () =>
        new QueryCommand({
          TableName,
          KeyConditions: { tenantId: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 't2' }] } },
        }),
    ],
    ['get', () => new GetItemCommand({ TableName, Key: item('t2', '1') })],
    ['get by the ARN of the table', () => new GetItemCommand({ TableName: table, Key: item('t2', '1') })],
    ['put', () => new PutItemCommand({ TableName, Item: item('t2', '1') })],
    ['delete', () => new DeleteItemCommand({ TableName, Key: item('t2', '1') })],
    ['update', () => new UpdateItemCommand({ TableName, Key: item('t2', '1') })],
    [
      'batch get with one foreign key',
      () =>
        new BatchGetItemCommand({ RequestItems: { orders: { Keys: [item('t1', '1'), item('t2', '1')] } } }),
    ],
    [
      'batch write with one foreign key',
      () =>
        new BatchWriteItemCommand({
          RequestItems: {
            orders: [{ PutRequest: { Item: item('t1', '1') } }, { DeleteRequest: { Key: item('t2', '1') } }],
          },
        }),
    ],
    [
      'transactional get with one foreign key',
      () =>
        new TransactGetItemsCommand({
          TransactItems: [
            { Get: { TableName, Key: item('t1', '1') } },
            { Get: { TableName, Key: item('t2', '1') } },
          ],
        }),
    ],
    [
      'transactional write with one foreign key',
      () =>
        new TransactWriteItemsCommand({
          TransactItems: [
            { Put: { TableName, Item: item('t1', '1') } },
            { Put: { TableName, Item: item('t2', '1') } },
          ],
        }),
    ],
    ['scan', () => new ScanCommand({ TableName })],
    [
      'scan that filters',
      () =>
        new ScanCommand({
          TableName,
          FilterExpression: 'tenantId = :t',
          ExpressionAttributeValues: { ':t': { S: 't1' } },
        }),
    ],
    [
      'query of an index across tenants',
      () =>
        new QueryCommand({
          TableName,
          IndexName: 'by-status',
          KeyConditionExpression: '#s = :s',
          ExpressionAttributeNames: { '#s': 'status' },
          ExpressionAttributeValues: { ':s': { S: 'open' } },
        }),
    ],
    ['PartiQL', () => new ExecuteStatementCommand({ Statement: 'SELECT * FROM "orders"' })],
    ['describe', () => new DescribeTableCommand({ TableName })],
  ] as unknown as [string, () => { [key: string]: unknown } & object][];

  it.each(foreign)("can't %s", async (_name, command) => {
    await expect(own.send(command() as never)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('says who may not do what, in the words of AWS', async () => {
    await expect(own.send(query('t2'))).rejects.toThrow(
      `User: arn:aws:sts::${account}:assumed-role/tenant-access/request is not authorized to perform: dynamodb:Query on resource: ${table} because no identity-based policy allows the dynamodb:Query action`,
    );
  });

  it("does not go on from another tenant's key", async () => {
    await expect(own.send(query('t1', { ExclusiveStartKey: item('t2', '1') }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  it('without the tag reads nothing', async () => {
    const untagged = dynamo(await assume(task()));
    await expect(untagged.send(query('t1'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const empty = dynamo(await asTenant(''));
    await expect(empty.send(query('t1'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('with a tag that looks like a wildcard reads nothing', async () => {
    const wild = dynamo(await asTenant('*'));
    await expect(wild.send(query('t1'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('is narrowed by a session policy, never widened', async () => {
    const Tags = [{ Key: 'tenant', Value: 't1' }];
    const allow = (action: string) => policy({ Effect: 'Allow', Action: action, Resource: '*' });
    const reader = dynamo(await assume(task(), { Tags, Policy: allow('dynamodb:Query') }));
    expect((await reader.send(query('t1'))).Count).toBe(3);
    await expect(reader.send(new PutItemCommand({ TableName, Item: item('t1', '1') }))).rejects.toThrow(
      /no session policy allows the dynamodb:PutItem action/,
    );
    const all = dynamo(await assume(task(), { Tags, Policy: allow('dynamodb:*') }));
    await expect(all.send(new ScanCommand({ TableName }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('assuming a role', () => {
  it('is for those whom it trusts', async () => {
    await expect(assume(administrator)).rejects.toThrow(
      `User: arn:aws:iam::${account}:root is not authorized to perform: sts:AssumeRole on resource: ${tenantRole}`,
    );
    await expect(assume(administrator, { RoleArn: `${tenantRole}-none` })).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    expect(() => cloud.sts.issueForService(tenantRole, 'ecs-tasks.amazonaws.com', 's')).toThrow(
      /unable to assume the role/,
    );
  });

  it('by trust in the account needs a policy of the caller', async () => {
    const open = `arn:aws:iam::${account}:role/open`;
    await role('open', trust({ AWS: account }, ['sts:AssumeRole']));
    await expect(assume(task(), { RoleArn: open })).rejects.toMatchObject({ name: 'AccessDenied' });
    await assume(administrator, { RoleArn: open });
    await role(
      'caller',
      trust({ Service: 'ecs-tasks.amazonaws.com' }, ['sts:AssumeRole']),
      policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: open }),
    );
    const caller = cloud.sts.issueForService(
      `arn:aws:iam::${account}:role/caller`,
      'ecs-tasks.amazonaws.com',
      's',
    );
    const session = await assume(caller, { RoleArn: open });
    const { Arn } = await sts(session).send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe(`arn:aws:sts::${account}:assumed-role/open/request`);
  });

  it('with tags needs sts:TagSession', async () => {
    await role('untaggable', trust({ AWS: taskRole }, ['sts:AssumeRole']));
    const RoleArn = `arn:aws:iam::${account}:role/untaggable`;
    await assume(task(), { RoleArn });
    await expect(assume(task(), { RoleArn, Tags: [{ Key: 'tenant', Value: 't1' }] })).rejects.toThrow(
      /sts:TagSession/,
    );
  });

  it('may ask for certain tags', async () => {
    await role(
      'tagged-only',
      trust({ AWS: taskRole }, ['sts:AssumeRole', 'sts:TagSession'], {
        StringLike: { 'aws:RequestTag/tenant': '?*' },
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['tenant'] },
      }),
    );
    const RoleArn = `arn:aws:iam::${account}:role/tagged-only`;
    await assume(task(), { RoleArn, Tags: [{ Key: 'tenant', Value: 't1' }] });
    await expect(assume(task(), { RoleArn })).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(
      assume(task(), {
        RoleArn,
        Tags: [
          { Key: 'tenant', Value: 't1' },
          { Key: 'more', Value: 'x' },
        ],
      }),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('keeps to the limits of AWS', async () => {
    await expect(assume(task(), { DurationSeconds: 899 })).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(assume(task(), { DurationSeconds: 7200 })).rejects.toThrow(/MaxSessionDuration/);
    await expect(assume(task(), { RoleSessionName: 'not allowed' })).rejects.toMatchObject({
      name: 'ValidationError',
    });
    await expect(
      assume(task(), {
        Policy: policy({ Effect: 'Allow', Action: '*', Resource: '*', Sid: 'x'.repeat(2048) }),
      }),
    ).rejects.toThrow(/2048/);
    await expect(
      assume(task(), { Tags: Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: 'v' })) }),
    ).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(
      assume(task(), {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      }),
    ).rejects.toThrow(/Duplicate tag keys/);
  });

  it("takes a role's own tags along", async () => {
    await track(new IAMClient(options(administrator))).send(
      new TagRoleCommand({ RoleName: 'task', Tags: [{ Key: 'team', Value: 'blue' }] }),
    );
    const { accessKeyId, sessionToken } = task();
    expect(cloud.sts.principalOf(accessKeyId, sessionToken).tags).toMatchObject({ team: 'blue' });
  });
});

describe('issued credentials', () => {
  it('are good for nothing without their token', async () => {
    const { sessionToken: _token, ...bare } = await asTenant('t1');
    await expect(sts(bare).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
    await expect(dynamo(bare).send(new ScanCommand({ TableName: 'orders' }))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
  });

  it('survive a restart, expire, and never turn into the administrator', async () => {
    const session = await asTenant('t1');
    await cloud.stop();
    cloud = await startCloud({ stateDir: directory, account, clock: { now: () => now } });
    const { Arn } = await sts(session).send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe(`arn:aws:sts::${account}:assumed-role/tenant-access/request`);
    now += 3_601_000;
    await expect(sts(session).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'ExpiredToken',
    });
    now += 7_200_000;
    task();
    await expect(sts(session).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
  });

  it('other keys are the account itself', async () => {
    expect(await sts(administrator).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: account,
      Arn: `arn:aws:iam::${account}:root`,
    });
  });
});
