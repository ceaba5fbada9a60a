import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { IAM } from '@aws-sdk/client-iam';
import { KMS } from '@aws-sdk/client-kms';
import { S3 } from '@aws-sdk/client-s3';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { STS } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { resourceContext } from './resource-context.ts';

const account = '123456789012';
const root = `arn:aws:iam::${account}:root`;
let stateDir: string;
let cloud: RunningCloud;
let now = Date.parse('2026-01-01T00:00:00Z');
const pass = (days: number): void => {
  now += days * 86_400_000;
};

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
const owner: Credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'x' };
const options = (credentials: Credentials = owner) => ({
  endpoint: cloud.endpoint,
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
  forcePathStyle: true,
});
let kms: KMS;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-kms-'));
  cloud = await startCloud({ stateDir, account, clock: { now: () => now } });
  kms = new KMS(options());
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

/** A role of that name with these statements; gives its credentials. */
async function role(name: string, ...statements: object[]): Promise<Credentials> {
  const iam = new IAM(options());
  await iam.createRole({
    RoleName: name,
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: root }, Action: 'sts:AssumeRole' }],
    }),
  });
  await iam.putRolePolicy({
    RoleName: name,
    PolicyName: 'own',
    PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
  });
  const { Credentials: given } = await new STS(options()).assumeRole({
    RoleArn: `arn:aws:iam::${account}:role/${name}`,
    RoleSessionName: 'test',
  });
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  };
}

const allow = (actions: string[], resource = '*') => ({
  Effect: 'Allow',
  Action: actions,
  Resource: resource,
});
const policy = (...statements: object[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: root },
        Action: ['kms:Put*', 'kms:ScheduleKeyDeletion'],
        Resource: '*',
      },
      ...statements,
    ],
  });
/** Whom the account's policies allow it, but only by way of a service. */
const through = (...services: string[]) => ({
  Effect: 'Allow',
  Principal: { AWS: root },
  Action: ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:DescribeKey', 'kms:CreateGrant'],
  Resource: '*',
  Condition: {
    StringEquals: { 'kms:ViaService': services.map((name) => `${name}.us-east-1.amazonaws.com`) },
  },
});
const newKey = async (Policy?: string): Promise<string> =>
  (await kms.createKey(Policy === undefined ? {} : { Policy })).KeyMetadata?.Arn ?? '';

describe('a key', () => {
  it('decrypts what it encrypted, in the same context alone, also after a rotation and a restart', async () => {
    const key = await newKey();
    const context = { tenant: 'a', table: 'orders' };
    const { CiphertextBlob } = await kms.encrypt({
      KeyId: key,
      Plaintext: Buffer.from('secret'),
      EncryptionContext: context,
    });
    await kms.rotateKeyOnDemand({ KeyId: key });
    await cloud.stop();
    cloud = await startCloud({ stateDir, account, clock: { now: () => now } });
    kms = new KMS(options());
    const { Plaintext } = await kms.decrypt({
      CiphertextBlob,
      EncryptionContext: { table: 'orders', tenant: 'a' },
    });
    expect(Buffer.from(Plaintext ?? []).toString()).toBe('secret');
    await expect(
      kms.decrypt({ CiphertextBlob, EncryptionContext: { ...context, tenant: 'b' } }),
    ).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    const other = await newKey();
    await expect(
      kms.decrypt({ CiphertextBlob, EncryptionContext: context, KeyId: other }),
    ).rejects.toMatchObject({ name: 'IncorrectKeyException' });
  });

  it('is found by id, ARN and alias', async () => {
    const key = await newKey();
    await kms.createAlias({ AliasName: 'alias/shop', TargetKeyId: key });
    for (const KeyId of [key, key.split('/')[1] ?? '', 'alias/shop', key.replace(/key\/.*/, 'alias/shop')])
      expect((await kms.describeKey({ KeyId })).KeyMetadata?.Arn).toBe(key);
    await expect(kms.createAlias({ AliasName: 'alias/shop', TargetKeyId: key })).rejects.toMatchObject({
      name: 'AlreadyExistsException',
    });
    await kms.deleteAlias({ AliasName: 'alias/shop' });
    await expect(kms.describeKey({ KeyId: 'alias/shop' })).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });

  it('serves nobody while it is disabled or to be deleted, comes back, and is gone after its window', async () => {
    const key = await newKey();
    const use = () => kms.generateDataKey({ KeyId: key, KeySpec: 'AES_256' });
    expect((await use()).Plaintext).toHaveLength(32);
    await kms.disableKey({ KeyId: key });
    await expect(use()).rejects.toMatchObject({ name: 'DisabledException' });
    await kms.enableKey({ KeyId: key });
    await use();
    await kms.scheduleKeyDeletion({ KeyId: key, PendingWindowInDays: 7 });
    await expect(use()).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    await kms.cancelKeyDeletion({ KeyId: key });
    await kms.enableKey({ KeyId: key });
    await use();
    await kms.scheduleKeyDeletion({ KeyId: key, PendingWindowInDays: 7 });
    pass(8);
    await expect(kms.describeKey({ KeyId: key })).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('is rotated when it is due', async () => {
    const key = await newKey();
    await kms.enableKeyRotation({ KeyId: key, RotationPeriodInDays: 90 });
    const before = (await kms.getKeyRotationStatus({ KeyId: key })).NextRotationDate?.getTime() ?? 0;
    pass(91);
    const after = (await kms.getKeyRotationStatus({ KeyId: key })).NextRotationDate?.getTime() ?? 0;
    expect(after).toBeGreaterThan(before);
  });

  it('refuses a policy by which nobody could change it any more', async () => {
    const locked = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:Decrypt', Resource: '*' }],
    });
    await expect(newKey(locked)).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' });
  });
});

