/** Taking down what is not in order: failed stacks, full buckets, what others own. On an embedded cloud. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogGroupsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { destroyShared, planDestruction } from '../../src/services/deployment/destroy-shared.ts';
import { Buckets } from '../../src/services/deployment/destruction/buckets.ts';
import type { ClientOptions } from '../../src/services/environment.ts';
import { type OperatorContext, operator } from './registry-fixture.ts';

let cloud: RunningCloud;
let stateDir = '';
let options: ClientOptions;
let cloudFormation: CloudFormationClient;
let s3: S3Client;
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-destroy-'));
  cloud = await startCloud({ stateDir });
  options = {
    region: cloud.region,
    endpoint: cloud.endpoint,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
    forcePathStyle: true,
  };
  cloudFormation = new CloudFormationClient(options);
  s3 = new S3Client(options);
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const tagsOf = (environment: string, more: Record<string, string> = {}) =>
  Object.entries({ 'saas-ecs:app': 'shop', 'saas-ecs:environment': environment, ...more }).map(
    ([Key, Value]) => ({ Key, Value }),
  );
const mine = tagsOf('local');

const context = (changes: { prefix?: string } = {}): OperatorContext =>
  operator({
    target: {
      app: 'shop',
      environment: { name: 'local', target: 'embedded' },
      account: cloud.account,
      client: options,
      ...changes,
    },
  } as never);

/** Takes everything down as the command does. */
const destroy = async (asked: { includeTenants?: boolean; deleteData?: boolean } = {}) => {
  const wanted = { includeTenants: false, deleteData: false, ...asked };
  return destroyShared(context(), wanted, await planDestruction(context(), wanted));
};

type Resources = Record<
  string,
  { Type: string; Properties?: object; DependsOn?: string; DeletionPolicy?: string }
>;
const template = (resources: Resources): string => JSON.stringify({ Resources: resources });

const settled = async (name: string): Promise<string> => {
  let status = '';
  await expect
    .poll(
      async () => {
        const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
        status = Stacks?.[0]?.StackStatus ?? '';
        return status;
      },
      { timeout: 10_000, interval: 20 },
    )
    .not.toMatch(/_IN_PROGRESS$/);
  return status;
};

async function create(
  name: string,
  resources: Resources,
  more: {
    OnFailure?: 'DO_NOTHING';
    Tags?: { Key: string; Value: string }[];
    EnableTerminationProtection?: boolean;
  } = {},
): Promise<string> {
  await cloudFormation.send(
    new CreateStackCommand({
      StackName: name,
      TemplateBody: template(resources),
      Tags: mine,
      Capabilities: ['CAPABILITY_IAM'],
      ...more,
    }),
  );
  return settled(name);
}

const log = (name?: string) => ({
  Type: 'AWS::Logs::LogGroup',
  ...(name !== undefined && { Properties: { LogGroupName: name } }),
});
const role = {
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    },
  },
};
const table = {
  Type: 'AWS::DynamoDB::Table',
  DeletionPolicy: 'Retain',
  Properties: {
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  },
};

/** A custom resource whose function refuses what it is told to refuse. */
const unruly = (...refused: string[]): Resources => ({
  Role: role,
  Function: {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Runtime: 'nodejs20.x',
      Handler: 'index.handler',
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Code: {
        ZipFile: `exports.handler = async ({ RequestType, ResourceProperties, OldResourceProperties, ResponseURL, ...rest }) => {
          const refused = [ResourceProperties, OldResourceProperties].some((given) => given?.Refused.includes(RequestType));
          const { StackId, RequestId, LogicalResourceId, PhysicalResourceId = 'unruly' } = rest;
          await fetch(ResponseURL, { method: 'PUT', headers: { 'content-type': '' }, body: JSON.stringify({
            Status: refused ? 'FAILED' : 'SUCCESS', Reason: 'not on ' + RequestType, StackId, RequestId, LogicalResourceId, PhysicalResourceId,
          }) });
        };`,
      },
    },
  },
  Unruly: {
    Type: 'Custom::Unruly',
    Properties: { ServiceToken: { 'Fn::GetAtt': ['Function', 'Arn'] }, Refused: refused },
  },
});

