/**
 * What CloudFormation needs for the stacks of siloed tenants, by the types of their resources. Sources: the handlers'
 * permissions in CloudFormation's resource schemas, and the Service Authorization Reference.
 */
import { Aws } from 'aws-cdk-lib/core';
import { anyTenantId, stackNameInRole, stackNames, tenantStackName, withPrefix } from '../../model/names.ts';
import { allow, arn, of, policyOf, type Statement } from './stack-policy.ts';

export interface TenantStackScope {
  app: string;
  environment: string;
  prefix: string | undefined;
  vpcId: string;
  executionRoleArn: string;
  /** Every role of a tenant must carry it, so that no template can make one that may do more. */
  boundaryArn: string;
}

/** Keys have made-up ids; their tags come with them, from their stack. */
const keys = arn('kms', 'key/*');

/** Siloed tenants' stacks, and no other: not the pool's, which is `tenant-template-basic`. */
export const tenantStacks = (prefix: string | undefined): string => tenantStackName(prefix, anyTenantId);
/** CloudFormation names what it makes after the stack. */
export const inTenantStacks = (prefix: string | undefined): string => `${tenantStacks(prefix)}-*`;
/** It shortens a stack's name where it makes a role's of it. */
export const tenantRoles = (prefix: string | undefined): string =>
  `${tenantStacks(prefix).slice(0, stackNameInRole)}*`;