describe("a key's policy", () => {
  it('comes before what an identity is allowed, and may allow a role by itself', async () => {
    const identity = await role('may-all', allow(['kms:*']));
    const stranger = await role('may-nothing', allow(['s3:ListAllMyBuckets']));
    const named = await newKey(
      policy({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${account}:role/may-nothing` },
        Action: 'kms:GenerateDataKey',
        Resource: '*',
      }),
    );
    const use = (credentials: Credentials, KeyId: string) =>
      new KMS(options(credentials)).generateDataKey({ KeyId, KeySpec: 'AES_256' });
    await expect(use(identity, named)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await use(stranger, named);
    const delegated = await newKey();
    await use(identity, delegated);
    await expect(use(stranger, delegated)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('by way of services alone lets nobody use the key directly', async () => {
    const key = await newKey(policy(through('dynamodb')));
    await expect(kms.generateDataKey({ KeyId: key, KeySpec: 'AES_256' })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('a table under a key', () => {
  let key: string;
  const item = { id: { S: '1' } };

  beforeAll(async () => {
    key = await newKey(policy(through('dynamodb')));
    const db = new DynamoDB(options());
    await db.createTable({
      TableName: 'sealed',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: key },
    });
  });

  it('asks for the key, too, of whoever reads or writes items', async () => {
    const table = allow(['dynamodb:*'], `arn:aws:dynamodb:us-east-1:${account}:table/sealed`);
    const both = new DynamoDB(options(await role('table-and-key', table, allow(['kms:Decrypt'], key))));
    const one = new DynamoDB(options(await role('table-alone', table)));
    await both.putItem({ TableName: 'sealed', Item: item });
    expect((await both.getItem({ TableName: 'sealed', Key: item })).Item).toEqual(item);
    const attempts = [
      () => one.getItem({ TableName: 'sealed', Key: item }),
      () => one.putItem({ TableName: 'sealed', Item: item }),
      () => one.batchGetItem({ RequestItems: { sealed: { Keys: [item] } } }),
      () => one.transactWriteItems({ TransactItems: [{ Delete: { TableName: 'sealed', Key: item } }] }),
    ];
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining('kms:Decrypt'),
      });
  });

  it('is closed while the key is disabled', async () => {
    const other = await newKey();
    const db = new DynamoDB(options());
    await db.updateTable({
      TableName: 'sealed',
      SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: other },
    });
    await kms.disableKey({ KeyId: other });
    await expect(db.getItem({ TableName: 'sealed', Key: item })).rejects.toMatchObject({
      message: expect.stringContaining('KMS'),
    });
    expect((await db.describeTable({ TableName: 'sealed' })).Table?.TableStatus).toBe(
      'INACCESSIBLE_ENCRYPTION_CREDENTIALS',
    );
    await kms.enableKey({ KeyId: other });
    expect((await db.getItem({ TableName: 'sealed', Key: item })).Item).toEqual(item);
  });

  it('is not made under a key that is not there', async () => {
    await expect(
      new DynamoDB(options()).createTable({
        TableName: 'lost',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: key.replace(/.{4}$/, '0000') },
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('KMS') });
  });
});

it('an object under a key is written and read by whoever may use both', async () => {
  const key = await newKey(policy(through('s3')));
  const s3 = new S3(options());
  await s3.createBucket({ Bucket: 'sealed-objects' });
  await s3.putBucketEncryption({
    Bucket: 'sealed-objects',
    ServerSideEncryptionConfiguration: {
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } }],
    },
  });
  const put = await s3.putObject({ Bucket: 'sealed-objects', Key: 'a', Body: 'hello' });
  expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key });
  const head = await s3.headObject({ Bucket: 'sealed-objects', Key: 'a' });
  expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key });
  const objects = allow(['s3:*'], 'arn:aws:s3:::sealed-objects/*');
  const one = new S3(options(await role('objects-alone', objects)));
  await expect(one.getObject({ Bucket: 'sealed-objects', Key: 'a' })).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('kms:Decrypt'),
  });
  await expect(one.putObject({ Bucket: 'sealed-objects', Key: 'b', Body: 'x' })).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('kms:GenerateDataKey'),
  });
  const both = new S3(
    options(await role('objects-and-key', objects, allow(['kms:Decrypt', 'kms:GenerateDataKey'], key))),
  );
  await both.putObject({ Bucket: 'sealed-objects', Key: 'b', Body: 'x' });
  expect(await (await both.getObject({ Bucket: 'sealed-objects', Key: 'a' })).Body?.transformToString()).toBe(
    'hello',
  );
  await kms.putKeyPolicy({
    KeyId: key,
    Policy: policy({ ...through('s3'), Action: 'kms:*', Condition: {} }),
  });
  await kms.disableKey({ KeyId: key });
  await expect(s3.getObject({ Bucket: 'sealed-objects', Key: 'a' })).rejects.toMatchObject({
    name: 'KMS.DisabledException',
  });
});

it('a secret under a key is told to whoever may use both', async () => {
  const key = await newKey(policy(through('secretsmanager')));
  const secrets = new SecretsManager(options());
  const { ARN = '' } = await secrets.createSecret({ Name: 'sealed', SecretString: 'word', KmsKeyId: key });
  const own = allow(['secretsmanager:GetSecretValue'], ARN);
  const one = new SecretsManager(options(await role('secret-alone', own)));
  await expect(one.getSecretValue({ SecretId: ARN })).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: 'Access to KMS is not allowed',
  });
  const both = new SecretsManager(options(await role('secret-and-key', own, allow(['kms:Decrypt'], key))));
  expect((await both.getSecretValue({ SecretId: ARN })).SecretString).toBe('word');
});

describe('a log group under a key', () => {
  const logsPolicy = (group: string) =>
    policy({
      Effect: 'Allow',
      Principal: { Service: 'logs.us-east-1.amazonaws.com' },
      Action: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:GenerateDataKey*'],
      Resource: '*',
      Condition: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:us-east-1:${account}:log-group:${group}`,
        },
      },
    });

  it('is made where the key lets the log service use it for that group, and nowhere else', async () => {
    const logs = new CloudWatchLogs(options());
    const key = await newKey(logsPolicy('/shop/*'));
    await logs.createLogGroup({ logGroupName: '/shop/a', kmsKeyId: key });
    await expect(logs.createLogGroup({ logGroupName: '/other/a', kmsKeyId: key })).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('is not allowed to be used with Arn'),
    });
    const type = cloud.cloudFormation.resourceType('AWS::Logs::LogGroup') ?? expect.fail();
    await expect(
      (async () => type.create(resourceContext('Logs'), { LogGroupName: '/other/b', KmsKeyId: key }))(),
    ).rejects.toThrow('is not allowed');
  });
});

it('goes with its stack into its window, by the policy that the template gives', async () => {
  const type = cloud.cloudFormation.resourceType('AWS::KMS::Key') ?? expect.fail();
  const properties = {
    EnableKeyRotation: true,
    PendingWindowInDays: 7,
    KeyPolicy: JSON.parse(policy({ ...through('s3'), Action: ['kms:Describe*', 'kms:Get*'], Condition: {} })),
  };
  const { physicalId, attributes } = await type.create(resourceContext('Key', { owner: 'shop' }), properties);
  expect((await kms.getKeyRotationStatus({ KeyId: physicalId })).KeyRotationEnabled).toBe(true);
  await type.delete(resourceContext('Key'), physicalId, properties);
  expect((await kms.describeKey({ KeyId: String(attributes?.['Arn']) })).KeyMetadata?.KeyState).toBe(
    'PendingDeletion',
  );
  expect(() => type.validate?.({ KeyPolicy: { Version: '2012-10-17', Statement: [] } })).toThrow('policy');
});