const stackNames = async (): Promise<string[]> => {
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({}));
  return Stacks.map(({ StackName = '' }) => StackName).sort();
};

describe('failed stacks', () => {
  it('go whatever state a failure has left them in', async () => {
    await new CloudWatchLogsClient(options).send(new CreateLogGroupCommand({ logGroupName: '/taken' }));
    const colliding = { Mine: log(), Taken: { ...log('/taken'), DependsOn: 'Mine' } };
    expect(await create('tenant-template-basic', colliding)).toBe('ROLLBACK_COMPLETE');
    expect(await create('tenant-template-advanced', colliding, { OnFailure: 'DO_NOTHING' })).toBe(
      'CREATE_FAILED',
    );
    expect(await create('cell-2', { Mine: log() })).toBe('CREATE_COMPLETE');
    await cloudFormation.send(
      new UpdateStackCommand({ StackName: 'cell-2', TemplateBody: template({ ...colliding, Added: log() }) }),
    );
    expect(await settled('cell-2')).toBe('UPDATE_ROLLBACK_COMPLETE');
    const plan = await planDestruction(context(), { includeTenants: false, deleteData: false });
    expect(plan.stacks.map(({ name }) => name)).toEqual([
      'tenant-template-basic',
      'tenant-template-advanced',
      'cell-2',
    ]);
    expect(await destroy()).toMatchObject({ left: [], kept: [] });
    expect(await stackNames()).toEqual([]);
    // Nobody's tags, so it is nobody's to delete.
    const { logGroups } = await new CloudWatchLogsClient(options).send(new DescribeLogGroupsCommand({}));
    expect(logGroups?.map(({ logGroupName }) => logGroupName)).toEqual(['/taken']);
  });

  it('go when not even their rollback or deletion worked', async () => {
    const late = { ...log('/taken'), DependsOn: 'Unruly' };
    expect(await create('tenant-template-basic', { ...unruly('Delete'), Late: late })).toBe(
      'ROLLBACK_FAILED',
    );
    expect(await create('tenant-template-advanced', unruly('Delete'))).toBe('CREATE_COMPLETE');
    await cloudFormation.send(new DeleteStackCommand({ StackName: 'tenant-template-advanced' }));
    expect(await settled('tenant-template-advanced')).toBe('DELETE_FAILED');
    expect(await create('cell-2', unruly('Update'))).toBe('CREATE_COMPLETE');
    await cloudFormation.send(
      new UpdateStackCommand({
        StackName: 'cell-2',
        TemplateBody: template(unruly('Update', 'Create')),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    );
    expect(await settled('cell-2')).toBe('UPDATE_ROLLBACK_FAILED');
    const { left, stacks } = await destroy();
    expect(stacks).toHaveLength(3);
    expect(left.map((line) => line.replace(/ \S+ of /, ' of '))).toEqual([
      expect.stringMatching(/^Custom::Unruly of tenant-template-basic: .*not on Delete/),
      expect.stringMatching(/^Custom::Unruly of tenant-template-advanced: .*not on Delete/),
    ]);
    expect(await stackNames()).toEqual([]);
  });

  it('give up what can not be deleted, and it is told by name', async () => {
    await create('coreappplane-stack', { Role: role, Log: log() });
    const { Stacks } = await cloudFormation.send(
      new DescribeStacksCommand({ StackName: 'coreappplane-stack' }),
    );
    expect(Stacks).toHaveLength(1);
    // A policy that somebody adds by hand keeps a role from being deleted.
    const iam = new IAMClient(options);
    const { StackResourceSummaries = [] } = await cloudFormation.send(
      new ListStackResourcesCommand({
        StackName: 'coreappplane-stack',
      }),
    );
    const roleName = StackResourceSummaries.find(
      ({ ResourceType }) => ResourceType === 'AWS::IAM::Role',
    )?.PhysicalResourceId;
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: roleName,
        PolicyName: 'by-hand',
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [] }),
      }),
    );
    const { left } = await destroy();
    expect(left).toEqual([expect.stringContaining(`AWS::IAM::Role ${roleName} of coreappplane-stack`)]);
    expect(await stackNames()).toEqual([]);
  });
});

