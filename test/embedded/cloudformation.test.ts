import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  CreateStackCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeEventsCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  ListStackResourcesCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import {
  DescribeAvailabilityZonesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { allows } from '../../src/embedded/resources/ec2/security-groups.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: CloudFormationClient;
let ec2: EC2Client;
let s3: S3Client;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'cloudformation-'));
  cloud = await startCloud({ stateDir });
  const options = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'admin', secretAccessKey: 'secret' },
    maxAttempts: 1,
  };
  client = new CloudFormationClient(options);
  ec2 = new EC2Client(options);
  s3 = new S3Client({ ...options, forcePathStyle: true });
});
afterAll(async () => {
  for (const each of [client, ec2, s3]) each.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true });
});

const waiting = () => ({ client, maxWaitTime: 30, minDelay: 0.02, maxDelay: 0.05 });
const created = (StackName: string) => waitUntilStackCreateComplete(waiting(), { StackName });
const updated = (StackName: string) => waitUntilStackUpdateComplete(waiting(), { StackName });
const deleted = async (StackName: string) => {
  await client.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting(), { StackName });
};
const outputs = async (StackName: string): Promise<Record<string, string>> => {
  const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
  return Object.fromEntries((stack?.Outputs ?? []).map((o) => [o.OutputKey ?? '', o.OutputValue ?? '']));
};

const network = {
  Parameters: { Cidr: { Type: 'String', Default: '10.0.0.0/16' } },
  Resources: {
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: { Ref: 'Cidr' } } },
    Subnet: {
      Type: 'AWS::EC2::Subnet',
      Properties: {
        VpcId: { Ref: 'Vpc' },
        CidrBlock: { 'Fn::Select': [1, { 'Fn::Cidr': [{ 'Fn::GetAtt': ['Vpc', 'CidrBlock'] }, 4, 8] }] },
        AvailabilityZone: { 'Fn::Select': [0, { 'Fn::GetAZs': '' }] },
      },
    },
  },
  Outputs: {
    SubnetId: { Value: { Ref: 'Subnet' } },
    Where: { Value: { 'Fn::Sub': '${Subnet.CidrBlock} in ${AWS::Region}' } },
  },
};

describe('a stack', () => {
  it('is created, updated and deleted', async () => {
    await client.send(new CreateStackCommand({ StackName: 'net', TemplateBody: JSON.stringify(network) }));
    await created('net');
    expect(await outputs('net')).toEqual({
      SubnetId: expect.stringMatching(/^subnet-[0-9a-f]{17}$/),
      Where: '10.0.1.0/24 in us-east-1',
    });
    await expect(
      client.send(new UpdateStackCommand({ StackName: 'net', TemplateBody: JSON.stringify(network) })),
    ).rejects.toThrow('No updates are to be performed.');

    const before = await client.send(new DescribeStackResourcesCommand({ StackName: 'net' }));
    await client.send(
      new UpdateStackCommand({
        StackName: 'net',
        UsePreviousTemplate: true,
        Parameters: [{ ParameterKey: 'Cidr', ParameterValue: '10.1.0.0/16' }],
      }),
    );
    await updated('net');
    const after = await client.send(new DescribeStackResourcesCommand({ StackName: 'net' }));
    expect(after.StackResources?.map((r) => r.PhysicalResourceId)).not.toEqual(
      before.StackResources?.map((r) => r.PhysicalResourceId),
    );

    const { StackEvents: events = [] } = await client.send(
      new DescribeStackEventsCommand({ StackName: 'net' }),
    );
    expect(events.map((e) => `${e.LogicalResourceId} ${e.ResourceStatus}`).reverse()).toEqual([
      'net CREATE_IN_PROGRESS',
      'Vpc CREATE_IN_PROGRESS',
      'Vpc CREATE_COMPLETE',
      'Subnet CREATE_IN_PROGRESS',
      'Subnet CREATE_COMPLETE',
      'net CREATE_COMPLETE',
      'net UPDATE_IN_PROGRESS',
      'Vpc UPDATE_IN_PROGRESS',
      'Vpc UPDATE_COMPLETE',
      'Subnet UPDATE_IN_PROGRESS',
      'Subnet UPDATE_COMPLETE',
      'net UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      'Subnet DELETE_IN_PROGRESS',
      'Subnet DELETE_COMPLETE',
      'Vpc DELETE_IN_PROGRESS',
      'Vpc DELETE_COMPLETE',
      'net UPDATE_COMPLETE',
    ]);
    await deleted('net');
  });

  it("comes from CDK's own bootstrap template", async () => {
    const toolkit = path.dirname(createRequire(import.meta.url).resolve('@aws-cdk/toolkit-lib/package.json'));
    const TemplateBody = await readFile(
      path.join(toolkit, 'lib/api/bootstrap/bootstrap-template.yaml'),
      'utf8',
    );
    const summary = await client.send(new GetTemplateSummaryCommand({ TemplateBody }));
    expect(summary.Capabilities).toEqual(['CAPABILITY_NAMED_IAM']);
    await expect(
      client.send(new CreateStackCommand({ StackName: 'CDKToolkit', TemplateBody })),
    ).rejects.toMatchObject({
      name: 'InsufficientCapabilitiesException',
    });
    await client.send(
      new CreateStackCommand({
        StackName: 'CDKToolkit',
        TemplateBody,
        Capabilities: ['CAPABILITY_NAMED_IAM'],
      }),
    );
    await created('CDKToolkit');
    expect(await outputs('CDKToolkit')).toMatchObject({
      BucketName: 'cdk-hnb659fds-assets-000000000000-us-east-1',
      BootstrapVersion: expect.stringMatching(/^\d+$/),
    });
    const { TemplateBody: kept } = await client.send(new GetTemplateCommand({ StackName: 'CDKToolkit' }));
    expect(kept).toBe(TemplateBody);
    await deleted('CDKToolkit');
  });
});