/** Resource type -> what making, changing and deleting one takes. */
export const tenantStackPermissions: Record<string, (scope: TenantStackScope) => Statement[]> = {
  'AWS::ECS::Cluster': ({ prefix }) => [
    allow(
      of(
        'ecs',
        'CreateCluster',
        'DeleteCluster',
        'DescribeClusters',
        'UpdateCluster',
        'UpdateClusterSettings',
      ),
      arn('ecs', `cluster/${tenantStacks(prefix)}`),
    ),
    allow(
      of('ecs', 'DescribeClusters'),
      arn('ecs', `cluster/${withPrefix(prefix, stackNames.sharedCluster)}`),
    ),
    allow(of('ecs', 'ListTagsForResource', 'TagResource', 'UntagResource'), [
      arn('ecs', `cluster/${tenantStacks(prefix)}`),
      arn('ecs', `service/*/${inTenantStacks(prefix)}`),
      arn('ecs', `task-definition/${tenantStacks(prefix)}*`),
      arn('ecs', `capacity-provider/saas-${tenantStacks(prefix)}`),
    ]),
    allow(['iam:CreateServiceLinkedRole'], arn('iam', 'role/aws-service-role/*', ''), {
      StringEquals: {
        'iam:AWSServiceName': [
          'ecs.amazonaws.com',
          'ecs.application-autoscaling.amazonaws.com',
          'autoscaling.amazonaws.com',
        ],
      },
    }),
  ],
  // The cluster of a tenant may be a shared one.
  'AWS::ECS::Service': ({ prefix }) => [
    allow(
      of('ecs', 'CreateService', 'DeleteService', 'DescribeServices', 'UpdateService'),
      arn('ecs', `service/*/${inTenantStacks(prefix)}`),
    ),
    allow(
      of('ecs', 'ListServiceDeployments', 'DescribeServiceDeployments', 'DescribeServiceRevisions'),
      arn('ecs', '*'),
    ),
  ],
  'AWS::ECS::TaskDefinition': ({ prefix, executionRoleArn }) => [
    // Deregistering and describing know no resource.
    allow(of('ecs', 'RegisterTaskDefinition', 'DeregisterTaskDefinition', 'DescribeTaskDefinition'), '*'),
    allow(['iam:PassRole'], [arn('iam', `role/${tenantRoles(prefix)}`, ''), executionRoleArn], {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    }),
  ],
  'AWS::ECS::CapacityProvider': ({ prefix }) => [
    allow(
      of('ecs', 'CreateCapacityProvider', 'DeleteCapacityProvider', 'UpdateCapacityProvider'),
      arn('ecs', `capacity-provider/saas-${tenantStacks(prefix)}`),
    ),
    allow(of('ecs', 'DescribeCapacityProviders'), '*'),
  ],
  'AWS::ECS::ClusterCapacityProviderAssociations': ({ prefix }) => [
    allow(of('ecs', 'PutClusterCapacityProviders'), arn('ecs', `cluster/${tenantStacks(prefix)}`)),
  ],
  'AWS::Cognito::UserPool': (scope) => [
    // A pool's id is made by Cognito; its tags come with it.
    allow(of('cognito-idp', 'CreateUserPool', 'TagResource'), '*', owned('RequestTag', scope)),
    allow(
      of(
        'cognito-idp',
        ...['AddCustomAttributes', 'DeleteUserPool', 'DescribeUserPool', 'GetUserPoolMfaConfig'],
        ...['ListTagsForResource', 'SetUserPoolMfaConfig', 'UntagResource', 'UpdateUserPool'],
      ),
      arn('cognito-idp', 'userpool/*'),
      owned('ResourceTag', scope),
    ),
  ],
  'AWS::Cognito::UserPoolClient': (scope) => [
    allow(
      of(
        'cognito-idp',
        ...['CreateUserPoolClient', 'DeleteUserPoolClient', 'DescribeUserPoolClient', 'UpdateUserPoolClient'],
      ),
      arn('cognito-idp', 'userpool/*'),
      owned('ResourceTag', scope),
    ),
  ],
  'AWS::Cognito::UserPoolDomain': (scope) => [
    allow(
      of('cognito-idp', 'CreateUserPoolDomain', 'UpdateUserPoolDomain', 'DeleteUserPoolDomain'),
      arn('cognito-idp', 'userpool/*'),
      owned('ResourceTag', scope),
    ),
    // Looks a domain up among everybody's: it knows no resource.
    allow(of('cognito-idp', 'DescribeUserPoolDomain'), '*'),
  ],
  'AWS::DynamoDB::Table': ({ prefix }) => [
    allow(
      of(
        'dynamodb',
        ...['CreateTable', 'DeleteTable', 'DescribeTable', 'UpdateTable'],
        ...['DescribeContinuousBackups', 'UpdateContinuousBackups', 'DescribeContributorInsights'],
        ...['DescribeKinesisStreamingDestination', 'DescribeTimeToLive', 'GetResourcePolicy'],
        ...['ListTagsOfResource', 'TagResource', 'UntagResource'],
      ),
      arn('dynamodb', `table/${inTenantStacks(prefix)}`),
    ),
  ],
  'AWS::KMS::Key': (scope) => [
    allow(of('kms', 'CreateKey', 'TagResource'), '*', owned('RequestTag', scope)),
    allow(
      of(
        'kms',
        ...['DescribeKey', 'DisableKey', 'DisableKeyRotation', 'EnableKey', 'EnableKeyRotation'],
        ...['GetKeyPolicy', 'GetKeyRotationStatus', 'ListResourceTags', 'PutKeyPolicy'],
        ...['ScheduleKeyDeletion', 'UntagResource', 'UpdateKeyDescription'],
        // Whoever makes a table under a key hands it to DynamoDB; that way alone the key's policy lets it be used.
        ...['CreateGrant', 'Decrypt', 'Encrypt', 'GenerateDataKey'],
      ),
      keys,
      owned('ResourceTag', scope),
    ),
    allow(
      of('logs', 'AssociateKmsKey', 'DisassociateKmsKey'),
      arn('logs', `log-group:/saas-ecs/${tenantStacks(scope.prefix)}`),
    ),
  ],
  'AWS::IAM::Role': ({ prefix, boundaryArn }) => [
    allow(
      of('iam', 'CreateRole', 'PutRolePolicy', 'PutRolePermissionsBoundary'),
      arn('iam', `role/${tenantRoles(prefix)}`, ''),
      { StringEquals: { 'iam:PermissionsBoundary': boundaryArn } },
    ),
    allow(
      of(
        'iam',
        ...['DeleteRole', 'DeleteRolePolicy', 'GetRole', 'GetRolePolicy', 'ListAttachedRolePolicies'],
        ...['ListRolePolicies', 'TagRole', 'UntagRole', 'UpdateAssumeRolePolicy', 'UpdateRole'],
      ),
      arn('iam', `role/${tenantRoles(prefix)}`, ''),
    ),
  ],
  'AWS::IAM::InstanceProfile': ({ prefix }) => [
    allow(
      of(
        'iam',
        ...['AddRoleToInstanceProfile', 'CreateInstanceProfile', 'DeleteInstanceProfile'],
        ...['GetInstanceProfile', 'RemoveRoleFromInstanceProfile'],
      ),
      arn('iam', `instance-profile/${tenantRoles(prefix)}`, ''),
    ),
    allow(['iam:PassRole'], arn('iam', `role/${tenantRoles(prefix)}`, ''), {
      StringEquals: { 'iam:PassedToService': `ec2.${Aws.URL_SUFFIX}` },
    }),
  ],
  'AWS::ElasticLoadBalancingV2::TargetGroup': () => [
    allow(
      of(
        'elasticloadbalancing',
        ...['CreateTargetGroup', 'DeleteTargetGroup', 'ModifyTargetGroup', 'ModifyTargetGroupAttributes'],
        ...['AddTags', 'RemoveTags'],
      ),
      arn('elasticloadbalancing', 'targetgroup/*'),
    ),
    // Describing load balancers and their parts knows no resource.
    allow(
      of(
        'elasticloadbalancing',
        ...['DescribeTargetGroups', 'DescribeTargetGroupAttributes', 'DescribeTargetHealth', 'DescribeTags'],
        ...['DescribeListeners', 'DescribeRules', 'DescribeLoadBalancers'],
      ),
      '*',
    ),
  ],
  'AWS::ElasticLoadBalancingV2::ListenerRule': () => [
    allow(
      of(
        'elasticloadbalancing',
        ...['CreateRule', 'DeleteRule', 'ModifyRule', 'SetRulePriorities', 'AddTags', 'RemoveTags'],
      ),
      [arn('elasticloadbalancing', 'listener/app/*'), arn('elasticloadbalancing', 'listener-rule/app/*')],
    ),
  ],
  'AWS::ApplicationAutoScaling::ScalableTarget': () => [
    allow(
      of(
        'application-autoscaling',
        ...['RegisterScalableTarget', 'DeregisterScalableTarget'],
        ...['ListTagsForResource', 'TagResource', 'UntagResource'],
      ),
      arn('application-autoscaling', 'scalable-target/*'),
    ),
    allow(of('application-autoscaling', 'DescribeScalableTargets', 'DescribeScalingPolicies'), '*'),
  ],
  'AWS::ApplicationAutoScaling::ScalingPolicy': ({ prefix }) => [
    allow(
      of('application-autoscaling', 'PutScalingPolicy', 'DeleteScalingPolicy'),
      arn('application-autoscaling', 'scalable-target/*'),
    ),
    allow(
      of('cloudwatch', 'PutMetricAlarm', 'DeleteAlarms', 'DescribeAlarms'),
      arn('cloudwatch', `alarm:TargetTracking-service/*/${inTenantStacks(prefix)}`),
    ),
  ],
  'AWS::ServiceDiscovery::HttpNamespace': () => [
    // A namespace's id is made by Cloud Map, after an operation whose id is as well.
    allow(
      of(
        'servicediscovery',
        ...['CreateHttpNamespace', 'GetOperation', 'ListNamespaces'],
        ...['ListTagsForResource', 'TagResource', 'UntagResource'],
      ),
      '*',
    ),
    allow(
      of('servicediscovery', 'DeleteNamespace', 'GetNamespace', 'UpdateHttpNamespace'),
      arn('servicediscovery', 'namespace/*'),
    ),
  ],
  'AWS::Logs::LogGroup': ({ prefix }) => [
    allow(
      of(
        'logs',
        ...['CreateLogGroup', 'DeleteLogGroup', 'PutRetentionPolicy', 'DeleteRetentionPolicy'],
        ...['ListTagsForResource', 'TagResource', 'UntagResource'],
      ),
      [
        arn('logs', `log-group:/saas-ecs/${tenantStacks(prefix)}`),
        arn('logs', `log-group:/saas-ecs/${tenantStacks(prefix)}:*`),
      ],
    ),
    allow(of('logs', 'DescribeLogGroups'), arn('logs', 'log-group:*')),
  ],
  'AWS::EC2::SecurityGroup': ({ vpcId }) => [
    allow(
      of(
        'ec2',
        ...['CreateSecurityGroup', 'DeleteSecurityGroup', 'AuthorizeSecurityGroupIngress'],
        ...['AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupIngress', 'RevokeSecurityGroupEgress'],
      ),
      arn('ec2', 'security-group/*'),
      { ArnLikeIfExists: { 'ec2:Vpc': arn('ec2', `vpc/${vpcId}`) } },
    ),
    allow(of('ec2', 'CreateSecurityGroup'), arn('ec2', `vpc/${vpcId}`)),
    allow(of('ec2', 'CreateTags', 'DeleteTags'), [
      arn('ec2', 'security-group/*'),
      arn('ec2', 'security-group-rule/*'),
      arn('ec2', 'launch-template/*'),
      arn('ec2', 'instance/*'),
      arn('ec2', 'volume/*'),
    ]),
    allow(of('ec2', 'DescribeSecurityGroups', 'DescribeSecurityGroupRules'), '*'),
  ],
  'AWS::EC2::SecurityGroupIngress': () => [
    allow(
      of('ec2', 'AuthorizeSecurityGroupIngress', 'RevokeSecurityGroupIngress'),
      arn('ec2', 'security-group-rule/*'),
    ),
  ],
  'AWS::EC2::SecurityGroupEgress': () => [
    allow(
      of('ec2', 'AuthorizeSecurityGroupEgress', 'RevokeSecurityGroupEgress'),
      arn('ec2', 'security-group-rule/*'),
    ),
  ],
  'AWS::EC2::LaunchTemplate': () => [
    allow(
      of(
        'ec2',
        ...['CreateLaunchTemplate', 'CreateLaunchTemplateVersion', 'DeleteLaunchTemplate'],
        ...['DeleteLaunchTemplateVersions', 'ModifyLaunchTemplate'],
      ),
      arn('ec2', 'launch-template/*'),
    ),
    allow(of('ec2', 'DescribeLaunchTemplates', 'DescribeLaunchTemplateVersions'), '*'),
  ],
  'AWS::AutoScaling::AutoScalingGroup': ({ prefix }) => [
    allow(
      of(
        'autoscaling',
        ...['CreateAutoScalingGroup', 'DeleteAutoScalingGroup', 'UpdateAutoScalingGroup'],
        ...['CreateOrUpdateTags', 'DeleteTags'],
      ),
      arn('autoscaling', `autoScalingGroup:*:autoScalingGroupName/${inTenantStacks(prefix)}`),
    ),
    allow(of('autoscaling', 'DescribeAutoScalingGroups', 'DescribeScalingActivities'), '*'),
    // A group whose instances come from a launch template needs to be allowed what the template does.
    allow(of('ec2', 'RunInstances'), '*', { Bool: { 'ec2:IsLaunchTemplateResource': 'true' } }),
    allow(['ssm:GetParameters'], `arn:${Aws.PARTITION}:ssm:${Aws.REGION}::parameter/aws/service/ecs/*`),
  ],
};

/** The tags that an environment's stacks hand to everything in them. */
const owned = (kind: 'RequestTag' | 'ResourceTag', { app, environment }: TenantStackScope): object => ({
  StringEquals: { [`aws:${kind}/saas-ecs:app`]: app, [`aws:${kind}/saas-ecs:environment`]: environment },
});

/** The whole policy, for templates whose resources are of these types; but for what {@link tenantKeyPolicy} has. */
export function tenantStackPolicy(scope: TenantStackScope, types: readonly string[]): object {
  const parameters = arn('ssm', `parameter/saas-ecs/${scope.app}/${scope.environment}/*`);
  return policyOf([
    allow(['ssm:GetParameters'], parameters),
    ...types
      .filter((type) => type !== keyType)
      .flatMap((type) => tenantStackPermissions[type]?.(scope) ?? []),
  ]);
}

const keyType = 'AWS::KMS::Key';

/** Where tenants have keys of their own. A policy by itself: all inline policies of a role have 10,240 characters. */
export const tenantKeyPolicy = (scope: TenantStackScope, types: readonly string[]): object | undefined =>
  types.includes(keyType) ? policyOf(tenantStackPermissions[keyType]?.(scope) ?? []) : undefined;
