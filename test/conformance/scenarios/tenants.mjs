/** Cognito, API Gateway, DynamoDB, CloudFormation, ECS, load balancers: what a tenant's onboarding and its end call. */
import * as apigateway from '@aws-sdk/client-api-gateway';
import * as cloudformation from '@aws-sdk/client-cloudformation';
import * as cognito from '@aws-sdk/client-cognito-identity-provider';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as ecs from '@aws-sdk/client-ecs';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';

const email = 'admin@acme.example';
const user = (saved) => ({ UserPoolId: saved.pool, Username: email });
const signIn = (password) => (saved) => ({
  UserPoolId: saved.pool,
  ClientId: saved.client,
  AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
  AuthParameters: { USERNAME: email, PASSWORD: password },
});
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
export const network = JSON.stringify({
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

export const tenants = {
  Cognito: {
    Client: cognito.CognitoIdentityProviderClient,
    module: cognito,
    steps: [
      [
        'CreateUserPool',
        {
          PoolName: 'conformance',
          UsernameAttributes: ['email'],
          AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
          Schema: [{ Name: 'tenantId', AttributeDataType: 'String', Mutable: true }],
          DeletionProtection: 'ACTIVE',
        },
        { save: (answer, saved) => Object.assign(saved, { pool: answer.UserPool.Id }) },
      ],
      [
        'CreateUserPoolClient',
        (saved) => ({
          UserPoolId: saved.pool,
          ClientName: 'web',
          ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
        }),
        { save: (answer, saved) => Object.assign(saved, { client: answer.UserPoolClient.ClientId }) },
      ],
      ['CreateGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      [
        'CreateGroup',
        (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' }),
        { as: 'Cognito CreateGroup that exists' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({
          ...user(saved),
          MessageAction: 'SUPPRESS',
          TemporaryPassword: 'Temporary-1',
          UserAttributes: [
            { Name: 'email', Value: email },
            { Name: 'email_verified', Value: 'true' },
            { Name: 'custom:tenantId', Value: 't1' },
          ],
        }),
      ],
      [
        'AdminCreateUser',
        (saved) => ({ ...user(saved), MessageAction: 'SUPPRESS' }),
        { as: 'Cognito AdminCreateUser that exists' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({ UserPoolId: saved.pool, Username: 'plain' }),
        { as: 'Cognito AdminCreateUser, no address' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({
          UserPoolId: saved.pool,
          Username: 'b@acme.example',
          UserAttributes: [{ Name: 'custom:none', Value: '1' }],
        }),
        { as: 'Cognito AdminCreateUser, no such attribute' },
      ],
      ['AdminGetUser', user],
      [
        'AdminGetUser',
        (saved) => ({ UserPoolId: saved.pool, Username: 'none' }),
        { as: 'Cognito AdminGetUser unknown' },
      ],
      ['AdminAddUserToGroup', (saved) => ({ ...user(saved), GroupName: 't1' })],
      [
        'AdminAddUserToGroup',
        (saved) => ({ ...user(saved), GroupName: 'none' }),
        { as: 'Cognito AdminAddUserToGroup unknown' },
      ],
      ['ListUsersInGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      ['AdminInitiateAuth', signIn('wrong-Password-1'), { as: 'Cognito AdminInitiateAuth, wrong password' }],
      [
        'AdminInitiateAuth',
        signIn('Temporary-1'),
        {
          save: (answer, saved) => Object.assign(saved, { session: answer.Session }),
          as: 'Cognito AdminInitiateAuth, temporary password',
        },
      ],
      [
        'AdminRespondToAuthChallenge',
        (saved) => ({
          UserPoolId: saved.pool,
          ClientId: saved.client,
          Session: saved.session,
          ChallengeName: 'NEW_PASSWORD_REQUIRED',
          ChallengeResponses: { USERNAME: email, NEW_PASSWORD: 'Lasting-Pass-1' },
        }),
      ],
      [
        'AdminSetUserPassword',
        (saved) => ({ ...user(saved), Password: 'short', Permanent: true }),
        { as: 'Cognito AdminSetUserPassword, too short' },
      ],
      ['AdminSetUserPassword', (saved) => ({ ...user(saved), Password: 'Another-Pass-1', Permanent: true })],
      ['AdminInitiateAuth', signIn('Another-Pass-1')],
      [
        'AdminUpdateUserAttributes',
        (saved) => ({ ...user(saved), UserAttributes: [{ Name: 'custom:tenantId', Value: 't2' }] }),
      ],
      ['ListUsers', (saved) => ({ UserPoolId: saved.pool, Filter: `email = "${email}"` })],
      ['ListUsers', { UserPoolId: 'us-east-1_none' }, { as: 'Cognito ListUsers, no pool' }],
      ['DescribeUserPool', (saved) => ({ UserPoolId: saved.pool })],
      ['AdminDeleteUser', user],
      ['AdminDeleteUser', user, { as: 'Cognito AdminDeleteUser unknown' }],
      ['DeleteGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      [
        'DeleteGroup',
        (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' }),
        { as: 'Cognito DeleteGroup unknown' },
      ],
      [
        'DeleteUserPool',
        (saved) => ({ UserPoolId: saved.pool }),
        { as: 'Cognito DeleteUserPool, protected' },
      ],
      ['UpdateUserPool', (saved) => ({ UserPoolId: saved.pool, DeletionProtection: 'INACTIVE' })],
      ['DeleteUserPool', (saved) => ({ UserPoolId: saved.pool })],
      ['DescribeUserPool', { UserPoolId: 'us-east-1_none' }, { as: 'Cognito DescribeUserPool unknown' }],
    ],
  },
  'API Gateway': {
    Client: apigateway.APIGatewayClient,
    module: apigateway,
    steps: [
      [
        'CreateApiKey',
        {
          name: 'tenant-1',
          customerId: 't1',
          value: 'a-value-of-twenty-characters',
          enabled: true,
          tags: { app: 'shop' },
        },
        { save: (answer, saved) => Object.assign(saved, { key: answer.id }) },
      ],
      [
        'CreateApiKey',
        { name: 'tenant-2', value: 'a-value-of-twenty-characters', enabled: true },
        { as: 'API Gateway CreateApiKey, value taken' },
      ],
      [
        'CreateApiKey',
        { name: 'tenant-2', value: 'short' },
        { as: 'API Gateway CreateApiKey, value too short' },
      ],
      ['GetApiKeys', { nameQuery: 'tenant-1' }],
      ['GetApiKey', (saved) => ({ apiKey: saved.key, includeValue: true })],
      ['GetApiKey', { apiKey: 'none' }, { as: 'API Gateway GetApiKey unknown' }],
      [
        'UpdateApiKey',
        (saved) => ({
          apiKey: saved.key,
          patchOperations: [{ op: 'replace', path: '/enabled', value: 'false' }],
        }),
      ],
      [
        'CreateUsagePlan',
        { name: 'plan', throttle: { rateLimit: 10, burstLimit: 10 }, quota: { limit: 1000, period: 'DAY' } },
        { save: (answer, saved) => Object.assign(saved, { plan: answer.id }) },
      ],
      ['GetUsagePlan', (saved) => ({ usagePlanId: saved.plan })],
      ['GetUsagePlan', { usagePlanId: 'none' }, { as: 'API Gateway GetUsagePlan unknown' }],
      ['GetUsagePlans', { limit: 500 }],
      [
        'UpdateUsagePlan',
        (saved) => ({
          usagePlanId: saved.plan,
          patchOperations: [
            { op: 'replace', path: '/throttle/rateLimit', value: '20' },
            { op: 'replace', path: '/quota/period', value: 'WEEK' },
          ],
        }),
      ],
      [
        'UpdateUsagePlan',
        { usagePlanId: 'none', patchOperations: [] },
        { as: 'API Gateway UpdateUsagePlan unknown' },
      ],
      ['CreateUsagePlanKey', (saved) => ({ usagePlanId: saved.plan, keyId: saved.key, keyType: 'API_KEY' })],
      [
        'CreateUsagePlanKey',
        (saved) => ({ usagePlanId: saved.plan, keyId: 'none', keyType: 'API_KEY' }),
        { as: 'API Gateway CreateUsagePlanKey, no key' },
      ],
      [
        'CreateUsagePlanKey',
        (saved) => ({ usagePlanId: 'none', keyId: saved.key, keyType: 'API_KEY' }),
        { as: 'API Gateway CreateUsagePlanKey, no plan' },
      ],
      ['GetUsagePlanKeys', (saved) => ({ usagePlanId: saved.plan })],
      ['DeleteUsagePlanKey', (saved) => ({ usagePlanId: saved.plan, keyId: saved.key })],
      [
        'DeleteUsagePlanKey',
        (saved) => ({ usagePlanId: saved.plan, keyId: saved.key }),
        { as: 'API Gateway DeleteUsagePlanKey unknown' },
      ],
      ['DeleteApiKey', (saved) => ({ apiKey: saved.key })],
      ['DeleteApiKey', (saved) => ({ apiKey: saved.key }), { as: 'API Gateway DeleteApiKey unknown' }],
      ['GetRestApi', { restApiId: 'none' }, { as: 'API Gateway GetRestApi unknown' }],
    ],
  },
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
      ['DescribeTable', table, { until: ({ Table }) => Table.TableStatus === 'ACTIVE' }],
      ['DescribeTable', { TableName: 'none' }, { as: 'DynamoDB DescribeTable unknown' }],
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
