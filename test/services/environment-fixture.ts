/**
 * A deployed environment in its smallest form: a pool with users, tables and an API, and a silo tier whose template
 * makes only what holds data. Operations run on it as they do on the real templates, within a second.
 */
import {
  APIGatewayClient,
  CreateDeploymentCommand,
  CreateRestApiCommand,
  CreateUsagePlanCommand,
  GetApiKeysCommand,
  GetUsagePlanCommand,
  GetUsagePlanKeysCommand,
  GetUsagePlansCommand,
  PutIntegrationCommand,
  PutIntegrationResponseCommand,
  PutMethodCommand,
  PutMethodResponseCommand,
} from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { CreateTableCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Config } from '../../src/model/config.ts';
import {
  cellNameParameter,
  cellParameterPath,
  type PoolOutputs,
  parameterPath,
  tenantOutputs,
  tenantParameters,
} from '../../src/model/names.ts';
import { tenantAttributes } from '../../src/model/tenant.ts';
import type { Throttle } from '../../src/model/tier.ts';
import type { Target } from '../../src/services/environment.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { createGatekeeper } from './gatekeeper-fixture.ts';
import { type Fixture, type OperatorContext, operator, startRegistry } from './registry-fixture.ts';

const throttle: Throttle = { rate: 10, burst: 10, quota: { limit: 1000, period: 'day' } };
const bucket = 'artifacts';
const routed = ['orders', 'products'];

export interface Environment extends Fixture {
  pool: PoolOutputs;
  plans: Record<string, string>;
  /** An operator whose calls go to `endpoint`, and whose clock is ahead. */
  operator(options?: { endpoint?: string; laterMs?: number; signal?: AbortSignal }): OperatorContext;
  /** Everything that the account holds and that a tenant could have left, in words. */
  belongings(tenant?: Pick<TenantRecord, 'tenantId'>): Promise<string[]>;
  planNames(): Promise<string[]>;
  /** Usage plans that a key is on. */
  plansOf(keyId: string): Promise<{ id: string; rate: number }[]>;
  /** `<api>:<stage>` of those that a plan holds for. */
  stagesOf(planId: string): Promise<string[]>;
}

