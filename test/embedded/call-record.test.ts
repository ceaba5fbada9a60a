/** The record of what roles call: who, what, on what, by which statement; each once; and none unless asked for. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { IAM } from '@aws-sdk/client-iam';
import { SSM } from '@aws-sdk/client-ssm';
import { STS } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { CallRecord, type RecordedCall } from '../../src/embedded/iam/call-record.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-calls-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

async function recorded(): Promise<RecordedCall[]> {
  const files = await readdir(path.join(directory, 'calls'));
  const texts = await Promise.all(files.map((file) => readFile(path.join(directory, 'calls', file), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line));
}

const root = { accessKeyId: 'account', secretAccessKey: 'account' };
const region = 'us-east-1';

/** A role that may read /app and not /app/secret, and a client of its session. */
async function reader({ endpoint, account }: RunningCloud): Promise<SSM> {
  const iam = new IAM({ endpoint, region, credentials: root });
  const { Role } = await iam.createRole({
    RoleName: 'reader',
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }],
    }),
  });
  await iam.putRolePolicy({
    RoleName: 'reader',
    PolicyName: 'read',
    PolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'ssm:GetParameter', Resource: 'arn:aws:ssm:*:*:parameter/app/*' },
        { Effect: 'Deny', Action: 'ssm:*', Resource: 'arn:aws:ssm:*:*:parameter/app/secret' },
      ],
    }),
  });
  const sts = new STS({ endpoint, region, credentials: root });
  const { Credentials } = await sts.assumeRole({ RoleArn: Role?.Arn, RoleSessionName: 'test' });
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return new SSM({
    endpoint,
    region,
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    },
  });
}

it('has each call once, with its outcome and the statement that decided', async () => {
  const cloud = await startCloud({
    stateDir: path.join(directory, 'state'),
    recordCalls: path.join(directory, 'calls'),
  });
  try {
    const ssm = await reader(cloud);
    const parameter = (name: string) => ssm.getParameter({ Name: name }).catch(() => {});
    for (const name of ['/app/colour', '/app/colour', '/app/secret', '/other']) await parameter(name);
    const [role, action] = [`arn:aws:iam::${cloud.account}:role/reader`, 'ssm:GetParameter'];
    const resource = (name: string) => `arn:aws:ssm:${region}:${cloud.account}:parameter${name}`;
    expect(await recorded()).toEqual([
      {
        ...{ role, action, resource: resource('/app/colour') },
        ...{ outcome: 'allowed', by: { policy: 'read', statement: 0 } },
      },
      {
        ...{ role, action, resource: resource('/app/secret') },
        ...{ outcome: 'denied', by: { policy: 'read', statement: 1 } },
      },
      { role, action, resource: resource('/other'), outcome: 'denied' },
    ]);
  } finally {
    await cloud.stop();
  }
});

it('is not kept unless a directory is named', async () => {
  const cloud = await startCloud({ stateDir: path.join(directory, 'state') });
  try {
    await (await reader(cloud)).getParameter({ Name: '/app/colour' }).catch(() => {});
    expect(await readdir(directory)).toEqual(['state']);
  } finally {
    await cloud.stop();
  }
});

it('stays small, however many resources a role calls on', async () => {
  const record = new CallRecord(path.join(directory, 'calls'));
  for (let each = 0; each < 1000; each++)
    record.note(
      { role: 'a', action: 's3:GetObject', resource: `item-${each}`, outcome: 'allowed' },
      () => undefined,
    );
  expect(await recorded()).toHaveLength(50);
});
