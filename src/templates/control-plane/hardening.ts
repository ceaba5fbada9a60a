/** What the toolkit's control plane leaves open, closed by overrides: scopes, data, permissions, logs, limits. */
import { CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnUserPool, CfnUserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { Aspects, type IAspect, Names, Stack } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';
import { scopes } from '../../model/control-plane.ts';
import { keep } from '../keep.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';

/** Of the routes that any token of the pool would open; the others the toolkit guards by scope or IAM itself. */
const routeScopes: Readonly<Record<string, string>> = {
  'POST /tenant-registrations': scopes.tenantWrite,
  'GET /tenant-registrations': scopes.tenantRead,
  'GET /tenant-registrations/{tenantRegistrationId}': scopes.tenantRead,
  'PATCH /tenant-registrations/{tenantRegistrationId}': scopes.tenantWrite,
  'DELETE /tenant-registrations/{tenantRegistrationId}': scopes.tenantWrite,
  'GET /tenants': scopes.tenantRead,
  'GET /tenants/{tenantId}': scopes.tenantRead,
};

const publicRoutes = ['GET /tenant-config', 'GET /tenant-config/{tenantName}'];

/** Refresh tokens are revoked when an operator is disabled; an access token holds for as long as it was given. */
const accessTokenMinutes = 15;

/** After the toolkit's own aspect, which lets everything go with the stack. */
const afterTheToolkits = 700;

/** @param stack that the toolkit's control plane was made in */
export function harden(stack: Stack, userPoolArn: string): void {
  // Log groups first: an aspect may add nothing that it would then have to visit.
  for (const child of stack.node.findAll()) {
    if (child instanceof CfnFunction) giveLogs(child);
    acceptFindings(child);
  }
  Aspects.of(stack).add(new Hardening(userPoolArn), { priority: afterTheToolkits });
}

/** Else Lambda makes a group that is kept for ever. */
function giveLogs(lambda: CfnFunction): void {
  if (lambda.loggingConfig !== undefined) return;
  // Apart from the function: what is inside it waits for its role, and the role names the group.
  const logs = new CfnLogGroup(Stack.of(lambda), `${Names.uniqueId(lambda)}Logs`, {
    retentionInDays: logRetentionDays,
  });
  lambda.loggingConfig = { logGroup: logs.ref, logFormat: 'JSON' };
}

/** What the review finds and the toolkit is left as it is in. */
function acceptFindings(node: IConstruct): void {
  if (node instanceof CfnRoute && publicRoutes.includes(node.routeKey))
    accept(node, {
      id: 'AwsSolutions-APIG4',
      reason: 'A sign-in page asks it before anybody is signed in; it is throttled',
    });
  else if (node instanceof CfnUserPool)
    accept(
      node,
      {
        id: 'AwsSolutions-COG2',
        reason:
          'Required, a second factor would lock the first administrator out of the only way to add one; every operator is offered it',
      },
      {
        id: 'AwsSolutions-COG8',
        reason: 'The Plus plan is a choice that bills every operator, not a default',
      },
    );
  else if (node instanceof CfnFunction)
    accept(node, {
      id: 'AwsSolutions-L1',
      reason: 'The newest Python that the layer which the toolkit names is made for',
    });
  else if (node instanceof CfnRole)
    accept(node, {
      id: 'AwsSolutions-IAM5',
      reason: "The streams of the function's own log group, which Lambda names",
    });
  else if (node instanceof CfnPolicy)
    accept(node, {
      id: 'AwsSolutions-IAM5',
      reason:
        "The toolkit's own: indexes of its tables, ids in its API's paths, and traces, which know no resource",
    });
}

interface Statement {
  Action: string | string[];
  Resource: unknown;
}

const tracing = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];

/** Part of a policy's path -> what the function calls that it is of; see test/least-privilege. */
const called: readonly (readonly [string, readonly string[]])[] = [
  [
    'tenantManagementExecRole',
    ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Scan'],
  ],
  [
    'TenantRegistrationFunc',
    [
      ...['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Scan'],
      ...['events:PutEvents', 'execute-api:Invoke'],
    ],
  ],
  ['TenantConfigServiceLambda', ['dynamodb:GetItem', 'dynamodb:Query', ...tracing]],
  [
    'userManagementExecRole',
    [
      ...['cognito-idp:AdminCreateUser', 'cognito-idp:AdminDeleteUser', 'cognito-idp:AdminGetUser'],
      ...['cognito-idp:AdminUpdateUserAttributes', 'cognito-idp:ListUsers'],
    ],
  ],
];

/** Whether the function has this role. */
function isRoleOf(role: CfnRole, lambda: CfnFunction): boolean {
  const stack = Stack.of(role);
  const { 'Fn::GetAtt': [id] = [] } = stack.resolve(lambda.role) as { 'Fn::GetAtt'?: string[] };
  return id === stack.resolve(role.logicalId);
}

