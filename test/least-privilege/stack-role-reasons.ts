/**
 * The roles that CloudFormation takes. The embedded cloud makes a stack's resources without its role, so nothing of
 * them is recorded: that each action is for a type of the templates, and each type has its actions, is held by
 * test/templates/stack-roles.test.ts.
 */
import { Aws } from 'aws-cdk-lib/core';
import { cellStackPermissions } from '../../src/templates/shared-infra/cell-stack-role.ts';
import type { Statement } from '../../src/templates/shared-infra/stack-policy.ts';
import { tenantStackPermissions } from '../../src/templates/shared-infra/tenant-stack-policy.ts';
import type { Reason } from './compare.ts';

const tenants = 'shared-infra-stack/TenantStacksRole';
const cells = 'shared-infra-stack/CellStacksRole';

/** Each action under the first type that needs it. */
function byType(role: string, types: readonly (readonly [string, Statement[]])[]): Reason[] {
  const seen = new Set<string>();
  return types.map(([type, statements]) => {
    const actions = [...new Set(statements.flatMap(({ Action }) => Action))].filter(
      (action) => !seen.has(action),
    );
    for (const action of actions) seen.add(action);
    const why = `CloudFormation makes, changes and deletes ${type} with it (the type's schema, handlers' permissions)`;
    return { role, kind: 'uncalled', actions, why };
  });
}

const of = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);
const wide = (role: string, why: string, ...actions: string[]): Reason => ({
  role,
  kind: 'wide',
  actions,
  why,
});

const knowsNone = 'they know no resource (Service Authorization Reference)';
const groupIds =
  "EC2 makes up a security group's id and those of its rules; the environment's VPC tells its groups";
const securityGroups = of(
  'ec2',
  ...['CreateSecurityGroup', 'DeleteSecurityGroup', 'AuthorizeSecurityGroupIngress'],
  ...['AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress', 'RevokeSecurityGroupEgress'],
  ...['CreateTags', 'DeleteTags'],
);
const describeGroups = of('ec2', 'DescribeSecurityGroups', 'DescribeSecurityGroupRules');

const [app, environment, prefix, vpcId] = ['', '', undefined, Aws.NO_VALUE];
const ofTenants = Object.entries(tenantStackPermissions)
  // The systems that are used have DynamoDB's keys.
  .filter(([type]) => type !== 'AWS::KMS::Key')
  .map(
    ([type, statements]) =>
      [type, statements({ app, environment, prefix, vpcId, executionRoleArn: '', boundaryArn: '' })] as const,
  );
const ofCells = Object.entries(cellStackPermissions).map(
  ([type, statements]) =>
    [
      type,
      statements({
        deployment: { app, environment, security: { encryption: 'aws-owned' } } as never,
        vpcId,
        authorizerArn: '',
      }),
    ] as const,
);

