/** For each control, how to take it away from a deployed environment, and nothing else. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  CreateIdentityProviderCommand,
  DeleteIdentityProviderCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
  ModifyRuleCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { registryKeys } from '../../src/model/registry.ts';
import { tenantAttributes } from '../../src/model/tenant.ts';
import type { TierModel } from '../../src/model/tier.ts';
import { offboard } from '../../src/services/tenants/offboard.ts';
import { UsagePlans } from '../../src/services/usage-plans.ts';
import type { ControlName } from '../../src/services/verify/controls.ts';
import { controlPlaneMutations } from './control-plane.ts';
import type { Edit, Restore, World } from './world.ts';

export interface Mutation {
  control: ControlName;
  /** What is done, for the table. */
  how: string;
  /** Whose attacks are looked at; all when absent. */
  models?: readonly TierModel[];
  attacks?: readonly string[];
  /**
   * Where another control stops the same attacks first: it is taken away before, which must not be enough, and only
   * then the one that is looked at.
   */
  behind?: { what: string; apply(world: World): Promise<Restore> };
  apply(world: World): Promise<Restore>;
}

const token = 'functions/authorizer/token.ts';
const authorizer = 'functions/authorizer/authorizer.ts';
const identity = 'images/kit/identity.ts';
const federation = 'model/federation.ts';
const silo = ['dedicated-cluster'] as const;
const pool = ['pool'] as const;

/** The most that a role of a silo's stack may do, whatever its policy says: it goes before the policy is widened. */
const behindBoundary = (
  role: Parameters<World['roleOf']>[1],
  widen: (world: World, roleName: string) => Promise<Restore>,
): Pick<Mutation, 'behind' | 'apply'> => {
  const attackers = async (world: World): Promise<string> =>
    (await world.roleOf(world.scene('dedicated-cluster').attacker, role)).name;
  const unbound = async (world: World): Promise<Restore> => world.withoutBoundary(await attackers(world));
  return {
    behind: { what: "the boundary of tenants' roles", apply: unbound },
    async apply(world) {
      const bind = await unbound(world);
      const narrow = await widen(world, await attackers(world));
      return async () => {
        await narrow();
        await bind();
      };
    },
  };
};

const verifyCall = 'await jwtVerify(token, keysOf(issuer), {';
/** The claims are looked at as before, the signature is not. */
const unsigned = (times: boolean): Edit[] => [
  [token, verifyCall, 'await unverified(token, {'],
  [
    token,
    'const isRefusal =',
    `async function unverified(token: string, expected: { issuer: string; audience: string }) {
  const payload = decodeJwt(token);
  const now = Date.now() / 1_000;
  if (payload.iss !== expected.issuer || payload.aud !== expected.audience) throw new Unauthorized();
  if (${times} && ((payload.exp ?? 0) < now || (payload.nbf ?? 0) > now)) throw new Unauthorized();
  return { payload };
}
const isRefusal =`,
  ],
];
const noAudience: Edit = [token, 'audience: clientId,', ''];
/** A service that reads the token and verifies nothing. */
const believing: Edit[] = [
  [identity, 'await jwtVerify(token, issuerKeys(), {', 'await believed(token, {'],
  [
    identity,
    'function callerOf(',
    `async function believed(token: string, _expected: object) {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload;
  return { payload };
}
function callerOf(`,
  ],
];

const authorizerMutation = (
  control: ControlName,
  how: string,
  edits: Edit[],
  more: Partial<Mutation> = {},
): Mutation => ({
  control,
  how: `authorizer: ${how}`,
  apply: (world) => world.authorizer(...edits),
  ...more,
});

/** A rule more in a security group, by a stack of its own. */
async function ingress(world: World, groupId: string): Promise<Restore> {
  const cloudformation = new CloudFormationClient(world.context.target.client);
  const StackName = `mutation-${Math.random().toString(36).slice(2, 8)}`;
  const rule = {
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: { GroupId: groupId, IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535, CidrIp: '10.0.0.0/16' },
  };
  await cloudformation.send(
    new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources: { Rule: rule } }) }),
  );
  const waiting = { client: cloudformation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  await waitUntilStackCreateComplete(waiting, { StackName });
  return async () => {
    await cloudformation.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete(waiting, { StackName });
  };
}

