import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { tenantOutputs, tenantParameters } from '../../src/model/names.ts';
import {
  applications,
  deployment,
  only,
  ownService,
  type Resource,
  resources,
  scratch,
  templates,
  tiers,
} from './synthesized.ts';

const ownDirectory = scratch();
writeFileSync(path.join(ownDirectory, 'Dockerfile'), 'FROM scratch\n');

const direct = templates(deployment());
const silos = ['tenant-advanced', 'tenant-premium'];

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}
const statementsOf = (role: Resource | undefined): Statement[] =>
  (role?.Properties.Policies ?? []).flatMap(
    (policy: { PolicyDocument: { Statement: Statement[] } }) => policy.PolicyDocument.Statement,
  );
const role = (template: Template, id: string): Resource | undefined =>
  resources(template, 'AWS::IAM::Role').find(([logicalId]) => logicalId.startsWith(`AppRoles${id}`))?.[1];
const container = (template: Template, service: string) =>
  resources(template, 'AWS::ECS::TaskDefinition')
    .map(([, task]) => task.Properties.ContainerDefinitions[0])
    .find(({ Name }) => Name === service);
const environment = (template: Template, service: string): Record<string, unknown> =>
  Object.fromEntries(
    container(template, service).Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [
      Name,
      Value,
    ]),
  );

describe.each(applications)('%s', (stack) => {
  const template = direct.then((get) => get(stack));

  it('keeps users out of what binds them to a tenant', async () => {
    const client = only(await template, 'AWS::Cognito::UserPoolClient').Properties;
    expect(client.WriteAttributes).toEqual(['email', 'name']);
    expect(client).toMatchObject({ GenerateSecret: false, PreventUserExistenceErrors: 'ENABLED' });
    const pool = only(await template, 'AWS::Cognito::UserPool').Properties;
    expect(pool.AdminCreateUserConfig).toEqual({ AllowAdminCreateUserOnly: true });
    expect(pool.Schema).toContainEqual(expect.objectContaining({ Name: 'tenantId', Mutable: false }));
  });

  it('keeps tables and users when the stack goes, with a way back in time', async () => {
    const tables = resources(await template, 'AWS::DynamoDB::Table').map(([, table]) => table);
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      expect(table.Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
      expect(table.Properties.KeySchema[0]).toEqual({ AttributeName: 'tenantId', KeyType: 'HASH' });
    }
    for (const kept of [...tables, only(await template, 'AWS::Cognito::UserPool')]) {
      expect(kept).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
    }
  });

  it('rolls deployments without a gap, and back when tasks fail', async () => {
    for (const [, { Properties }] of resources(await template, 'AWS::ECS::Service')) {
      expect(Properties.DeploymentConfiguration).toEqual({
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      });
      expect(Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp).toBe('DISABLED');
      // Given, it would undo the scaling at every deployment.
      expect(Properties).not.toHaveProperty('DesiredCount');
    }
    (await template).resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 3);
    (await template).resourceCountIs('AWS::ApplicationAutoScaling::ScalingPolicy', 3);
  });

  it('runs ARM64 tasks with a health check, logs that end, and a file system that they cannot write', async () => {
    for (const [, { Properties }] of resources(await template, 'AWS::ECS::TaskDefinition')) {
      expect(Properties.RuntimePlatform.CpuArchitecture).toBe('ARM64');
      expect(Properties.ContainerDefinitions[0]).toMatchObject({
        ReadonlyRootFilesystem: true,
        HealthCheck: { Command: ['CMD', '/nodejs/bin/node', 'health.mjs'] },
        LogConfiguration: { LogDriver: 'awslogs' },
      });
    }
    expect(only(await template, 'AWS::Logs::LogGroup').Properties.RetentionInDays).toBe(30);
  });

  it('lets the load balancer and its own tasks in, and nobody else', async () => {
    const group = only(await template, 'AWS::EC2::SecurityGroup');
    expect(group.Properties.SecurityGroupIngress).toEqual([
      expect.objectContaining({ FromPort: 3010, ToPort: 3010, SourceSecurityGroupId: expect.anything() }),
    ]);
    const among = only(await template, 'AWS::EC2::SecurityGroupIngress').Properties;
    expect(among.SourceSecurityGroupId).toEqual(among.GroupId);
  });

  it('has two task roles that differ by need, and none that reaches everything', async () => {
    const roles = resources(await template, 'AWS::IAM::Role');
    expect(roles).toHaveLength(stack === 'tenant-template-basic' ? 3 : 2);
    for (const [, { Properties }] of roles) {
      expect(Properties).not.toHaveProperty('ManagedPolicyArns');
      for (const statement of statementsOf({ Type: '', Properties })) {
        expect(statement.Resource).not.toBe('*');
        for (const action of [statement.Action].flat()) expect(action).toMatch(/^[a-z-]+:[A-Za-z]+$/);
      }
    }
    expect(JSON.stringify(roles)).not.toContain('dynamodb:Scan');
  });

  it('tells services who issues tokens and where the others are', async () => {
    const orders = environment(await template, 'orders');
    expect(orders['ISSUER']).toMatchObject({ 'Fn::GetAtt': [expect.anything(), 'ProviderURL'] });
    expect(orders).toMatchObject({ PORT: '3010', SERVICE_PATH: '/orders', TABLE_SORT_KEY: 'orderId' });
    expect(JSON.stringify(orders['PRODUCTS_URL'])).toMatch(
      /http:\/\/products-api\..*AWS::StackName.*\.sc:3010\/products/,
    );
    expect(environment(await template, 'users')).toHaveProperty('USER_POOL_ID');
    expect(environment(await template, 'users')).not.toHaveProperty('TABLE_NAME');
  });

  it('starts orders after products, whose name they look up', async () => {
    const services = resources(await template, 'AWS::ECS::Service');
    const products = services.find(([id]) => id.includes('Products'))?.[0];
    expect(services.find(([id]) => id.includes('Orders'))?.[1].DependsOn).toContain(products);
  });
});