export async function startEnvironment(): Promise<Environment> {
  const fixture = await startRegistry();
  const { options, cloud } = fixture;
  const gateway = new APIGatewayClient(options);
  const cognito = new CognitoIdentityProviderClient(options);
  const restApiId = await createApi(gateway);
  const plans: Record<string, string> = {};
  for (const tier of ['basic', 'premium']) {
    const plan = await gateway.send(
      new CreateUsagePlanCommand({
        name: tier,
        apiStages: [{ apiId: restApiId, stage: 'prod' }],
        throttle: { rateLimit: throttle.rate, burstLimit: throttle.burst },
        quota: { limit: throttle.quota.limit, period: 'DAY' },
      }),
    );
    plans[tier] = plan.id ?? '';
  }
  const pool = await createPool(cognito);
  for (const table of Object.values(pool.tables)) await createTable(fixture, table);
  const { ARN: apiKeySecret = '' } = await new SecretsManagerClient(options).send(
    new CreateSecretCommand({ Name: 'api-keys', SecretString: 'a secret of the control plane' }),
  );
  const cell = {
    name: 'cell-1',
    restApiId,
    stage: 'prod',
    listenerArn: 'listener',
    loadBalancerArn: 'balancer',
    loadBalancerSecurityGroupId: 'group',
    usagePlans: plans,
  };
  const path = (name: Parameters<typeof parameterPath>[2]): string => parameterPath('shop', 'local', name);
  const ssm = new SSMClient(options);
  for (const [Name, Value] of Object.entries({
    [path('registryTable')]: fixture.tableName,
    [path('artifactsBucket')]: bucket,
    [path('apiKeySecret')]: apiKeySecret,
    [path('gatekeeper')]: await createGatekeeper(fixture, apiKeySecret),
    [path('pool')]: JSON.stringify(pool),
    [cellParameterPath('shop', 'local', 'cell-1')]: JSON.stringify(cell),
  }))
    await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String' }));
  await fixture.registry.putCell(cell);
  await fixture.registry.putIssuer({ issuer: pool.issuer, clientId: pool.clientId });
  await publishRelease(fixture);

  const config = {
    app: 'shop',
    root: '/nowhere',
    environments: [{ name: 'local', target: 'embedded' }],
    tiers: [
      { name: 'basic', model: 'pool', capacity: 'fargate', mfa: 'optional', throttle },
      { name: 'premium', model: 'dedicated-cluster', capacity: 'fargate', mfa: 'optional', throttle },
    ],
    services: [{ name: 'orders', path: '/' }],
    routing: 'direct',
  } as unknown as Config;
  const targetAt = (endpoint: string): Target =>
    ({
      app: 'shop',
      environment: {
        name: 'local',
        target: 'embedded',
        signIn: { callbackUrls: ['http://localhost:8080/callback'], logoutUrls: [] },
      },
      prefix: undefined,
      client: { ...options, endpoint },
      verify: async () => ({ account: '000000000000', arn: 'arn:aws:iam::000000000000:root' }),
      apiUrl: (api: string, stage: string) => `${cloud.endpoint}/_aws/execute-api/${api}/${stage}`,
      signInUrl: (domain: string) => `${cloud.endpoint}/_aws/cognito-domain/${domain}`,
      objectUrl: (name: string, key: string) => `${cloud.endpoint}/${name}/${key}`,
      mailbox: undefined,
      pollMs: 50,
    }) as unknown as Target;

  return {
    ...fixture,
    pool,
    plans,
    operator: ({ endpoint = cloud.endpoint, ...rest } = {}) =>
      operator({ config, target: targetAt(endpoint), ...rest }),
    async belongings() {
      const { items: keys = [] } = await gateway.send(new GetApiKeysCommand({ limit: 500 }));
      const { UserPools = [] } = await cognito.send(new ListUserPoolsCommand({ MaxResults: 60 }));
      const { TableNames = [] } = await fixture.dynamodb.send(new ListTablesCommand({}));
      const { StackSummaries = [] } = await new CloudFormationClient(options).send(new ListStacksCommand({}));
      const users: string[] = [];
      for (const { Id } of UserPools) {
        const { Users = [] } = await cognito.send(new ListUsersCommand({ UserPoolId: Id }));
        for (const user of Users)
          users.push(`user ${user.Attributes?.find(({ Name }) => Name === 'email')?.Value ?? ''}`);
      }
      const slots = await fixture.registry.slots('cell-1');
      return [
        ...users,
        ...keys.map(({ name }) => `key ${name ?? ''}`),
        ...UserPools.map(({ Name }) => `user pool ${Name ?? ''}`),
        ...TableNames.map((name) => `table ${name}`),
        ...StackSummaries.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE').map(
          ({ StackName = '' }) => `stack ${StackName}`,
        ),
        ...[...slots.values()].map((owner) => `slot of ${owner}`),
      ].sort();
    },
    async planNames() {
      const { items = [] } = await gateway.send(new GetUsagePlansCommand({ limit: 500 }));
      return items.map(({ name = '' }) => name);
    },
    async plansOf(keyId) {
      const { items = [] } = await gateway.send(new GetUsagePlansCommand({ limit: 500 }));
      const on: { id: string; rate: number }[] = [];
      for (const { id = '', throttle: limits } of items) {
        const keys = await gateway.send(new GetUsagePlanKeysCommand({ usagePlanId: id, limit: 500 }));
        if (keys.items?.some((key) => key.id === keyId)) on.push({ id, rate: limits?.rateLimit ?? 0 });
      }
      return on;
    },
    async stagesOf(planId) {
      const { apiStages = [] } = await gateway.send(new GetUsagePlanCommand({ usagePlanId: planId }));
      return apiStages.map(({ apiId, stage }) => `${apiId}:${stage}`);
    },
  };
}