describe('buckets', () => {
  it('are emptied of versions and delete markers, however many', async () => {
    const bucket = 'controlplane-stack-artifacts-1';
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await s3.send(new PutBucketTaggingCommand({ Bucket: bucket, Tagging: { TagSet: mine } }));
    // More than a page (1,000), with versions under one another and markers on top.
    const keys = Array.from({ length: 400 }, (_, index) => `releases/${index}.json`);
    for (const key of keys) {
      for (const Body of ['one', 'two'])
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    }
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(page.IsTruncated).toBe(true);
    const kept = await destroy();
    expect(kept.kept).toEqual([{ kind: 'bucket', name: bucket, size: 'more than 1,000 object versions' }]);
    const plan = await planDestruction(context(), { includeTenants: false, deleteData: true });
    expect(plan.data.map(({ name }) => name)).toEqual([bucket]);
    await destroy({ deleteData: true });
    expect((await s3.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
    // As a run finds it that was killed in between.
    await new Buckets(options).remove({ id: bucket }, new AbortController().signal);
  });

  it('that a stack does not keep are emptied for it', async () => {
    await create('shared-infra-stack', { Site: { Type: 'AWS::S3::Bucket' } });
    const [bucket] = (await s3.send(new ListBucketsCommand({}))).Buckets ?? [];
    await s3.send(new PutObjectCommand({ Bucket: bucket?.Name, Key: 'index.html', Body: 'hello' }));
    expect((await planDestruction(context(), { includeTenants: false, deleteData: false })).data).toEqual([]);
    expect(await destroy()).toMatchObject({ left: [], kept: [] });
    expect((await s3.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
  });
});

describe('what is not this environment', () => {
  it('stays: other environments, other apps, and stacks that only have a name of ours', async () => {
    await create('controlplane-stack', { Registry: table }, { Tags: tagsOf('staging') });
    await create(
      'tenant-t1',
      { Log: log(), Registry: table },
      { Tags: [{ Key: 'saas-ecs:app', Value: 'shop' }] },
    );
    await create('cell-7', { Log: log(), Data: table });
    const done = await destroy({ includeTenants: true, deleteData: true });
    expect(done.stacks.map(({ name }) => name)).toEqual(['cell-7']);
    expect(await stackNames()).toEqual(['controlplane-stack', 'tenant-t1']);
    const { TableNames = [] } = await new DynamoDBClient(options).send(new ListTablesCommand({}));
    expect(TableNames.map((name) => name.split('-').slice(0, 2).join('-')).sort()).toEqual([
      'controlplane-stack',
      'tenant-t1',
    ]);
    const plan = await planDestruction(context(), { includeTenants: false, deleteData: true });
    expect(plan).toMatchObject({ stacks: [], data: [], foreign: ['controlplane-stack'] });
  });

  it('and a stack under termination protection stops it before anything is deleted', async () => {
    await create('tenant-template-basic', { Log: log() });
    await create('shared-infra-stack', { Log: log() }, { EnableTerminationProtection: true });
    await expect(destroy()).rejects.toMatchObject({
      code: 'stack_protected',
      message: expect.stringContaining('shared-infra-stack'),
    });
    expect(await stackNames()).toContain('tenant-template-basic');
  });
});

describe("a silo's stack that no registry knows", () => {
  it('goes only when tenants are to go, and its data only with the data', async () => {
    await create('tenant-lost', { Table: table }, { Tags: tagsOf('lost', { 'saas-ecs:tenant': 'lost' }) });
    const lost = operator({
      target: { app: 'shop', environment: { name: 'lost' }, account: cloud.account, client: options },
    } as never);
    await expect(planDestruction(lost, { includeTenants: false, deleteData: true })).rejects.toMatchObject({
      code: 'tenants_left',
      detail: expect.stringContaining('tenant-lost'),
    });
    const asked = { includeTenants: true, deleteData: false };
    const done = await destroyShared(lost, asked, await planDestruction(lost, asked));
    expect(done).toMatchObject({
      left: [],
      stacks: [{ name: 'tenant-lost' }],
      kept: [{ kind: 'table', name: expect.stringContaining('tenant-lost-Table') }],
    });
  });
});