const tenantRole = async (world: World): Promise<string> =>
  (await world.roleOf(world.scene('pool').attacker, 'data')).tenantRole;

const onTenantRole =
  (change: (statement: Record<string, unknown>) => void) =>
  async (world: World): Promise<Restore> =>
    world.rolePolicy(await tenantRole(world), change);
const onTenantTrust =
  (change: (statement: Record<string, unknown>) => void) =>
  async (world: World): Promise<Restore> =>
    world.roleTrust(await tenantRole(world), change);

const without = (condition: unknown, operator: string): unknown =>
  Object.fromEntries(Object.entries((condition ?? {}) as object).filter(([name]) => name !== operator));
const granting = (statement: Record<string, unknown>, action: string): void => {
  statement['Action'] = [...(statement['Action'] as string[]), action];
};
const withoutKeys = onTenantRole((statement) => {
  delete statement['Condition'];
});
const withoutGuard = (statement: Record<string, unknown>): void => {
  statement['Condition'] = without(statement['Condition'], 'Null');
};

export const mutations: readonly Mutation[] = [
  authorizerMutation('authorizer-bearer', 'takes a token wherever it stands in the header', [
    [authorizer, '/^Bearer ([\\w.-]+)$/i', '/([\\w-]+\\.[\\w-]+\\.[\\w-]*)/'],
  ]),
  authorizerMutation('authorizer-signature', 'reads tokens without verifying them', unsigned(true)),
  authorizerMutation('authorizer-lifetime', 'does not look at exp and nbf', unsigned(false), {
    behind: {
      what: 'authorizer-signature',
      apply: (world) => world.authorizer(...unsigned(true)),
    },
  }),
  authorizerMutation('authorizer-audience', 'does not look at aud', [noAudience]),
  authorizerMutation(
    'authorizer-token-use',
    'does not look at token_use',
    [
      noAudience,
      [
        authorizer,
        'const { tenantId, role: userRole } =',
        'const { tenantId = issuer.tenantId, role: userRole } =',
      ],
      [token, "if (payload['token_use'] !== 'id') throw new Unauthorized();", ''],
    ],
    {
      models: silo,
      behind: {
        what: 'authorizer-audience, and the tenant taken from the issuer',
        apply: (world) =>
          world.authorizer(noAudience, [
            authorizer,
            'const { tenantId, role: userRole } =',
            'const { tenantId = issuer.tenantId, role: userRole } =',
          ]),
      },
    },
  ),
  authorizerMutation('authorizer-issuer', 'believes any issuer', [
    [
      authorizer,
      'await trust.issuer(claimedIssuer(token));',
      '((await trust.issuer(claimedIssuer(token))) ?? ({ issuer: claimedIssuer(token) } as never));',
    ],
  ]),
  authorizerMutation('authorizer-silo-issuer', "does not compare a silo's issuer with the claim", [
    [
      authorizer,
      'if (issuer.tenantId !== undefined && issuer.tenantId !== tenantId) throw new Unauthorized();',
      '',
    ],
  ]),
  authorizerMutation('authorizer-pool-issuer', "lets the pool's issuer name silos", [
    [
      authorizer,
      "if ((issuer.tenantId === undefined) !== (tenant.model === 'pool')) throw new Unauthorized();",
      '',
    ],
  ]),
  authorizerMutation('authorizer-known-tenant', 'serves tenants that nobody knows', [
    [
      authorizer,
      'await trust.tenant(tenantId);\n  if (!tenant) throw new Unauthorized();',
      "((await trust.tenant(tenantId)) ?? { tenantId, tier: 'basic', model: 'pool', status: 'active' }) as KnownTenant;",
    ],
  ]),
  authorizerMutation(
    'authorizer-tenant-status',
    'does not look at the status of the tenant',
    [[authorizer, 'if (!served.has(tenant.status))', 'if (served.size === 0)']],
    { models: pool },
  ),
  authorizerMutation('authorizer-live-user', 'believes what the token says of its user', [
    [authorizer, '!(await trust.stillIs(issuer.issuer, username, userRole))', 'username.length === 0'],
  ]),
  authorizerMutation(
    'authorizer-federated-user',
    "takes a silo's user pool for the tenant of whoever is in it",
    [[federation, 'Array.isArray(providers) && providers.length > 0', 'true']],
    { models: silo },
  ),
  {
    control: 'authorizer-federated-silo',
    how: 'authorizer: takes the user pool that tenants have in common for that of one',
    models: pool,
    apply: (world) =>
      world.authorizer([
        authorizer,
        'claimedIdentity(claims, issuer.tenantId)',
        `claimedIdentity(claims, issuer.tenantId ?? ${JSON.stringify(world.scene('pool').attacker.tenantId)})`,
      ]),
  },
  {
    control: 'federated-least-role',
    how: 'authorizer and user service: whoever comes from an identity provider administers the tenant',
    models: silo,
    async apply(world) {
      const edit: Edit = [
        federation,
        "leastRole: UserRole = 'TenantUser'",
        "leastRole: UserRole = 'TenantAdmin'",
      ];
      const restore = await world.authorizer(edit);
      const back = await world.service(world.scene('dedicated-cluster').attacker, 'user', edit);
      return async () => {
        await back();
        await restore();
      };
    },
  },
  {
    control: 'provider-mapping',
    how: "Cognito: a provider's mapping sets a user's role",
    models: silo,
    attacks: ['federation-mapping'],
    async apply(world) {
      const cognito = new CognitoIdentityProviderClient(world.context.target.client);
      const { pool } = world.scene('dedicated-cluster').attacker;
      const of = { UserPoolId: pool.userPoolId, ProviderName: 'hostile' };
      await cognito.send(
        new CreateIdentityProviderCommand({
          ...of,
          ProviderType: 'OIDC',
          ProviderDetails: {
            oidc_issuer: pool.issuer,
            client_id: 'x',
            client_secret: 'x',
            authorize_scopes: 'openid',
            attributes_request_method: 'GET',
          },
          AttributeMapping: { email: 'email', [tenantAttributes.role]: 'role' },
        }),
      );
      return async () => {
        await cognito.send(new DeleteIdentityProviderCommand(of));
      };
    },
  },
  {
    control: 'tenant-api-key',
    how: 'authorizer: one key for all tenants',
    models: pool,
    apply: (world) =>
      world.authorizer([
        authorizer,
        'apiKeyMessage(tenantId)',
        `apiKeyMessage(${JSON.stringify(world.scene('pool').attacker.tenantId)})`,
      ]),
  },
  {
    control: 'api-authorization',
    how: 'REST API: one method without the authorizer',
    apply: (world) =>
      world.api(({ paths }) => {
        const [operations] = Object.values(paths);
        for (const operation of Object.values(operations ?? {})) delete operation.security;
      }),
  },
  {
    control: 'api-key-required',
    how: 'REST API: methods that need no key',
    models: pool,
    apply: (world) =>
      world.api(({ paths }) => {
        for (const operations of Object.values(paths))
          for (const { security } of Object.values(operations))
            for (const scheme of security ?? []) delete scheme['api_key'];
      }),
  },
  {
    control: 'api-tenant-header',
    how: 'REST API: tenantPath taken from the request',
    apply: (world) =>
      world.api(({ paths }) => {
        for (const operations of Object.values(paths))
          for (const operation of Object.values(operations)) {
            const { requestParameters } = operation['x-amazon-apigateway-integration'] ?? {};
            if (requestParameters?.['integration.request.header.tenantPath'] === undefined) continue;
            requestParameters['integration.request.header.tenantPath'] = 'method.request.header.tenantPath';
            operation.parameters = [
              ...(operation.parameters ?? []),
              { name: 'tenantPath', in: 'header', required: false, schema: { type: 'string' } },
            ];
          }
      }),
  },
  {
    control: 'api-routes',
    how: "REST API: a route that is no service's",
    attacks: ['operator-routes', 'path-tricks'],
    models: pool,
    apply: (world) =>
      world.api(({ paths }) => {
        paths['/tenants'] = {
          get: {
            responses: { 200: { description: '' } },
            'x-amazon-apigateway-integration': {
              type: 'mock',
              requestTemplates: { 'application/json': '{"statusCode":200}' },
              responses: { default: { statusCode: '200' } },
            },
          },
        };
      }),
  },
  {
    control: 'usage-plan',
    how: 'usage plan: limits that nobody reaches',
    models: pool,
    async apply(world) {
      const plans = new UsagePlans(world.context.target.client);
      const { attacker } = world.scene('pool');
      const id = world.session.shared.cell.usagePlans[attacker.tier] ?? '';
      const before = await plans.planLimits(id);
      const quota = { limit: 1_000_000, period: 'day' } as const;
      await plans.updatePlan(id, { rate: 9_000, burst: 4_500, quota });
      return async () => before && plans.updatePlan(id, before);
    },
  },
  {
    control: 'listener-rule-header',
    how: "listener: a silo's rule without its condition on tenantPath",
    async apply(world) {
      const elb = new ElasticLoadBalancingV2Client(world.context.target.client);
      const { Rules = [] } = await elb.send(
        new DescribeRulesCommand({ ListenerArn: world.session.shared.cell.listenerArn }),
      );
      const rule = Rules.filter(({ Priority }) => Priority !== 'default')
        .sort((a, b) => Number(a.Priority) - Number(b.Priority))
        .find(({ Conditions = [] }) =>
          JSON.stringify(Conditions).includes(
            world.context.config.services.find(({ image }) => image === 'builtin:product')?.path ?? '',
          ),
        );
      const conditions = (rule?.Conditions ?? []).map(({ Values: _, ...condition }) => condition);
      const put = (Conditions: typeof conditions) =>
        elb.send(new ModifyRuleCommand({ RuleArn: rule?.RuleArn, Conditions }));
      await put(conditions.filter(({ Field }) => Field !== 'http-header'));
      return () => put(conditions);
    },
  },
  {
    control: 'load-balancer-group',
    how: "security group: the load balancer's lets the whole network in",
    attacks: ['load-balancer-ways-in'],
    models: pool,
    apply: (world) => ingress(world, world.session.shared.cell.loadBalancerSecurityGroupId),
  },
  {
    control: 'task-group',
    how: "security group: a tenant's lets the whole network in",
    models: pool,
    async apply(world) {
      const { attacker } = world.scene('dedicated-cluster');
      const { services = [] } = await new ECSClient(world.context.target.client).send(
        new DescribeServicesCommand({
          cluster: attacker.cluster,
          services: Object.values(attacker.services).slice(0, 1),
        }),
      );
      const [group = ''] = services[0]?.networkConfiguration?.awsvpcConfiguration?.securityGroups ?? [];
      return ingress(world, group);
    },
  },
  {
    control: 'service-token',
    how: 'order service: reads tokens without verifying them',
    models: silo,
    attacks: ['task-direct-with-forged-token'],
    apply: (world) => world.service(world.scene('dedicated-cluster').neighbour, 'order', ...believing),
  },
  {
    control: 'service-tenant',
    how: "product service: takes its issuer's tokens for any tenant",
    models: silo,
    apply: (world) =>
      world.service(world.scene('dedicated-cluster').neighbour, 'product', [
        identity,
        'if (options.tenantId !== undefined && caller.tenantId !== options.tenantId)',
        'if (options.tenantId === "")',
      ]),
  },
  {
    control: 'service-role',
    how: 'user service: asks no role',
    models: silo,
    attacks: ['user-on-admin-routes-read', 'user-after-permitted-call', 'user-method-override'],
    apply: (world) =>
      world.service(world.scene('dedicated-cluster').attacker, 'user', [
        'images/kit/service.ts',
        "if (caller.role !== 'TenantAdmin') throw forbidden('only a TenantAdmin may do this');",
        'void forbidden;',
      ]),
  },
  {
    control: 'service-item-scope',
    how: 'product service: believes a header about the tenant',
    models: pool,
    attacks: ['header-look-alikes', 'list-without-neighbours'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/service.ts',
        'if (request.caller) return request.caller;',
        "if (request.caller) return { ...request.caller, tenantId: String(request.headers['x-tenant-id'] ?? request.caller.tenantId) };",
      ]),
  },
  {
    control: 'service-user-scope',
    how: 'user service: shows any user of the pool by his id',
    models: pool,
    attacks: ['user-by-id-get'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'user', [
        'images/user/directory.ts',
        'return user.tenantId === tenantId ? user.shown : undefined;',
        'return user.shown;',
      ]),
  },
  {
    control: 'service-body-schema',
    how: 'product service: takes fields that it does not have',
    models: pool,
    attacks: ['id-in-body'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/item-routes.ts',
        'additionalProperties: false,',
        '',
      ]),
  },
  {
    control: 'service-page-token',
    how: "product service: takes anybody's nextToken",
    models: pool,
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/page-token.ts',
        'timingSafeEqual(bytes.subarray(0, 12), seal(tenantId, position));',
        'timingSafeEqual(seal(tenantId, position), seal(tenantId, position));',
      ]),
  },
  {
    control: 'tenant-role-leading-keys',
    how: 'IAM: the tenant role without its condition on LeadingKeys',
    models: pool,
    apply: onTenantRole((statement) => {
      statement['Condition'] = without(statement['Condition'], 'ForAllValues:StringEquals');
    }),
  },
  {
    control: 'tenant-role-null-guard',
    how: 'IAM: the tenant role without Null: false',
    models: pool,
    behind: {
      what: 'tenant-role-actions (Scan granted)',
      apply: onTenantRole((statement) => granting(statement, 'dynamodb:Scan')),
    },
    apply: onTenantRole((statement) => {
      granting(statement, 'dynamodb:Scan');
      withoutGuard(statement);
    }),
  },
  {
    control: 'tenant-role-actions',
    how: 'IAM: the tenant role may Scan',
    models: pool,
    behind: { what: 'tenant-role-null-guard', apply: onTenantRole(withoutGuard) },
    apply: onTenantRole((statement) => {
      withoutGuard(statement);
      granting(statement, 'dynamodb:Scan');
    }),
  },
  {
    control: 'tenant-role-tables',
    how: 'IAM: the tenant role reaches every table',
    models: pool,
    behind: { what: 'tenant-role-leading-keys', apply: withoutKeys },
    apply: onTenantRole((statement) => {
      delete statement['Condition'];
      statement['Resource'] = '*';
    }),
  },
  {
    control: 'tenant-role-trust-tag',
    how: 'IAM: the tenant role is given without the tag',
    models: pool,
    apply: onTenantTrust((statement) => {
      statement['Condition'] = without(statement['Condition'], 'StringLike');
    }),
  },
  {
    control: 'tenant-role-trust-tag-keys',
    how: 'IAM: the tenant role is given with any further tag',
    models: pool,
    apply: onTenantTrust((statement) => {
      statement['Condition'] = without(statement['Condition'], 'ForAllValues:StringEquals');
    }),
  },
  {
    control: 'tenant-role-trust-principal',
    how: "IAM: the tenant role is given to a silo's tasks",
    models: silo,
    async apply(world) {
      const { arn } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'data');
      return world.roleTrust(await tenantRole(world), (statement) => {
        const { AWS } = statement['Principal'] as { AWS: string };
        statement['Principal'] = { AWS: [AWS, arn] };
      });
    },
  },
  {
    control: 'pool-task-role',
    how: "IAM: the pool's task role reaches tables by itself",
    models: pool,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('pool').attacker, 'data');
      return world.rolePolicy(name, () => {}, { Action: 'dynamodb:GetItem', Resource: '*' });
    },
  },
  {
    control: 'silo-task-role-tables',
    how: "IAM: a silo's task role reaches every table",
    models: silo,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'data');
      return world.rolePolicy(name, (statement) => {
        statement['Resource'] = '*';
      });
    },
  },
  {
    control: 'silo-task-role-actions',
    how: "IAM: a silo's task role may Scan",
    models: silo,
    ...behindBoundary('data', (world, name) =>
      world.rolePolicy(name, (statement) => granting(statement, 'dynamodb:Scan')),
    ),
  },
  {
    control: 'identity-role-pool',
    how: "IAM: the user service's role reaches every user pool",
    models: silo,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'identity');
      return world.rolePolicy(name, (statement) => {
        statement['Resource'] = '*';
      });
    },
  },
  {
    control: 'identity-role-actions',
    how: "IAM: the user service's role may list its pool",
    models: silo,
    ...behindBoundary('identity', (world, name) =>
      world.rolePolicy(name, (statement) => granting(statement, 'cognito-idp:ListUsers')),
    ),
  },
  {
    control: 'task-roles-only',
    how: "IAM: a task role may read the operator's secrets",
    models: silo,
    attacks: ['role-operator-calls'],
    ...behindBoundary('data', (world, name) =>
      world.rolePolicy(name, () => {}, { Action: 'secretsmanager:GetSecretValue', Resource: '*' }),
    ),
  },
  {
    control: 'role-trust',
    how: "IAM: a neighbour's task role may be taken by a task of another tenant",
    models: silo,
    attacks: ['role-other-roles'],
    async apply(world) {
      const { attacker, neighbour } = world.scene('dedicated-cluster');
      const { arn } = await world.roleOf(attacker, 'data');
      const { name } = await world.roleOf(neighbour, 'data');
      return world.roleTrust(name, (statement) => {
        statement['Principal'] = { Service: 'ecs-tasks.amazonaws.com', AWS: arn };
        delete statement['Condition'];
      });
    },
  },
  {
    control: 'client-write-attributes',
    how: 'Cognito: the client may write the attributes of the tenant',
    models: silo,
    apply: (world) =>
      world.userPoolClient(world.scene('dedicated-cluster').attacker, {
        WriteAttributes: [
          'email',
          'name',
          tenantAttributes.role,
          tenantAttributes.tier,
          tenantAttributes.name,
        ],
      }),
  },
  {
    control: 'no-self-sign-up',
    how: 'Cognito: anybody may sign up',
    models: silo,
    apply: (world) =>
      world.userPool(world.scene('dedicated-cluster').neighbour, {
        AdminCreateUserConfig: { AllowAdminCreateUserOnly: false },
      }),
  },
  {
    control: 'verified-address',
    how: 'Cognito: a new address counts before it is proved',
    models: silo,
    apply: (world) =>
      world.userPool(world.scene('dedicated-cluster').attacker, {
        UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: [] },
      }),
  },
  {
    control: 'hidden-users',
    how: 'Cognito: says that a user does not exist',
    models: silo,
    apply: (world) =>
      world.userPoolClient(world.scene('dedicated-cluster').neighbour, {
        PreventUserExistenceErrors: 'LEGACY',
      }),
  },
  {
    control: 'tenant-names',
    how: "registry: a name's lock is gone",
    models: pool,
    attacks: ['onboard-same-name'],
    async apply(world) {
      const { neighbour } = world.scene('pool');
      const dynamodb = new DynamoDBClient(world.context.target.client);
      const TableName = world.session.shared.registryTable;
      const { pk, sk } = registryKeys.name(neighbour.name);
      const Key = { pk: { S: pk }, sk: { S: sk } };
      await dynamodb.send(new DeleteItemCommand({ TableName, Key }));
      return async () => {
        const second = await world.session.registry.tenantIdOf(neighbour.name);
        if (second !== undefined && second !== neighbour.tenantId)
          await offboard(world.context, { tenant: second });
        await dynamodb.send(
          new PutItemCommand({ TableName, Item: { ...Key, tenantId: { S: neighbour.tenantId } } }),
        );
      };
    },
  },
  ...controlPlaneMutations,
];

/** Controls that no call of AWS can take away, and why that is no gap. */
export const irremovable: Partial<Record<ControlName, string>> = {
  'tenant-id-immutable':
    'Cognito has no call that makes an attribute of a user pool mutable; raw-move-user is refused by the schema alone, with every other permission it needs',
};