describe('a change set', () => {
  const names = { StackName: 'reviewed', ChangeSetName: 'first' };

  it('makes a stack that waits for review, creates it, and says when nothing changes', async () => {
    await client.send(
      new CreateChangeSetCommand({
        ...names,
        ChangeSetType: 'CREATE',
        TemplateBody: JSON.stringify(network),
      }),
    );
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: 'reviewed' }));
    expect(stack?.StackStatus).toBe('REVIEW_IN_PROGRESS');
    const described = await client.send(
      new DescribeChangeSetCommand({ ...names, IncludePropertyValues: true }),
    );
    expect(described).toMatchObject({ Status: 'CREATE_COMPLETE', ExecutionStatus: 'AVAILABLE' });
    expect(
      described.Changes?.map((c) => `${c.ResourceChange?.Action} ${c.ResourceChange?.LogicalResourceId}`),
    ).toEqual(['Add Vpc', 'Add Subnet']);
    await client.send(new ExecuteChangeSetCommand(names));
    await created('reviewed');

    const second = { StackName: 'reviewed', ChangeSetName: 'second' };
    await client.send(new CreateChangeSetCommand({ ...second, TemplateBody: JSON.stringify(network) }));
    expect(await client.send(new DescribeChangeSetCommand(second))).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason: expect.stringMatching(/^The submitted information didn't contain changes\./),
    });
    await client.send(new DeleteChangeSetCommand(second));
    await expect(client.send(new DescribeChangeSetCommand(second))).rejects.toMatchObject({
      name: 'ChangeSetNotFoundException',
    });
  });

  it('shows what is replaced, and what follows from it', async () => {
    const third = { StackName: 'reviewed', ChangeSetName: 'third' };
    await client.send(
      new CreateChangeSetCommand({
        ...third,
        UsePreviousTemplate: true,
        Parameters: [{ ParameterKey: 'Cidr', ParameterValue: '10.2.0.0/16' }],
      }),
    );
    const { Changes: changes = [] } = await client.send(
      new DescribeChangeSetCommand({ ...third, IncludePropertyValues: true }),
    );
    expect(changes.map((c) => [c.ResourceChange?.LogicalResourceId, c.ResourceChange?.Replacement])).toEqual([
      ['Vpc', 'True'],
      ['Subnet', 'Conditional'],
    ]);
    expect(changes[0]?.ResourceChange?.Details?.[0]).toMatchObject({
      Target: {
        Name: 'CidrBlock',
        RequiresRecreation: 'Always',
        BeforeValue: '10.0.0.0/16',
        AfterValue: '10.2.0.0/16',
      },
      Evaluation: 'Static',
    });
    await client.send(new ExecuteChangeSetCommand(third));
    await updated('reviewed');
    expect((await outputs('reviewed'))['Where']).toBe('10.2.1.0/24 in us-east-1');
  });

  it('fails for properties that do not fit, with where they stand', async () => {
    const fourth = { StackName: 'reviewed', ChangeSetName: 'fourth' };
    const wrong = { Resources: { Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlok: 'x' } } } };
    await client.send(new CreateChangeSetCommand({ ...fourth, TemplateBody: JSON.stringify(wrong) }));
    expect((await client.send(new DescribeChangeSetCommand(fourth))).StatusReason).toContain(
      'AWS::EarlyValidation',
    );
    const { OperationEvents: problems } = await client.send(
      new DescribeEventsCommand({ ...fourth, Filters: { FailedEvents: true } }),
    );
    expect(problems).toMatchObject([
      {
        LogicalResourceId: 'Vpc',
        ValidationPath: '/Resources/Vpc/Properties',
        ValidationStatusReason: 'extraneous key [CidrBlok] is not permitted',
      },
    ]);
    await deleted('reviewed');
  });
});

