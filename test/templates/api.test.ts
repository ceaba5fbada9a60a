import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  deployment,
  only,
  ownService,
  type Resource,
  resources,
  scratch,
  templates,
  tiers,
} from './synthesized.ts';

const dockerfile = (): string => {
  const directory = scratch();
  writeFileSync(path.join(directory, 'Dockerfile'), 'FROM scratch\n');
  return directory;
};

interface OpenApiOperation {
  security: Record<string, unknown>[];
  parameters?: { name: string }[];
  'x-amazon-apigateway-integration': {
    type: string;
    httpMethod: string;
    uri: unknown;
    connectionType: string;
    integrationTarget: unknown;
    requestParameters: Record<string, string>;
  };
}
type Paths = Record<string, Record<string, OpenApiOperation>>;

const pathsOf = (api: Resource): Paths => api.Properties.Body.paths;

describe.each(['shared-infra-stack', 'cell'])('the API of %s', (stack) => {
  const own = ownService(dockerfile());
  const template = templates(deployment({ services: [...deployment().services, own] })).then((get) =>
    get(stack),
  );

  it('has every route of every service, an own one too', async () => {
    const paths = pathsOf(only(await template, 'AWS::ApiGateway::RestApi'));
    expect(
      Object.fromEntries(Object.entries(paths).map(([name, methods]) => [name, Object.keys(methods)])),
    ).toEqual({
      '/orders': ['get', 'post', 'options'],
      '/orders/{id}': ['get', 'put', 'delete', 'options'],
      '/products': ['get', 'post', 'options'],
      '/products/{id}': ['get', 'put', 'delete', 'options'],
      '/users': ['get', 'post', 'options'],
      '/users/{id}': ['get', 'put', 'delete', 'options'],
      '/reviews': ['x-amazon-apigateway-any-method', 'options'],
      '/reviews/{proxy+}': ['x-amazon-apigateway-any-method', 'options'],
    });
  });

  it('asks for the authorizer and a key on every method but a preflight', async () => {
    for (const methods of Object.values(pathsOf(only(await template, 'AWS::ApiGateway::RestApi')))) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.security).toEqual(method === 'options' ? [] : [{ authorizer: [], api_key: [] }]);
      }
    }
  });

  it('takes the key and the tenant from the authorizer, never from the caller', async () => {
    const api = only(await template, 'AWS::ApiGateway::RestApi');
    expect(api.Properties.Body['x-amazon-apigateway-api-key-source']).toBe('AUTHORIZER');
    for (const methods of Object.values(pathsOf(api))) {
      for (const [method, operation] of Object.entries(methods)) {
        const integration = operation['x-amazon-apigateway-integration'];
        if (method === 'options') expect(integration.type).toBe('mock');
        else {
          expect(integration).toMatchObject({ type: 'http_proxy', connectionType: 'VPC_LINK' });
          expect(integration.requestParameters).toMatchObject({
            'integration.request.header.tenantPath': 'context.authorizer.tenantPath',
          });
        }
      }
    }
  });

  it('hands path parameters on', async () => {
    const paths = pathsOf(only(await template, 'AWS::ApiGateway::RestApi'));
    const greedy = paths['/reviews/{proxy+}']?.['x-amazon-apigateway-any-method'];
    expect(greedy?.parameters).toEqual([expect.objectContaining({ name: 'proxy', in: 'path' })]);
    expect(greedy?.['x-amazon-apigateway-integration'].requestParameters).toMatchObject({
      'integration.request.path.proxy': 'method.request.path.proxy',
    });
    expect(JSON.stringify(greedy?.['x-amazon-apigateway-integration'].uri)).toContain('/reviews/{proxy}');
  });

  it('writes no personal data into its access log', async () => {
    const format: string = only(await template, 'AWS::ApiGateway::Stage').Properties.AccessLogSetting.Format;
    expect(format).not.toMatch(/sourceIp|userName|principalId|identity|authorizer\.claims|apiKey/);
    expect(format).toContain('$context.authorizer.tenantPath');
  });

  it("has one usage plan a tier, with the tier's limits", async () => {
    const plans = resources(await template, 'AWS::ApiGateway::UsagePlan').map(([, plan]) => plan.Properties);
    expect(plans.map(({ Throttle, Quota }) => [Throttle, Quota])).toEqual([
      [
        { RateLimit: 10, BurstLimit: 10 },
        { Limit: 1000, Period: 'DAY' },
      ],
      [
        { RateLimit: 15, BurstLimit: 15 },
        { Limit: 2000, Period: 'DAY' },
      ],
      [
        { RateLimit: 300, BurstLimit: 300 },
        { Limit: 6000, Period: 'DAY' },
      ],
    ]);
    for (const plan of plans) expect(plan.ApiStages).toHaveLength(1);
  });

  it('stands before a load balancer that the VPC Link alone reaches', async () => {
    const groups = resources(await template, 'AWS::EC2::SecurityGroup');
    const balancer = groups.find(([id]) => id.includes('LoadBalancerSecurityGroup'))?.[1];
    expect(balancer?.Properties.SecurityGroupIngress).toEqual([
      expect.objectContaining({ FromPort: 80, ToPort: 80, SourceSecurityGroupId: expect.anything() }),
    ]);
    for (const [, group] of groups) {
      for (const rule of group.Properties.SecurityGroupIngress ?? [])
        expect(rule).not.toHaveProperty('CidrIp');
    }
    expect(resources(await template, 'AWS::EC2::SecurityGroupIngress')).toEqual([]);
    expect(only(await template, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties.Scheme).toBe(
      'internal',
    );
  });

  it('answers 404 for what no rule takes', async () => {
    expect(
      only(await template, 'AWS::ElasticLoadBalancingV2::Listener').Properties.DefaultActions,
    ).toMatchObject([{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }]);
  });
});

