import { APIGatewayClient, GetApiKeysCommand, GetUsagePlansCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CognitoIdentityProviderClient,
  ListUserPoolsCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ECRClient, ListImagesCommand } from '@aws-sdk/client-ecr';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import type { DestroyedShared, DestructionPlan } from '../../src/services/deployment/destroy-shared.ts';
import { newProject, type Project } from './project.ts';
import { startToDie } from './started.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject('--tiers', 'basic,premium', '--services', 'products');
  await project.json('deploy-shared');
});
afterAll(() => project.remove());

const onboard = (tier: string, name: string): Promise<Tenant> =>
  project.json('onboard', '--tier', tier, '--name', name, '--email', `a@${name}.example`);

/** What the account holds, in words, apart from what the CDK keeps there for all apps. */
async function account(): Promise<string[]> {
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
  const options = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
  };
  const named = async (kind: string, names: Promise<(string | undefined)[] | undefined>): Promise<string[]> =>
    ((await names) ?? []).map((name) => `${kind} ${name ?? ''}`);
  const gateway = new APIGatewayClient(options);
  const found = await Promise.all([
    named(
      'stack',
      new CloudFormationClient(options)
        .send(new DescribeStacksCommand({}))
        .then(({ Stacks }) => Stacks?.map(({ StackName }) => StackName)),
    ),
    named(
      'table',
      new DynamoDBClient(options).send(new ListTablesCommand({})).then(({ TableNames }) => TableNames),
    ),
    named(
      'user pool',
      new CognitoIdentityProviderClient(options)
        .send(new ListUserPoolsCommand({ MaxResults: 60 }))
        .then(({ UserPools }) => UserPools?.map(({ Name }) => Name)),
    ),
    named(
      'bucket',
      new S3Client(options)
        .send(new ListBucketsCommand({}))
        .then(({ Buckets }) => Buckets?.map(({ Name }) => Name)),
    ),
    named(
      'secret',
      new SecretsManagerClient(options)
        .send(new ListSecretsCommand({}))
        .then(({ SecretList }) => SecretList?.map(({ Name }) => Name)),
    ),
    named(
      'log group',
      new CloudWatchLogsClient(options)
        .send(new DescribeLogGroupsCommand({}))
        .then(({ logGroups }) => logGroups?.map(({ logGroupName }) => logGroupName)),
    ),
    named(
      'API key',
      gateway.send(new GetApiKeysCommand({ limit: 500 })).then(({ items }) => items?.map(({ name }) => name)),
    ),
    named(
      'usage plan',
      gateway
        .send(new GetUsagePlansCommand({ limit: 500 }))
        .then(({ items }) => items?.map(({ name }) => name)),
    ),
    named(
      'image',
      new ECRClient(options)
        .send(
          new ListImagesCommand({ repositoryName: 'cdk-hnb659fds-container-assets-000000000000-us-east-1' }),
        )
        .then(({ imageIds }) => imageIds?.map(({ imageTag }) => imageTag)),
    ),
  ]);
  return found.flat().sort();
}

const ofTheCdk = ['bucket cdk-hnb659fds-assets-000000000000-us-east-1', 'stack CDKToolkit'];

describe('destroy-shared', () => {
  it('refuses while tenants live, and names them', async () => {
    await onboard('basic', 'alder');
    await onboard('premium', 'beech');
    // Limits of its own are on a usage plan that no stack has.
    await project.json('throttle', '--tenant', 'alder', '--rate', '77');
    const { error } = (await project.cli('destroy-shared', '--confirm', 'shop', '--json')).json();
    expect(error).toMatchObject({ code: 'tenants_left', exitCode: 1 });
    expect(error.detail).toMatch(/alder \(basic, active\)[\s\S]*beech \(premium, active\)/);
    expect(error.hint).toContain('--include-tenants');
  });

  it('lists what would go and what would be kept, and deletes nothing', async () => {
    const plan = await project.json<DestructionPlan>('destroy-shared', '--include-tenants', '--dry-run');
    expect(plan.tenants.map(({ name }) => name)).toEqual(['alder', 'beech']);
    expect(plan.stacks.map(({ name }) => name)).toEqual([
      'tenant-template-basic',
      'coreappplane-stack',
      'shared-infra-stack',
      'controlplane-stack',
    ]);
    expect(plan.limits.map(({ name }) => name)).toEqual([expect.stringContaining('shop-local-77')]);
    expect(plan.images).toHaveLength(1);
    // Not the premium tenant's own: they go with it.
    expect(plan.data.map(({ kind }) => kind).sort()).toEqual([
      'bucket',
      'secret',
      'table',
      'table',
      'user pool',
      'user pool',
    ]);
    const { tenants } = await project.json<{ tenants: Tenant[] }>('list-tenants');
    expect(tenants.map(({ status }) => status)).toEqual(['active', 'active']);
  });

  it("wants the words that name the data, not the app's name alone, where data goes", async () => {
    const all = ['destroy-shared', '--include-tenants', '--delete-data'];
    expect((await project.cli(...all)).code).toBe(2);
    const ran = await project.cli(...all, '--confirm', 'shop', '--json');
    expect(ran.code).toBe(2);
    expect(ran.json().error.code).toBe('confirmation_differs');
    expect(ran.stderr).toMatch(/This DATA goes as well[\s\S]*table controlplane-stack-Registry/);
    expect(
      (await project.cli('destroy-shared', '--include-tenants', '--confirm', 'shop and its data')).code,
    ).toBe(2);
    expect(await project.json('describe-tenant', 'alder')).toMatchObject({ status: 'active' });
  });

  it('offboards the tenants, takes the stacks down, and keeps the data by name', async () => {
    const before = await account();
    const destroyed = await project.json<DestroyedShared>(
      ...['destroy-shared', '--include-tenants', '--confirm', 'shop'],
    );
    expect(destroyed.left).toEqual([]);
    expect(destroyed.tenants).toEqual(['alder', 'beech']);
    expect(destroyed.stacks).toHaveLength(4);
    const after = await account();
    const kept = before.filter((line) =>
      /^(table|user pool|bucket|secret) (controlplane-stack|tenant-template|ApiKey)/.test(line),
    );
    expect(kept).toHaveLength(6);
    expect(after).toEqual([...ofTheCdk, ...kept].sort());
    expect(destroyed.kept).toHaveLength(6);
    expect((await project.cli('list-tenants', '--json')).json().error.code).toBe('not_deployed');
  });

  it('leaves the way free for a new deployment beside what was kept', async () => {
    const again = await project.cli('destroy-shared');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toMatch(/Nothing is deployed\.\nKept from before:[\s\S]*--delete-data/);
    await project.json('deploy-shared');
    expect(await onboard('premium', 'beech')).toMatchObject({ status: 'active' });
  });

  it('is killed with -9 at every step, goes on each time, and with --delete-data leaves nothing', async () => {
    const all = ['destroy-shared', '--include-tenants', '--delete-data', '--confirm', 'shop and its data'];
    for (const step of [
      'tenants',
      'tenant-template-basic',
      'images',
      'shared-infra-stack',
      'controlplane-stack',
      'data',
    ]) {
      const killed = await startToDie(project, all, 'step-started', step);
      expect(killed.signal, `${step}: ${JSON.stringify(killed.last)}`).toBe('SIGKILL');
    }
    const destroyed = await project.json<DestroyedShared>(...all);
    expect(destroyed).toMatchObject({ left: [], kept: [] });
    expect(await account()).toEqual(ofTheCdk);
    expect((await project.cli(...all)).stdout).toBe('Nothing is deployed.\n');
  }, 180_000);
});
