import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { randomPassword } from '../../src/embedded/resources/secrets-manager/random-password.ts';
import { resourceContext } from './resource-context.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: SecretsManagerClient;
let now = Date.now();

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-secrets-'));
  cloud = await startCloud({ stateDir, clock: { now: () => now } });
  client = new SecretsManagerClient({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const value = async (SecretId: string, more: object = {}) =>
  (await client.send(new GetSecretValueCommand({ SecretId, ...more }))).SecretString;

it('finds a secret by name, ARN and partial ARN, and keeps the previous version', async () => {
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'app/db', SecretString: 'one' }));
  expect(ARN).toMatch(/:secret:app\/db-[A-Za-z0-9]{6}$/);
  expect(await value('app/db')).toBe('one');
  expect(await value(ARN)).toBe('one');
  expect(await value(ARN.slice(0, -7))).toBe('one');
  expect(cloud.secrets.value(ARN)).toBe('one');
  await client.send(new PutSecretValueCommand({ SecretId: ARN, SecretString: 'two' }));
  expect(await value(ARN)).toBe('two');
  expect(await value(ARN, { VersionStage: 'AWSPREVIOUS' })).toBe('one');
  await client.send(new PutSecretValueCommand({ SecretId: ARN, SecretString: 'three' }));
  expect(await value(ARN, { VersionStage: 'AWSPREVIOUS' })).toBe('two');
  const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId: ARN }));
  expect(Object.values(VersionIdsToStages).flat().sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  await expect(client.send(new CreateSecretCommand({ Name: 'app/db' }))).rejects.toMatchObject({
    name: 'ResourceExistsException',
  });
  await expect(value('app/none')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

it('holds a deleted secret through its recovery window and frees the name after it', async () => {
  await client.send(new CreateSecretCommand({ Name: 'gone', SecretString: 'x' }));
  await client.send(new DeleteSecretCommand({ SecretId: 'gone', RecoveryWindowInDays: 7 }));
  await expect(value('gone')).rejects.toMatchObject({ name: 'InvalidRequestException' });
  expect((await client.send(new ListSecretsCommand({}))).SecretList?.map(({ Name }) => Name)).not.toContain(
    'gone',
  );
  await client.send(new RestoreSecretCommand({ SecretId: 'gone' }));
  expect(await value('gone')).toBe('x');
  await client.send(new DeleteSecretCommand({ SecretId: 'gone', RecoveryWindowInDays: 7 }));
  await expect(client.send(new CreateSecretCommand({ Name: 'gone' }))).rejects.toMatchObject({
    name: 'InvalidRequestException',
  });
  now += 8 * 86_400_000;
  await client.send(new CreateSecretCommand({ Name: 'gone', SecretString: 'new' }));
  await client.send(new DeleteSecretCommand({ SecretId: 'gone', ForceDeleteWithoutRecovery: true }));
  await expect(value('gone')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

it('makes passwords of the kinds that are left', () => {
  const only = randomPassword({ PasswordLength: 64, ExcludePunctuation: true, ExcludeUppercase: true });
  expect(only).toMatch(/^[a-z0-9]{64}$/);
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const short = randomPassword({ PasswordLength: 4 });
    expect(short).toMatch(/[a-z]/);
    expect(short).toMatch(/[A-Z]/);
    expect(short).toMatch(/[0-9]/);
    expect(short).toMatch(/[^A-Za-z0-9]/);
  }
  expect(randomPassword({ ExcludeCharacters: 'abc', PasswordLength: 500 })).not.toMatch(/[abc]/);
  expect(() => randomPassword({ PasswordLength: 3 })).toThrow('too short');
});

it('comes from a template with a generated key', async () => {
  const type = cloud.services.find((each) => each.signingName === 'secretsmanager')?.resourceTypes?.[
    'AWS::SecretsManager::Secret'
  ];
  const properties = {
    GenerateSecretString: {
      SecretStringTemplate: '{"user":"admin"}',
      GenerateStringKey: 'password',
      PasswordLength: 20,
    },
  };
  const made = await type?.create(resourceContext('db'), properties);
  const content = JSON.parse(cloud.secrets.value(made?.physicalId ?? ''));
  expect(content).toEqual({ user: 'admin', password: expect.stringMatching(/^.{20}$/) });
  const updated = await type?.update?.(
    resourceContext('db'),
    made?.physicalId ?? '',
    { ...properties, Description: 'd' },
    properties,
  );
  expect(updated).toEqual(made);
  expect(JSON.parse(cloud.secrets.value(made?.physicalId ?? ''))).toEqual(content);
  await type?.delete(resourceContext('db'), made?.physicalId ?? '', properties);
  await type?.delete(resourceContext('db'), made?.physicalId ?? '', properties);
});

it('is shown to who may read that one', async () => {
  const administrator = { accessKeyId: 'AKIATEST', secretAccessKey: 'x' };
  const options = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: administrator,
    maxAttempts: 1,
  };
  const [iam, sts] = [new IAMClient(options), new STSClient(options)];
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'mine', SecretString: 'm' }));
  await client.send(new CreateSecretCommand({ Name: 'theirs', SecretString: 't' }));
  const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const account = { AWS: `arn:aws:iam::${cloud.account}:root` };
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'reader',
      AssumeRolePolicyDocument: document({ Effect: 'Allow', Principal: account, Action: 'sts:AssumeRole' }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: 'reader',
      PolicyName: 'one',
      PolicyDocument: document({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: ARN }),
    }),
  );
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${cloud.account}:role/reader`,
      RoleSessionName: 'session',
    }),
  );
  const reader = new SecretsManagerClient({
    ...options,
    credentials: {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    },
  });
  expect((await reader.send(new GetSecretValueCommand({ SecretId: 'mine' }))).SecretString).toBe('m');
  await expect(reader.send(new GetSecretValueCommand({ SecretId: 'theirs' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  await expect(
    reader.send(new PutSecretValueCommand({ SecretId: 'mine', SecretString: 'n' })),
  ).rejects.toMatchObject({ name: 'AccessDeniedException' });
  for (const each of [iam, sts, reader]) each.destroy();
});