/** Of the group that the function writes to, which is one of this stack's. */
function logGroupArn(lambda: CfnFunction): object {
  const { logGroup } = Stack.of(lambda).resolve(lambda.loggingConfig) as { logGroup: { Ref: string } };
  return { 'Fn::GetAtt': [logGroup.Ref, 'Arn'] };
}

class Hardening implements IAspect {
  readonly #userPoolArn: string;
  constructor(userPoolArn: string) {
    this.#userPoolArn = userPoolArn;
  }

  visit(node: IConstruct): void {
    if (node instanceof CfnRoute) this.route(node);
    else if (node instanceof CfnStage) this.stage(node);
    else if (node instanceof CfnTable) this.table(node);
    else if (node instanceof CfnUserPool) this.pool(node);
    else if (node instanceof CfnUserPoolClient) this.client(node);
    else if (node instanceof CfnLogGroup) node.retentionInDays = logRetentionDays;
    else if (node instanceof CfnRole) this.role(node);
    else if (node instanceof CfnPolicy) this.policy(node);
  }

  private route(route: CfnRoute): void {
    const scope = routeScopes[route.routeKey];
    if (scope !== undefined) route.authorizationScopes = [scope];
  }

  private stage(stage: CfnStage): void {
    stage.defaultRouteSettings = { throttlingRateLimit: 50, throttlingBurstLimit: 100 };
    stage.routeSettings = Object.fromEntries(
      publicRoutes.map((route) => [route, { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20 }]),
    );
    // API Gateway wants a route to be there before it is given limits of its own.
    for (const route of Stack.of(stage).node.findAll())
      if (route instanceof CfnRoute && publicRoutes.includes(route.routeKey))
        stage.addResourceDependency(route);
  }

  private table(table: CfnTable): void {
    keep(table);
    table.billingMode = 'PAY_PER_REQUEST';
    table.provisionedThroughput = undefined;
    for (const [index] of asArray(table.globalSecondaryIndexes).entries())
      table.addPropertyDeletionOverride(`GlobalSecondaryIndexes.${index}.ProvisionedThroughput`);
    table.pointInTimeRecoverySpecification = { pointInTimeRecoveryEnabled: true };
  }

  private pool(pool: CfnUserPool): void {
    keep(pool);
    pool.mfaConfiguration = 'OPTIONAL';
    pool.enabledMfas = ['SOFTWARE_TOKEN_MFA'];
  }

  private client(client: CfnUserPoolClient): void {
    const machine = asArray(client.allowedOAuthFlows).includes('client_credentials');
    if (machine) {
      // The command line lists what is registered, too.
      client.allowedOAuthScopes = [scopes.tenantRead, scopes.tenantWrite];
      return;
    }
    client.allowedOAuthFlows = ['code'];
    client.preventUserExistenceErrors = 'ENABLED';
    client.explicitAuthFlows = ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'];
    // A role is given by who may write users, not taken.
    client.writeAttributes = ['email'];
    // Nobody asks whether its operator is still one: it must not hold for long.
    client.accessTokenValidity = accessTokenMinutes;
    client.tokenValidityUnits = { accessToken: 'minutes' };
  }

  /** Of AWS's policies none stays: a function writes into its own log group, and what else it does is in its policy. */
  private role(role: CfnRole): void {
    const stack = Stack.of(role);
    if (asArray(stack.resolve(role.managedPolicyArns)).length === 0) return;
    role.addPropertyDeletionOverride('ManagedPolicyArns');
    const groups = stack.node
      .findAll()
      .flatMap((child) =>
        child instanceof CfnFunction && isRoleOf(role, child) ? [logGroupArn(child)] : [],
      );
    const statement = {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: groups,
    };
    role.addPropertyOverride('Policies', [
      { PolicyName: 'logs', PolicyDocument: { Version: '2012-10-17', Statement: [statement] } },
    ]);
  }

  /** The toolkit lets its user function at every pool of the account, and grants more of tables than is called. */
  private policy(policy: CfnPolicy): void {
    const { Statement = [] } = Stack.of(policy).resolve(policy.policyDocument) as { Statement?: Statement[] };
    const needed = called.find(([name]) => policy.node.path.includes(name))?.[1];
    const narrowed = Statement.map((statement) => {
      const actions = [statement.Action].flat();
      const pools =
        actions.every((action) => action.startsWith('cognito-idp:')) && statement.Resource === '*';
      return {
        ...statement,
        Action: needed ? actions.filter((action) => needed.includes(action)) : statement.Action,
        ...(pools && { Resource: this.#userPoolArn }),
      };
    });
    policy.addPropertyOverride(
      'PolicyDocument.Statement',
      narrowed.filter(({ Action }) => Action.length > 0),
    );
  }
}

const asArray = <T>(value: readonly T[] | unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);
