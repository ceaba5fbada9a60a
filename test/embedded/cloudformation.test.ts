import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: CloudFormationClient;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'cloudformation-'));
  cloud = await startCloud({ stateDir });
  client = new CloudFormationClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'admin', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true });
});

const waiting = () => ({ client, maxWaitTime: 20, minDelay: 0.02, maxDelay: 0.05 });

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
    await waitUntilStackCreateComplete(waiting(), { StackName: 'net' });
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: 'net' }));
    expect(Object.fromEntries((stack?.Outputs ?? []).map((o) => [o.OutputKey, o.OutputValue]))).toEqual({
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
    await waitUntilStackUpdateComplete(waiting(), { StackName: 'net' });
    const after = await client.send(new DescribeStackResourcesCommand({ StackName: 'net' }));
    expect(after.StackResources?.map((r) => r.PhysicalResourceId)).not.toEqual(
      before.StackResources?.map((r) => r.PhysicalResourceId),
    );

    const { StackEvents: events = [] } = await client.send(
      new DescribeStackEventsCommand({ StackName: 'net' }),
    );
    expect(events.map((e) => `${e.LogicalResourceId} ${e.ResourceStatus}`).reverse()).toMatchSnapshot();

    await client.send(new DeleteStackCommand({ StackName: 'net' }));
    await waitUntilStackDeleteComplete(waiting(), { StackName: 'net' });
  });
});
