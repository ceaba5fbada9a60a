/** What copying needs to be allowed: to write an object gives no right to read another one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

let stateDir: string;
let cloud: RunningCloud;
let writer: S3Client;
const Bucket = 'files';

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 's3-access-'));
  cloud = await startCloud({ stateDir });
  const settings = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const s3 = new S3Client(settings);
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of ['secret', 'shared/note'])
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'text' }));

  const iam = new IAMClient(settings);
  const statement = (rest: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
  const trust = statement({
    Principal: { AWS: `arn:aws:iam::${cloud.account}:root` },
    Action: 'sts:AssumeRole',
  });
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'writer', AssumeRolePolicyDocument: trust }),
  );
  for (const [PolicyName, Action, Resource] of [
    ['write', 's3:PutObject', `arn:aws:s3:::${Bucket}/own/*`],
    ['read', 's3:GetObject', `arn:aws:s3:::${Bucket}/shared/*`],
  ])
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: 'writer',
        PolicyName,
        PolicyDocument: statement({ Action, Resource }),
      }),
    );
  const { Credentials } = await new STSClient(settings).send(
    new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'test' }),
  );
  writer = new S3Client({
    ...settings,
    credentials: {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    },
  });
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

test('an object is copied only by who may read it', async () => {
  const copy = (source: string) =>
    writer.send(new CopyObjectCommand({ Bucket, Key: 'own/copy', CopySource: `${Bucket}/${source}` }));
  await copy('shared/note');
  await expect(copy('secret')).rejects.toThrow(
    /not authorized to perform: s3:GetObject on resource: .*secret/,
  );
});

test('nor is it copied as a part of an upload', async () => {
  const Key = 'own/parts';
  const { UploadId } = await writer.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const copy = (source: string) =>
    writer.send(
      new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber: 1, CopySource: `${Bucket}/${source}` }),
    );
  await copy('shared/note');
  await expect(copy('secret')).rejects.toThrow('not authorized to perform: s3:GetObject');
});
