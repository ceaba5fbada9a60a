import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Principal, Properties, ResourceContext, ResourceType } from '../../src/embedded/platform.ts';

const account = '123456789012';
const trust = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ],
};
const allowing = (action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
});
const basic = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';

let directory: string;
let cloud: RunningCloud;
let client: IAMClient;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-iam-'));
  cloud = await startCloud({ stateDir: directory, account });
  client = new IAMClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

const createRole = (RoleName: string, document: object = trust) =>
  client.send(
    new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(document), Path: '/app/' }),
  );

/** What a role's session may do, asked of the same function that every service asks. */
function may(roleName: string, action: string): boolean {
  const issued = cloud.sts.issueForService(
    `arn:aws:iam::${account}:role/${roleName}`,
    'ecs-tasks.amazonaws.com',
    'test',
  );
  const principal: Principal = cloud.sts.principalOf(issued.accessKeyId, issued.sessionToken);
  try {
    cloud.iam.authorize(principal, { action, resource: '*' });
    return true;
  } catch {
    return false;
  }
}

describe('the API', () => {
  it('makes, shows and lists roles', async () => {
    await createRole('api-a');
    await createRole('api-b');
    const { Role } = await client.send(new GetRoleCommand({ RoleName: 'api-a' }));
    expect(Role).toMatchObject({ Arn: `arn:aws:iam::${account}:role/app/api-a`, MaxSessionDuration: 3600 });
    expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''))).toEqual(trust);
    const first = await client.send(new ListRolesCommand({ PathPrefix: '/app/', MaxItems: 1 }));
    expect(first.IsTruncated).toBe(true);
    const rest = await client.send(new ListRolesCommand({ PathPrefix: '/app/', Marker: first.Marker }));
    expect([...(first.Roles ?? []), ...(rest.Roles ?? [])].map((role) => role.RoleName)).toEqual([
      'api-a',
      'api-b',
    ]);
    await expect(createRole('api-a')).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' });
  });

  it('holds on to a role that has policies', async () => {
    await createRole('held');
    await client.send(
      new PutRolePolicyCommand({
        RoleName: 'held',
        PolicyName: 'p',
        PolicyDocument: JSON.stringify(allowing('s3:GetObject')),
      }),
    );
    await client.send(new AttachRolePolicyCommand({ RoleName: 'held', PolicyArn: basic }));
    await expect(client.send(new DeleteRoleCommand({ RoleName: 'held' }))).rejects.toMatchObject({
      name: 'DeleteConflictException',
    });
    expect((await client.send(new ListRolePoliciesCommand({ RoleName: 'held' }))).PolicyNames).toEqual(['p']);
    const { PolicyDocument } = await client.send(
      new GetRolePolicyCommand({ RoleName: 'held', PolicyName: 'p' }),
    );
    expect(JSON.parse(decodeURIComponent(PolicyDocument ?? ''))).toEqual(allowing('s3:GetObject'));
    const { AttachedPolicies } = await client.send(new ListAttachedRolePoliciesCommand({ RoleName: 'held' }));
    expect(AttachedPolicies).toEqual([{ PolicyName: 'AWSLambdaBasicExecutionRole', PolicyArn: basic }]);
    await client.send(new DetachRolePolicyCommand({ RoleName: 'held', PolicyArn: basic }));
  });

  it('lets a new version of a managed policy act at once', async () => {
    await client.send(
      new CreateRoleCommand({ RoleName: 'versions', AssumeRolePolicyDocument: JSON.stringify(trust) }),
    );
    const { Policy } = await client.send(
      new CreatePolicyCommand({
        PolicyName: 'versioned',
        PolicyDocument: JSON.stringify(allowing('s3:GetObject')),
      }),
    );
    const PolicyArn = Policy?.Arn;
    await client.send(new AttachRolePolicyCommand({ RoleName: 'versions', PolicyArn }));
    expect([may('versions', 's3:GetObject'), may('versions', 's3:PutObject')]).toEqual([true, false]);
    await client.send(
      new CreatePolicyVersionCommand({
        PolicyArn,
        PolicyDocument: JSON.stringify(allowing('s3:PutObject')),
        SetAsDefault: true,
      }),
    );
    expect([may('versions', 's3:GetObject'), may('versions', 's3:PutObject')]).toEqual([false, true]);
    const { Policies } = await client.send(new ListPoliciesCommand({ Scope: 'Local' }));
    expect(Policies).toMatchObject([{ PolicyName: 'versioned', AttachmentCount: 1, DefaultVersionId: 'v2' }]);
    const { PolicyVersion } = await client.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
    expect(PolicyVersion?.IsDefaultVersion).toBe(false);
  });

  it('refuses malformed documents and principals that do not exist', async () => {
    for (const document of [
      { Version: '2012-10-17' },
      {
        ...trust,
        Statement: [{ ...trust.Statement[0], Principal: { AWS: `arn:aws:iam::${account}:role/nobody` } }],
      },
    ])
      await expect(createRole('malformed', document)).rejects.toMatchObject({
        name: 'MalformedPolicyDocumentException',
      });
  });
});