export const stackRoleReasons: readonly Reason[] = [
  ...byType(tenants, ofTenants),
  wide(tenants, groupIds, ...securityGroups),
  wide(tenants, knowsNone, ...describeGroups),
  wide(
    tenants,
    knowsNone,
    ...of('ecs', 'RegisterTaskDefinition', 'DeregisterTaskDefinition', 'DescribeTaskDefinition'),
    ...of('ecs', 'DescribeCapacityProviders'),
    ...of('application-autoscaling', 'DescribeScalableTargets', 'DescribeScalingPolicies'),
    ...of('autoscaling', 'DescribeAutoScalingGroups', 'DescribeScalingActivities'),
    ...of('ec2', 'DescribeLaunchTemplates', 'DescribeLaunchTemplateVersions'),
    ...of(
      'elasticloadbalancing',
      'DescribeListeners',
      'DescribeLoadBalancers',
      'DescribeRules',
      'DescribeTags',
    ),
    ...of(
      'elasticloadbalancing',
      'DescribeTargetGroupAttributes',
      'DescribeTargetGroups',
      'DescribeTargetHealth',
    ),
    ...of('logs', 'DescribeLogGroups'),
    ...of('cognito-idp', 'DescribeUserPoolDomain'),
    ...of('servicediscovery', 'CreateHttpNamespace', 'GetOperation', 'ListNamespaces'),
  ),
  wide(
    tenants,
    "ECS makes up the ids of a service's deployments and revisions; reading them tells how a deployment went",
    ...of('ecs', 'ListServiceDeployments', 'DescribeServiceDeployments', 'DescribeServiceRevisions'),
  ),
  wide(
    tenants,
    "Cognito makes up a pool's id; the environment's tags tell its pools, and new ones must bear them",
    ...of('cognito-idp', 'CreateUserPool', 'TagResource', 'AddCustomAttributes', 'DeleteUserPool'),
    ...of('cognito-idp', 'DescribeUserPool', 'GetUserPoolMfaConfig', 'ListTagsForResource'),
    ...of('cognito-idp', 'SetUserPoolMfaConfig', 'UntagResource', 'UpdateUserPool', 'CreateUserPoolClient'),
    ...of('cognito-idp', 'DeleteUserPoolClient', 'DescribeUserPoolClient', 'UpdateUserPoolClient'),
    ...of('cognito-idp', 'CreateUserPoolDomain', 'UpdateUserPoolDomain', 'DeleteUserPoolDomain'),
  ),
  wide(
    tenants,
    'Elastic Load Balancing makes up the ids in the ARNs of target groups and rules, after names that CloudFormation shortens',
    ...of('elasticloadbalancing', 'CreateTargetGroup', 'DeleteTargetGroup', 'ModifyTargetGroup'),
    ...of('elasticloadbalancing', 'ModifyTargetGroupAttributes', 'AddTags', 'RemoveTags'),
    ...of('elasticloadbalancing', 'CreateRule', 'DeleteRule', 'ModifyRule', 'SetRulePriorities'),
  ),
  wide(
    tenants,
    "Application Auto Scaling makes up a scalable target's id",
    ...of(
      'application-autoscaling',
      'RegisterScalableTarget',
      'DeregisterScalableTarget',
      'ListTagsForResource',
    ),
    ...of(
      'application-autoscaling',
      'TagResource',
      'UntagResource',
      'PutScalingPolicy',
      'DeleteScalingPolicy',
    ),
  ),
  wide(
    tenants,
    "EC2 makes up a launch template's id",
    ...of('ec2', 'CreateLaunchTemplate', 'CreateLaunchTemplateVersion', 'DeleteLaunchTemplate'),
    ...of('ec2', 'DeleteLaunchTemplateVersions', 'ModifyLaunchTemplate'),
  ),
  wide(
    tenants,
    'a launch touches subnets, images, interfaces and volumes; what it may be is held to launch templates by a condition',
    'ec2:RunInstances',
  ),
  wide(
    tenants,
    "Cloud Map makes up a namespace's id",
    ...of('servicediscovery', 'DeleteNamespace', 'GetNamespace', 'UpdateHttpNamespace'),
    ...of('servicediscovery', 'ListTagsForResource', 'TagResource', 'UntagResource'),
  ),

  {
    role: cells,
    kind: 'uncalled',
    actions: ['ssm:GetParameters'],
    why: "CloudFormation reads the template's parameters from what the shared stacks wrote down",
  },
  ...byType(cells, ofCells).map((each) => ({
    ...each,
    actions: each.actions.filter((action) => action !== 'ssm:GetParameters'),
  })),
  wide(cells, groupIds, ...securityGroups),
  wide(
    cells,
    knowsNone,
    ...describeGroups,
    ...of('ec2', 'DescribeInternetGateways', 'DescribeSubnets', 'DescribeVpcs'),
    ...of('elasticloadbalancing', 'DescribeCapacityReservation', 'DescribeListenerAttributes'),
    ...of(
      'elasticloadbalancing',
      'DescribeListeners',
      'DescribeLoadBalancerAttributes',
      'DescribeLoadBalancers',
    ),
    ...of('elasticloadbalancing', 'DescribeTags'),
    ...of('logs', 'DescribeLogGroups'),
  ),
  wide(
    cells,
    "API Gateway's actions are its API's methods, and it makes up the ids in their paths",
    ...of('apigateway', 'GET', 'POST', 'PATCH', 'PUT', 'DELETE'),
  ),
  wide(
    cells,
    'Elastic Load Balancing makes up the ids in the ARNs of load balancers and listeners, after names that CloudFormation shortens',
    ...of('elasticloadbalancing', 'CreateLoadBalancer', 'DeleteLoadBalancer', 'ModifyLoadBalancerAttributes'),
    ...of(
      'elasticloadbalancing',
      'SetIpAddressType',
      'SetSecurityGroups',
      'SetSubnets',
      'AddTags',
      'RemoveTags',
    ),
    ...of(
      'elasticloadbalancing',
      'CreateListener',
      'DeleteListener',
      'ModifyListener',
      'ModifyListenerAttributes',
    ),
  ),
];
