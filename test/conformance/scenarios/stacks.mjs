/** DynamoDB's tables, CloudFormation, ECS, load balancers: what a tenant's stack is made, read and deleted by. */
import * as cloudformation from '@aws-sdk/client-cloudformation';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as ecs from '@aws-sdk/client-ecs';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';

const key = { tenantId: { S: 't' }, orderId: { S: '1' } };
const table = { TableName: 'conformance' };
const parameter = (value) =>
  JSON.stringify({
    Parameters: { Suffix: { Type: 'String', Default: 'x' } },
    Resources: {
      Parameter: {
        Type: 'AWS::SSM::Parameter',
        Properties: { Name: '/stack/conformance', Type: 'String', Value: value },
      },
    },
    Outputs: { Name: { Value: { Ref: 'Parameter' } } },
  });
const done = ({ Stacks: [stack] }) => !/IN_PROGRESS$/.test(stack.StackStatus);
const subnet = (number) => ({
  Type: 'AWS::EC2::Subnet',
  Properties: {
    VpcId: { Ref: 'Vpc' },
    CidrBlock: `10.0.${number}.0/24`,
    AvailabilityZone: `us-east-1${'ab'[number]}`,
  },
});
const network = JSON.stringify({
  Resources: {
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    A: subnet(0),
    B: subnet(1),
    Balancer: {
      Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
      Properties: {
        Name: 'conformance',
        Scheme: 'internal',
        Type: 'application',
        Subnets: [{ Ref: 'A' }, { Ref: 'B' }],
      },
    },
    Group: {
      Type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
      Properties: {
        Name: 'conformance',
        VpcId: { Ref: 'Vpc' },
        Port: 80,
        Protocol: 'HTTP',
        TargetType: 'ip',
      },
    },
    Listener: {
      Type: 'AWS::ElasticLoadBalancingV2::Listener',
      Properties: {
        LoadBalancerArn: { Ref: 'Balancer' },
        Port: 80,
        Protocol: 'HTTP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Group' } }],
      },
    },
  },
});