describe('the pool', () => {
  const template = direct.then((get) => get('tenant-template-basic'));

  it('reaches items only by the session tag of a tenant', async () => {
    const tenant = role(await template, 'Tenant');
    expect(statementsOf(tenant)).toHaveLength(1);
    expect(statementsOf(tenant)[0]?.Condition).toEqual({
      'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/tenant}'] },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    });
    expect(tenant?.Properties.AssumeRolePolicyDocument.Statement).toEqual([
      expect.objectContaining({
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: expect.objectContaining({ StringLike: { 'aws:RequestTag/tenant': '?*' } }),
      }),
    ]);
    // The task's own role reaches no table.
    expect(statementsOf(role(await template, 'Data'))).toEqual([]);
    expect(environment(await template, 'orders')).toHaveProperty('TENANT_ROLE_ARN');
    expect(environment(await template, 'orders')).not.toHaveProperty('TENANT_ID');
  });

  it("has rules of the pool's own path, with priorities that an entry more or less does not move", async () => {
    const prioritiesOf = (of: Template) =>
      Object.fromEntries(
        resources(of, 'AWS::ElasticLoadBalancingV2::ListenerRule').map(([id, { Properties }]) => {
          expect(Properties.Conditions[0].HttpHeaderConfig).toEqual({
            HttpHeaderName: 'tenantPath',
            Values: ['basic'],
          });
          return [id, Properties.Priority as number];
        }),
      );
    const all = prioritiesOf(await template);
    expect(new Set(Object.values(all)).size).toBe(3);
    for (const priority of Object.values(all)) expect(priority).toBeGreaterThan(100);
    const fewer = prioritiesOf(
      (await templates(deployment({ services: deployment().services.slice(1).reverse() })))(
        'tenant-template-basic',
      ),
    );
    expect(all).toMatchObject(fewer);
  });

  it('and the shared cluster are only there for tiers that use them', async () => {
    const premiumOnly = await templates(deployment({ tiers: tiers().slice(2) }));
    expect(() => premiumOnly('tenant-template-basic')).toThrow('no stack');
    expect(() => premiumOnly('tenant-template-advanced')).toThrow('no stack');
  });
});