/** An API whose root answers 200 to whoever asks. */
async function createApi(gateway: APIGatewayClient): Promise<string> {
  const { id: restApiId = '', rootResourceId: resourceId = '' } = await gateway.send(
    new CreateRestApiCommand({ name: 'api' }),
  );
  const method = { restApiId, resourceId, httpMethod: 'GET' };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: 'NONE' }));
  await gateway.send(new PutMethodResponseCommand({ ...method, statusCode: '200' }));
  await gateway.send(
    new PutIntegrationCommand({
      ...method,
      type: 'MOCK',
      requestTemplates: { 'application/json': '{"statusCode": 200}' },
    }),
  );
  await gateway.send(new PutIntegrationResponseCommand({ ...method, statusCode: '200' }));
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: 'prod' }));
  return restApiId;
}

async function createPool(cognito: CognitoIdentityProviderClient): Promise<PoolOutputs> {
  const { UserPool } = await cognito.send(
    new CreateUserPoolCommand({
      PoolName: 'pool',
      UsernameAttributes: ['email'],
      UsernameConfiguration: { CaseSensitive: false },
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      Schema: Object.values(tenantAttributes).map((name) => ({
        Name: name.replace('custom:', ''),
        AttributeDataType: 'String',
        Mutable: true,
      })),
    }),
  );
  const userPoolId = UserPool?.Id ?? '';
  const { UserPoolClient } = await cognito.send(
    new CreateUserPoolClientCommand({
      UserPoolId: userPoolId,
      ClientName: 'app',
      ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    }),
  );
  return {
    userPoolId,
    clientId: UserPoolClient?.ClientId ?? '',
    issuer: `https://issuer.example/${userPoolId}`,
    clusterName: 'pool',
    tables: { orders: 'pool-orders', products: 'pool-products' },
  };
}

async function createTable({ dynamodb }: Fixture, TableName: string): Promise<void> {
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['tenantId', 'id'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: [
        { AttributeName: 'tenantId', KeyType: 'HASH' },
        { AttributeName: 'id', KeyType: 'RANGE' },
      ],
    }),
  );
}

/** A silo's user pool and tables, kept as the real template keeps them. */
const siloTemplate = {
  Parameters: Object.fromEntries(
    [
      tenantParameters.tenantId,
      tenantParameters.tierName,
      tenantParameters.listenerArn,
      tenantParameters.loadBalancerSecurityGroupId,
      ...routed.flatMap((service) => [
        tenantParameters.image(service),
        tenantParameters.rulePriority(service),
      ]),
    ].map((name) => [name, { Type: 'String' }]),
  ),
  Resources: {
    UserPool: {
      Type: 'AWS::Cognito::UserPool',
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: {
        UserPoolName: { Ref: 'AWS::StackName' },
        UsernameAttributes: ['email'],
        Schema: Object.values(tenantAttributes).map((name) => ({
          Name: name.replace('custom:', ''),
          AttributeDataType: 'String',
          Mutable: true,
        })),
      },
    },
    Client: {
      Type: 'AWS::Cognito::UserPoolClient',
      Properties: {
        UserPoolId: { Ref: 'UserPool' },
        ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      },
    },
    Domain: {
      Type: 'AWS::Cognito::UserPoolDomain',
      Properties: {
        UserPoolId: { Ref: 'UserPool' },
        Domain: { 'Fn::Sub': `sign-in-\${${tenantParameters.tenantId}}` },
      },
    },
    ...Object.fromEntries(
      ['Orders', 'Products'].map((name) => [
        name,
        {
          Type: 'AWS::DynamoDB::Table',
          DeletionPolicy: 'RetainExceptOnCreate',
          Properties: {
            BillingMode: 'PAY_PER_REQUEST',
            AttributeDefinitions: ['tenantId', 'id'].map((AttributeName) => ({
              AttributeName,
              AttributeType: 'S',
            })),
            KeySchema: [
              { AttributeName: 'tenantId', KeyType: 'HASH' },
              { AttributeName: 'id', KeyType: 'RANGE' },
            ],
          },
        },
      ]),
    ),
  },
  Outputs: {
    [tenantOutputs.userPoolId]: { Value: { Ref: 'UserPool' } },
    [tenantOutputs.clientId]: { Value: { Ref: 'Client' } },
    [tenantOutputs.issuer]: { Value: { 'Fn::GetAtt': ['UserPool', 'ProviderURL'] } },
    [tenantOutputs.signInDomain]: { Value: { Ref: 'Domain' } },
    [tenantOutputs.tables]: { Value: { 'Fn::Sub': '{"orders":"${Orders}","products":"${Products}"}' } },
  },
};