export const stacks = {
  DynamoDB: {
    Client: dynamodb.DynamoDBClient,
    module: dynamodb,
    steps: [
      [
        'CreateTable',
        {
          ...table,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [
            { AttributeName: 'tenantId', KeyType: 'HASH' },
            { AttributeName: 'orderId', KeyType: 'RANGE' },
          ],
          AttributeDefinitions: [
            { AttributeName: 'tenantId', AttributeType: 'S' },
            { AttributeName: 'orderId', AttributeType: 'S' },
          ],
          DeletionProtectionEnabled: true,
        },
      ],
      [
        'DescribeTable',
        table,
        {
          until: ({ Table }) => Table.TableStatus === 'ACTIVE',
          save: ({ Table }, saved) => Object.assign(saved, { table: Table.TableArn }),
        },
      ],
      ['DescribeTable', { TableName: 'none' }, { as: 'DynamoDB DescribeTable unknown' }],
      ['ListTables', {}],
      ['TagResource', (saved) => ({ ResourceArn: saved.table, Tags: [{ Key: 'app', Value: 'shop' }] })],
      ['ListTagsOfResource', (saved) => ({ ResourceArn: saved.table })],
      ['PutItem', { ...table, Item: { ...key, n: { N: '1' } } }],
      [
        'PutItem',
        { ...table, Item: key, ConditionExpression: 'attribute_not_exists(tenantId)' },
        { as: 'DynamoDB PutItem, condition fails' },
      ],
      ['PutItem', { ...table, Item: { tenantId: { S: 't' } } }, { as: 'DynamoDB PutItem, key missing' }],
      ['GetItem', { ...table, Key: key }],
      [
        'UpdateItem',
        {
          ...table,
          Key: key,
          UpdateExpression: 'SET n = n + :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
          ReturnValues: 'ALL_NEW',
        },
      ],
      [
        'Query',
        {
          ...table,
          KeyConditionExpression: 'tenantId = :t',
          ExpressionAttributeValues: { ':t': { S: 't' } },
        },
      ],
      [
        'TransactWriteItems',
        {
          TransactItems: [
            { Put: { ...table, Item: key, ConditionExpression: 'attribute_not_exists(tenantId)' } },
          ],
        },
        { as: 'DynamoDB TransactWriteItems, condition fails' },
      ],
      [
        'TransactWriteItems',
        {
          TransactItems: [
            { ConditionCheck: { ...table, Key: key, ConditionExpression: 'attribute_not_exists(tenantId)' } },
          ],
        },
        { as: 'DynamoDB TransactWriteItems, a check fails' },
      ],
      ['BatchWriteItem', { RequestItems: { conformance: [{ DeleteRequest: { Key: key } }] } }],
      ['GetItem', { ...table, Key: key }, { as: 'DynamoDB GetItem unknown' }],
      ['DeleteTable', table, { as: 'DynamoDB DeleteTable, protected' }],
      ['UpdateTable', { ...table, DeletionProtectionEnabled: false }],
      [
        'DescribeTable',
        table,
        { until: ({ Table }) => Table.TableStatus === 'ACTIVE', as: 'DynamoDB DescribeTable, unprotected' },
      ],
      ['DeleteTable', table],
    ],
  },
  CloudFormation: {
    Client: cloudformation.CloudFormationClient,
    module: cloudformation,
    steps: [
      [
        'CreateStack',
        { StackName: 'conformance', TemplateBody: parameter('first'), Tags: [{ Key: 'app', Value: 'shop' }] },
      ],
      ['DescribeStacks', { StackName: 'conformance' }, { until: done }],
      [
        'CreateStack',
        { StackName: 'conformance', TemplateBody: parameter('x') },
        { as: 'CloudFormation CreateStack that exists' },
      ],
      [
        'CreateStack',
        {
          StackName: 'bad',
          TemplateBody:
            '{"Resources":{"A":{"Type":"AWS::SSM::Parameter","Properties":{"Value":{"Ref":"Nope"}}}}}',
        },
        { as: 'CloudFormation CreateStack, an unresolved Ref' },
      ],
      ['ListStackResources', { StackName: 'conformance' }],
      ['GetTemplate', { StackName: 'conformance', TemplateStage: 'Original' }],
      ['GetTemplate', { StackName: 'none' }, { as: 'CloudFormation GetTemplate unknown' }],
      ['DescribeStackEvents', { StackName: 'conformance' }],
      [
        'UpdateStack',
        { StackName: 'conformance', TemplateBody: parameter('first'), Tags: [{ Key: 'app', Value: 'shop' }] },
        { as: 'CloudFormation UpdateStack, no change' },
      ],
      ['UpdateStack', { StackName: 'conformance', TemplateBody: parameter('second') }],
      [
        'DescribeStacks',
        { StackName: 'conformance' },
        { until: done, as: 'CloudFormation DescribeStacks after the update' },
      ],
      ['DescribeStacks', { StackName: 'none' }, { as: 'CloudFormation DescribeStacks unknown' }],
      ['DescribeStackEvents', { StackName: 'none' }, { as: 'CloudFormation DescribeStackEvents unknown' }],
      ['ListStackResources', { StackName: 'none' }, { as: 'CloudFormation ListStackResources unknown' }],
      [
        'UpdateStack',
        { StackName: 'none', TemplateBody: parameter('x') },
        { as: 'CloudFormation UpdateStack unknown' },
      ],
      ['DeleteStack', { StackName: 'none' }, { as: 'CloudFormation DeleteStack unknown' }],
      ['DeleteStack', { StackName: 'conformance' }],
      [
        'CreateStack',
        { StackName: 'network', TemplateBody: network },
        { as: 'CloudFormation CreateStack, a network' },
      ],
      [
        'DescribeStacks',
        { StackName: 'network' },
        { until: done, as: 'CloudFormation DescribeStacks, a network' },
      ],
    ],
  },
  ECS: {
    Client: ecs.ECSClient,
    module: ecs,
    steps: [
      ['CreateCluster', { clusterName: 'conformance' }],
      ['DescribeClusters', { clusters: ['conformance', 'none'] }],
      ['ListServices', { cluster: 'conformance' }],
      ['ListServices', { cluster: 'none' }, { as: 'ECS ListServices, no cluster' }],
      [
        'DescribeServices',
        { cluster: 'conformance', services: ['none'] },
        { as: 'ECS DescribeServices unknown' },
      ],
      ['ListTasks', { cluster: 'conformance' }],
      [
        'DescribeTasks',
        { cluster: 'conformance', tasks: ['0123456789abcdef0123456789abcdef'] },
        { as: 'ECS DescribeTasks unknown' },
      ],
      [
        'RegisterTaskDefinition',
        {
          family: 'conformance',
          networkMode: 'awsvpc',
          requiresCompatibilities: ['FARGATE'],
          cpu: '256',
          memory: '512',
          containerDefinitions: [{ name: 'web', image: 'busybox', essential: true }],
        },
      ],
      ['DescribeTaskDefinition', { taskDefinition: 'conformance' }],
      ['DescribeTaskDefinition', { taskDefinition: 'none' }, { as: 'ECS DescribeTaskDefinition unknown' }],
      [
        'UpdateService',
        { cluster: 'conformance', service: 'none', forceNewDeployment: true },
        { as: 'ECS UpdateService unknown' },
      ],
      [
        'RunTask',
        { cluster: 'conformance', taskDefinition: 'none', launchType: 'FARGATE' },
        { as: 'ECS RunTask, no definition' },
      ],
      [
        'StopTask',
        { cluster: 'conformance', task: '0123456789abcdef0123456789abcdef' },
        { as: 'ECS StopTask unknown' },
      ],
      ['PutAccountSettingDefault', { name: 'awsvpcTrunking', value: 'enabled' }],
      ['ListAccountSettings', { name: 'awsvpcTrunking', effectiveSettings: true }],
      ['DeleteCluster', { cluster: 'conformance' }],
    ],
  },
  ELBv2: {
    Client: elb.ElasticLoadBalancingV2Client,
    module: elb,
    steps: [
      [
        'DescribeLoadBalancers',
        { Names: ['conformance'] },
        {
          save: (answer, saved) =>
            Object.assign(saved, { balancer: answer.LoadBalancers[0].LoadBalancerArn }),
        },
      ],
      ['DescribeLoadBalancers', { Names: ['none'] }, { as: 'ELBv2 DescribeLoadBalancers unknown' }],
      [
        'DescribeTargetGroups',
        { Names: ['conformance'] },
        { save: (answer, saved) => Object.assign(saved, { group: answer.TargetGroups[0].TargetGroupArn }) },
      ],
      ['DescribeTargetGroups', { Names: ['none'] }, { as: 'ELBv2 DescribeTargetGroups unknown' }],
      [
        'DescribeListeners',
        (saved) => ({ LoadBalancerArn: saved.balancer }),
        { save: (answer, saved) => Object.assign(saved, { listener: answer.Listeners[0].ListenerArn }) },
      ],
      [
        'CreateRule',
        (saved) => ({
          ListenerArn: saved.listener,
          Priority: 5,
          Conditions: [
            { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'tenantPath', Values: ['t1'] } },
          ],
          Actions: [{ Type: 'forward', TargetGroupArn: saved.group }],
        }),
      ],
      [
        'CreateRule',
        (saved) => ({
          ListenerArn: saved.listener,
          Priority: 5,
          Conditions: [{ Field: 'path-pattern', Values: ['/x'] }],
          Actions: [{ Type: 'forward', TargetGroupArn: saved.group }],
        }),
        { as: 'ELBv2 CreateRule, priority taken' },
      ],
      ['DescribeRules', (saved) => ({ ListenerArn: saved.listener })],
      ['DescribeTargetHealth', (saved) => ({ TargetGroupArn: saved.group })],
      [
        'DescribeTargetHealth',
        (saved) => ({ TargetGroupArn: saved.group.replace(/.$/, 'x') }),
        { as: 'ELBv2 DescribeTargetHealth unknown' },
      ],
      [
        'DeleteTargetGroup',
        (saved) => ({ TargetGroupArn: saved.group }),
        { as: 'ELBv2 DeleteTargetGroup in use' },
      ],
    ],
  },
};