describe('the deployment of the API', () => {
  const idOf = async (of: Parameters<typeof templates>[0]): Promise<string | undefined> =>
    resources((await templates(of))('shared-infra-stack'), 'AWS::ApiGateway::Deployment')[0]?.[0];

  it('is a new one when a route changes, and the same when only a limit does', async () => {
    const before = await idOf(deployment());
    const [orders, ...others] = deployment().services;
    const changed = orders && [{ ...orders, routes: orders.routes.slice(0, 1) }, ...others];
    expect(await idOf(deployment({ services: changed ?? [] }))).not.toBe(before);
    const throttled = tiers().map((tier) => ({ ...tier, throttle: { ...tier.throttle, rate: 1 } }));
    expect(await idOf(deployment({ tiers: throttled }))).toBe(before);
  });
});

describe('the network', () => {
  it('spans the zones that the environment asks for, with a NAT gateway in each or in one', async () => {
    const wide = (await templates(deployment({ azs: 3, nat: 'per-az' })))('shared-infra-stack');
    wide.resourceCountIs('AWS::EC2::NatGateway', 3);
    wide.resourceCountIs('AWS::EC2::Subnet', 6);
    const blocks = resources(wide, 'AWS::EC2::Subnet').map(
      ([, subnet]) => subnet.Properties.CidrBlock as string,
    );
    expect(blocks.filter((block) => block.endsWith('/18'))).toHaveLength(3);
    expect(blocks.filter((block) => block.endsWith('/24'))).toHaveLength(3);
    const narrow = (await templates(deployment()))('shared-infra-stack');
    narrow.resourceCountIs('AWS::EC2::NatGateway', 1);
    narrow.resourceCountIs('AWS::EC2::FlowLog', 1);
    narrow.resourceCountIs('AWS::EC2::VPCEndpoint', 2);
  });

  it('fits six zones into the VPC', async () => {
    const widest = (await templates(deployment({ azs: 6 })))('shared-infra-stack');
    widest.resourceCountIs('AWS::EC2::Subnet', 12);
  });
});

describe('the authorizer', () => {
  it("may read the registry by key, its one secret and a token's user, and nothing else", async () => {
    const template = (await templates(deployment()))('shared-infra-stack');
    const role = resources(template, 'AWS::IAM::Role').find(([id]) => id.startsWith('AuthorizerRole'))?.[1];
    const statements: { Action: string[]; Condition?: object }[] =
      role?.Properties.Policies[0].PolicyDocument.Statement;
    expect(statements.flatMap((statement) => statement.Action).sort()).toEqual([
      'cognito-idp:AdminGetUser',
      'dynamodb:GetItem',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'secretsmanager:GetSecretValue',
    ]);
    expect(statements.find(({ Action }) => Action.includes('dynamodb:GetItem'))?.Condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['ISSUER#*', 'TENANT#*'] },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    });
  });
});