const mockRoot = {
  responses: { 200: { description: 'served' } },
  'x-amazon-apigateway-integration': {
    type: 'mock',
    requestTemplates: { 'application/json': '{"statusCode": 200}' },
    responses: { default: { statusCode: '200' } },
  },
};

/** A further cell: an API that answers 200 to whoever asks, and the tiers' plans. */
const cellTemplate = {
  Parameters: { [cellNameParameter]: { Type: 'String' } },
  Resources: {
    Api: {
      Type: 'AWS::ApiGateway::RestApi',
      Properties: {
        Name: { Ref: 'AWS::StackName' },
        Body: { openapi: '3.0.1', info: { title: 'cell', version: '1' }, paths: { '/': { get: mockRoot } } },
      },
    },
    Deployment: { Type: 'AWS::ApiGateway::Deployment', Properties: { RestApiId: { Ref: 'Api' } } },
    Stage: {
      Type: 'AWS::ApiGateway::Stage',
      Properties: { RestApiId: { Ref: 'Api' }, DeploymentId: { Ref: 'Deployment' }, StageName: 'prod' },
    },
    ...Object.fromEntries(
      ['Basic', 'Premium'].map((tier) => [
        `${tier}Plan`,
        {
          Type: 'AWS::ApiGateway::UsagePlan',
          Properties: {
            UsagePlanName: { 'Fn::Sub': `\${AWS::StackName}-${tier}` },
            ApiStages: [{ ApiId: { Ref: 'Api' }, Stage: { Ref: 'Stage' } }],
            Throttle: { RateLimit: throttle.rate, BurstLimit: throttle.burst },
            Quota: { Limit: throttle.quota.limit, Period: 'DAY' },
          },
        },
      ]),
    ),
    Outputs: {
      Type: 'AWS::SSM::Parameter',
      Properties: {
        Type: 'String',
        Name: { 'Fn::Sub': cellParameterPath('shop', 'local', `\${${cellNameParameter}}`) },
        Value: {
          'Fn::Sub': `{"name":"\${${cellNameParameter}}","restApiId":"\${Api}","stage":"prod","listenerArn":"listener","loadBalancerArn":"balancer","loadBalancerSecurityGroupId":"group","usagePlans":{"basic":"\${BasicPlan}","premium":"\${PremiumPlan}"}}`,
        },
      },
    },
  },
};

async function publishRelease({ options, registry }: Fixture): Promise<void> {
  const s3 = new S3Client(options);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: 'premium.json', Body: JSON.stringify(siloTemplate) }),
  );
  await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: 'cell.json', Body: JSON.stringify(cellTemplate) }),
  );
  await registry.putRelease({
    release: 'one',
    createdAt: new Date().toISOString(),
    templates: { premium: 'premium.json' },
    cellTemplate: 'cell.json',
    images: Object.fromEntries(routed.map((service) => [service, `${service}:1`])),
    routed,
  });
}