describe('the CloudFormation types', () => {
  let serial = 0;
  const context = (logicalId: string): ResourceContext => {
    const name = `stack-${logicalId}-${++serial}`;
    return {
      stackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1',
      stackName: 'stack',
      logicalId,
      tags: { app: 'test' },
      signal: new AbortController().signal,
      physicalName: () => name,
    };
  };
  const type = (name: string): ResourceType => {
    const found = cloud.services.find((service) => service.signingName === 'iam')?.resourceTypes?.[name];
    if (!found) throw new Error(`${name} is not there`);
    return found;
  };

  it('give a role its policies, change them, and take all away', async () => {
    const role = type('AWS::IAM::Role');
    const inline = type('AWS::IAM::Policy');
    const managed = type('AWS::IAM::ManagedPolicy');
    const before: Properties = {
      AssumeRolePolicyDocument: trust,
      ManagedPolicyArns: [basic],
      Policies: [{ PolicyName: 'own', PolicyDocument: allowing('s3:GetObject') }],
      Tags: [{ Key: 'more', Value: 'x' }],
    };
    const { physicalId, attributes } = await role.create(context('Role'), before);
    expect(attributes?.['Arn']).toBe(`arn:aws:iam::${account}:role/${physicalId}`);
    const grant = { PolicyName: 'grant', PolicyDocument: allowing('sqs:SendMessage'), Roles: [physicalId] };
    const policy = await inline.create(context('Policy'), grant);
    const shared = await managed.create(context('Shared'), {
      PolicyDocument: allowing('sns:Publish'),
      Roles: [physicalId],
    });
    const actions = [
      's3:GetObject',
      'logs:PutLogEvents',
      'sqs:SendMessage',
      'sns:Publish',
      'ec2:RunInstances',
    ];
    expect(actions.map((action) => may(physicalId, action))).toEqual([true, true, true, true, false]);
    const { Role } = await client.send(new GetRoleCommand({ RoleName: physicalId }));
    expect(Role?.Tags).toEqual([
      { Key: 'app', Value: 'test' },
      { Key: 'more', Value: 'x' },
    ]);

    const after: Properties = {
      AssumeRolePolicyDocument: trust,
      Policies: [{ PolicyName: 'other', PolicyDocument: allowing('ec2:RunInstances') }],
    };
    await role.update?.(context('Role'), physicalId, after, before);
    expect(actions.map((action) => may(physicalId, action))).toEqual([false, false, true, true, true]);
    const changed = { ...grant, PolicyDocument: allowing('s3:GetObject') };
    await inline.update?.(context('Policy'), policy.physicalId, changed, grant);
    expect(actions.map((action) => may(physicalId, action))).toEqual([true, false, false, true, true]);

    await expect(async () => role.delete(context('Role'), physicalId, after)).rejects.toThrow(/first/);
    await inline.delete(context('Policy'), policy.physicalId, changed);
    await managed.delete(context('Shared'), shared.physicalId, { Roles: [physicalId] });
    await role.delete(context('Role'), physicalId, {});
    await role.delete(context('Role'), physicalId, {});
    await expect(client.send(new GetRoleCommand({ RoleName: physicalId }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
  });

  it('leave no role behind when one of its policies is refused', async () => {
    const role = type('AWS::IAM::Role');
    await expect(async () =>
      role.create(context('Broken'), {
        RoleName: 'half-made',
        AssumeRolePolicyDocument: trust,
        ManagedPolicyArns: ['arn:aws:iam::aws:policy/NoSuchPolicy'],
      }),
    ).rejects.toMatchObject({ code: 'NoSuchEntity' });
    await expect(client.send(new GetRoleCommand({ RoleName: 'half-made' }))).rejects.toThrow();
  });

  it('make instance profiles and service-linked roles', async () => {
    await createRole('instances');
    const profile = await type('AWS::IAM::InstanceProfile').create(context('Profile'), {
      Roles: ['instances'],
    });
    expect(profile.attributes?.['Arn']).toContain(':instance-profile/');
    const linked = await type('AWS::IAM::ServiceLinkedRole').create(context('Linked'), {
      AWSServiceName: 'ecs.amazonaws.com',
    });
    expect(linked.physicalId).toBe('AWSServiceRoleForECS');
  });

  it('stop at a thousand roles, as the account does', async () => {
    const role = type('AWS::IAM::Role');
    await expect(async () => {
      for (let n = 0; n <= 1000; n++)
        await role.create(context('Many'), { RoleName: `many-${n}`, AssumeRolePolicyDocument: trust });
    }).rejects.toMatchObject({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for RolesPerAccount: 1000',
    });
  });
});