describe('a nested stack', () => {
  it('comes and goes with its parent, and gives its outputs', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'templates' }));
    await s3.send(
      new PutObjectCommand({ Bucket: 'templates', Key: 'net.json', Body: JSON.stringify(network) }),
    );
    const parent = (cidr: string) =>
      JSON.stringify({
        Resources: {
          Net: {
            Type: 'AWS::CloudFormation::Stack',
            Properties: {
              TemplateURL: { 'Fn::Sub': 'https://s3.${AWS::Region}.${AWS::URLSuffix}/templates/net.json' },
              Parameters: { Cidr: cidr },
            },
          },
        },
        Outputs: { Where: { Value: { 'Fn::GetAtt': ['Net', 'Outputs.Where'] } } },
      });
    await client.send(new CreateStackCommand({ StackName: 'parent', TemplateBody: parent('10.3.0.0/16') }));
    await created('parent');
    expect((await outputs('parent'))['Where']).toBe('10.3.1.0/24 in us-east-1');
    const { StackResourceSummaries: [nested] = [] } = await client.send(
      new ListStackResourcesCommand({ StackName: 'parent' }),
    );
    const { Stacks: [child] = [] } = await client.send(
      new DescribeStacksCommand({ StackName: nested?.PhysicalResourceId }),
    );
    expect(child).toMatchObject({
      StackStatus: 'CREATE_COMPLETE',
      ParentId: expect.stringContaining('stack/parent/'),
    });

    await client.send(new UpdateStackCommand({ StackName: 'parent', TemplateBody: parent('10.4.0.0/16') }));
    await updated('parent');
    expect((await outputs('parent'))['Where']).toBe('10.4.1.0/24 in us-east-1');
    await deleted('parent');
    const gone = await client.send(new DescribeStacksCommand({ StackName: nested?.PhysicalResourceId }));
    expect(gone.Stacks?.[0]?.StackStatus).toBe('DELETE_COMPLETE');
  });

  it('fails with its own reason', async () => {
    await s3.send(
      new PutObjectCommand({
        Bucket: 'templates',
        Key: 'bad.json',
        Body: JSON.stringify({
          Resources: { Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: 'vpc-1' } } },
        }),
      }),
    );
    const template = {
      Resources: {
        Net: {
          Type: 'AWS::CloudFormation::Stack',
          Properties: { TemplateURL: 'https://templates.s3.us-east-1.amazonaws.com/bad.json' },
        },
      },
    };
    await client.send(new CreateStackCommand({ StackName: 'bad', TemplateBody: JSON.stringify(template) }));
    await expect(created('bad')).rejects.toThrow();
    const { StackEvents: events = [] } = await client.send(
      new DescribeStackEventsCommand({ StackName: 'bad' }),
    );
    expect(events.find((e) => e.ResourceStatus === 'CREATE_FAILED')?.ResourceStatusReason).toContain(
      "The vpc ID 'vpc-1' does not exist",
    );
    await deleted('bad');
  });
});