describe.each(silos)('%s', (stack) => {
  const template = direct.then((get) => get(stack));

  it('takes what onboarding gives, and looks up the rest by itself', async () => {
    const parameters: Record<string, { Type: string; Default?: string }> = (await template).toJSON()
      .Parameters;
    const given = Object.keys(parameters).filter((name) => parameters[name]?.Default === undefined);
    const services = ['orders', 'products', 'users'];
    expect(given.sort()).toEqual(
      [
        tenantParameters.tenantId,
        tenantParameters.tierName,
        tenantParameters.listenerArn,
        tenantParameters.loadBalancerSecurityGroupId,
        ...services.map(tenantParameters.image),
        ...services.map(tenantParameters.rulePriority),
      ].sort(),
    );
    for (const parameter of Object.values(parameters)) {
      if (parameter.Default) expect(parameter.Default).toMatch(/^\/saas-ecs\/acme-shop\/staging\//);
    }
    expect(Object.keys((await template).toJSON().Outputs).sort()).toEqual(
      Object.values(tenantOutputs)
        .filter((name) => name !== tenantOutputs.encryptionKey)
        .sort(),
    );
  });

  it("routes the tenant's requests alone", async () => {
    for (const [, { Properties }] of resources(await template, 'AWS::ElasticLoadBalancingV2::ListenerRule')) {
      expect(Properties.Conditions[0].HttpHeaderConfig.Values).toEqual([{ Ref: 'TenantId' }]);
      expect(Properties.Priority.Ref).toMatch(/^RulePriority/);
    }
  });

  it('reaches its tables by the task role, without STS', async () => {
    const text = JSON.stringify((await template).toJSON());
    expect(text).not.toContain('sts:TagSession');
    expect(statementsOf(role(await template, 'Data'))[0]?.Action).toContain('dynamodb:Query');
    expect(environment(await template, 'orders')).toMatchObject({ TENANT_ID: { Ref: 'TenantId' } });
    expect(environment(await template, 'orders')).not.toHaveProperty('TENANT_ROLE_ARN');
  });

  it('is small and names nothing after its template', async () => {
    const json = (await template).toJSON();
    expect(Object.keys(json.Resources).length).toBeLessThanOrEqual(45);
    expect(JSON.stringify({ ...json, Description: '' })).not.toContain(stack);
  });
});

describe('clusters', () => {
  it("are the tenant's own on a dedicated-cluster tier, and one for all on a shared-cluster tier", async () => {
    const get = await direct;
    get('tenant-premium').resourceCountIs('AWS::ECS::Cluster', 1);
    get('tenant-advanced').resourceCountIs('AWS::ECS::Cluster', 0);
    get('tenant-template-advanced').resourceCountIs('AWS::ECS::Cluster', 1);
  });

  it('run on EC2 instances where the tier asks for it', async () => {
    const get = await templates(deployment({ tiers: tiers('ec2') }));
    for (const stack of ['tenant-template-advanced', 'tenant-premium']) {
      const template = get(stack);
      expect(only(template, 'AWS::AutoScaling::AutoScalingGroup').Properties).toMatchObject({
        MinSize: '1',
        DesiredCapacity: '2',
        MaxSize: '10',
      });
      expect(only(template, 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData).toMatchObject({
        MetadataOptions: { HttpTokens: 'required' },
        BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
      });
      expect(
        only(template, 'AWS::ECS::CapacityProvider').Properties.AutoScalingGroupProvider.ManagedScaling
          .TargetCapacity,
      ).toBe(85);
    }
    for (const stack of silos) {
      for (const [, { Properties }] of resources(get(stack), 'AWS::ECS::Service')) {
        expect(Properties).not.toHaveProperty('LaunchType');
        expect(Properties.PlacementStrategies.map(({ Type }: { Type: string }) => Type)).toEqual([
          'spread',
          'binpack',
        ]);
      }
    }
    get('shared-infra-stack').hasResourceProperties('Custom::EcsAccountSetting', {
      Name: 'awsvpcTrunking',
      Value: 'enabled',
    });
    (await direct)('shared-infra-stack').resourceCountIs('Custom::EcsAccountSetting', 0);
  });
});

describe('proxy routing', () => {
  const proxied = templates(deployment({ routing: 'proxy' }));

  it.each(silos)(
    'gives %s one rule and one target group, and services that only the proxy reaches',
    async (stack) => {
      const template = (await proxied)(stack);
      const rule = only(template, 'AWS::ElasticLoadBalancingV2::ListenerRule').Properties;
      expect(rule.Priority).toEqual({ Ref: tenantParameters.rulePriority('proxy') });
      expect(rule.Conditions).toHaveLength(1);
      template.resourceCountIs('AWS::ElasticLoadBalancingV2::TargetGroup', 1);
      const services = resources(template, 'AWS::ECS::Service');
      const proxy = services.find(([id]) => id.includes('Proxy'))?.[1];
      expect(services).toHaveLength(4);
      expect(services.filter(([, { Properties }]) => Properties.LoadBalancers)).toHaveLength(1);
      expect(proxy?.DependsOn).toEqual(
        expect.arrayContaining(services.map(([id]) => id).filter((id) => !id.includes('Proxy'))),
      );
      expect(environment(template, 'proxy')).toEqual({ NAMESPACE: { Ref: 'AWS::StackName' } });
      expect(only(template, 'AWS::EC2::SecurityGroup').Properties.SecurityGroupIngress).toEqual([
        expect.objectContaining({ FromPort: 8080, ToPort: 8080 }),
      ]);
    },
  );

  it('leaves the pool as it is', async () => {
    expect((await proxied)('tenant-template-basic').toJSON().Resources).toEqual(
      (await direct)('tenant-template-basic').toJSON().Resources,
    );
  });
});

describe("a service of one's own", () => {
  const extended = templates(deployment({ services: [...deployment().services, ownService(ownDirectory)] }));

  it.each(applications)('runs on %s with a table, its permissions and a route', async (stack) => {
    const template = (await extended)(stack);
    template.resourceCountIs('AWS::DynamoDB::Table', 3);
    const reader = role(template, stack === 'tenant-template-basic' ? 'Tenant' : 'Data');
    expect(statementsOf(reader)[0]?.Resource).toHaveLength(3);
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'tenantId', KeyType: 'HASH' },
        { AttributeName: 'reviewId', KeyType: 'RANGE' },
      ],
    });
    const paths = resources(template, 'AWS::ElasticLoadBalancingV2::ListenerRule').map(
      ([, { Properties }]) => Properties.Conditions[1].PathPatternConfig.Values,
    );
    expect(paths).toContainEqual(['/reviews', '/reviews/*']);
    // Nothing is known of the programs in its image.
    expect(container(template, 'reviews')).not.toHaveProperty('HealthCheck');
    expect(container(template, 'reviews')).toMatchObject({
      PortMappings: [{ ContainerPort: 8088 }],
      ReadonlyRootFilesystem: false,
    });
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 2);
  });

  it('has its image built once, from its directory', async () => {
    const images = (await extended)('coreappplane-stack');
    const value = JSON.stringify(only(images, 'AWS::SSM::Parameter').Properties.Value);
    for (const name of ['orders', 'products', 'users', 'reviews']) expect(value).toContain(`\\"${name}\\"`);
  });
});