describe('a custom resource', () => {
  const template = (text: string) =>
    JSON.stringify({
      Resources: {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: {
            AssumeRolePolicyDocument: {
              Version: '2012-10-17',
              Statement: [
                { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
              ],
            },
          },
        },
        Function: {
          Type: 'AWS::Lambda::Function',
          Properties: {
            Runtime: 'nodejs22.x',
            Handler: 'index.handler',
            Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Code: {
              ZipFile: `
                exports.handler = async (event) => {
                  const failed = event.ResourceProperties.Text === 'fail';
                  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
                    Status: failed ? 'FAILED' : 'SUCCESS', Reason: 'told to',
                    PhysicalResourceId: 'thing', RequestId: event.RequestId,
                    StackId: event.StackId, LogicalResourceId: event.LogicalResourceId,
                    Data: { Said: event.RequestType + ' ' + event.ResourceType + ' ' + event.ResourceProperties.Text
                      + ' ' + typeof event.ResourceProperties.Number },
                  }) });
                };`,
            },
          },
        },
        Custom: {
          Type: 'Custom::Echo',
          Properties: { ServiceToken: { 'Fn::GetAtt': ['Function', 'Arn'] }, Text: text, Number: 1 },
        },
      },
      Outputs: { Said: { Value: { 'Fn::GetAtt': ['Custom', 'Said'] } } },
    });
  const stack = { StackName: 'custom', Capabilities: ['CAPABILITY_IAM' as const] };

  it('is what its function makes of it', async () => {
    await client.send(new CreateStackCommand({ ...stack, TemplateBody: template('one') }));
    await created('custom');
    expect(await outputs('custom')).toEqual({ Said: 'Create Custom::Echo one string' });
    await client.send(new UpdateStackCommand({ ...stack, TemplateBody: template('two') }));
    await updated('custom');
    expect(await outputs('custom')).toEqual({ Said: 'Update Custom::Echo two string' });
    await client.send(new UpdateStackCommand({ ...stack, TemplateBody: template('fail') }));
    await expect(updated('custom')).rejects.toThrow();
    const { StackEvents: events = [] } = await client.send(
      new DescribeStackEventsCommand({ StackName: 'custom' }),
    );
    expect(events.find((e) => e.ResourceStatus === 'UPDATE_FAILED')?.ResourceStatusReason).toBe(
      'Received response status [FAILED] from custom resource. Message returned: told to',
    );
    await deleted('custom');
  });
});

describe('the network of a stack', () => {
  it('is described by EC2, and its security groups are evaluated', async () => {
    const template = {
      Resources: {
        ...network.Resources,
        Vpc: {
          Type: 'AWS::EC2::VPC',
          Properties: { CidrBlock: '10.9.0.0/16', Tags: [{ Key: 'Name', Value: 'main' }] },
        },
        Front: {
          Type: 'AWS::EC2::SecurityGroup',
          Properties: { GroupDescription: 'front', VpcId: { Ref: 'Vpc' } },
        },
        Back: {
          Type: 'AWS::EC2::SecurityGroup',
          Properties: { GroupDescription: 'back', VpcId: { Ref: 'Vpc' } },
        },
        Rule: {
          Type: 'AWS::EC2::SecurityGroupIngress',
          Properties: {
            GroupId: { 'Fn::GetAtt': ['Back', 'GroupId'] },
            IpProtocol: 'tcp',
            FromPort: 3000,
            ToPort: 3010,
            SourceSecurityGroupId: { Ref: 'Front' },
          },
        },
      },
      Outputs: {
        Front: { Value: { Ref: 'Front' } },
        Back: { Value: { Ref: 'Back' } },
        Vpc: { Value: { Ref: 'Vpc' } },
      },
    };
    await client.send(
      new CreateStackCommand({ StackName: 'groups', TemplateBody: JSON.stringify(template) }),
    );
    await created('groups');
    const { Front: front = '', Back: back = '', Vpc: vpc = '' } = await outputs('groups');
    const zones = await ec2.send(new DescribeAvailabilityZonesCommand({}));
    expect(zones.AvailabilityZones?.map((zone) => zone.ZoneName)).toEqual([
      'us-east-1a',
      'us-east-1b',
      'us-east-1c',
    ]);
    const subnets = await ec2.send(
      new DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }),
    );
    expect(subnets.Subnets).toMatchObject([{ CidrBlock: '10.9.1.0/24', AvailabilityZone: 'us-east-1a' }]);
    const { SecurityGroups: [group] = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [back] }),
    );
    expect(group?.IpPermissions).toMatchObject([
      { IpProtocol: 'tcp', FromPort: 3000, ToPort: 3010, UserIdGroupPairs: [{ GroupId: front }] },
    ]);
    expect(allows(cloud, [front], [back], 3010)).toBe(true);
    expect(allows(cloud, [front], [back], 3011)).toBe(false);
    expect(allows(cloud, [back], [front], 3010)).toBe(false);
    await deleted('groups');
  });
});
