import { CfnManagedPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { Aws } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { isSilo } from '../../model/tier.ts';
import { viaService } from '../encryption.ts';
import { accept } from '../review.ts';
import { containerInstanceActions } from '../tenant/ec2-capacity.ts';
import { itemActions, userActions } from '../tenant/task-roles.ts';
import { trustOfCloudFormation } from './stack-policy.ts';
import {
  inTenantStacks,
  tenantKeyPolicy,
  tenantStackPermissions,
  tenantStackPolicy,
  tenantStacks,
} from './tenant-stack-policy.ts';

/** Only where tenants have instances of their own. */
const ec2Types = [
  'AWS::ECS::CapacityProvider',
  'AWS::ECS::ClusterCapacityProviderAssociations',
  'AWS::IAM::InstanceProfile',
  'AWS::EC2::LaunchTemplate',
  'AWS::AutoScaling::AutoScalingGroup',
];

/** The types that the silo tiers' templates are made of. */
export function tenantResourceTypes({ tiers, security }: Pick<Deployment, 'tiers' | 'security'>): string[] {
  const instances = tiers.some((tier) => tier.model === 'dedicated-cluster' && tier.capacity === 'ec2');
  const keys = security.encryption === 'customer-managed';
  return Object.keys(tenantStackPermissions).filter(
    (type) => (instances || !ec2Types.includes(type)) && (keys || type !== 'AWS::KMS::Key'),
  );
}

export const hasSilos = ({ tiers }: Pick<Deployment, 'tiers'>): boolean =>
  tiers.some((tier) => isSilo(tier.model));

/**
 * The role that CloudFormation takes for the stacks of siloed tenants, so that whoever onboards one needs no more than
 * to pass it; and the boundary of every role that it makes.
 */
export class TenantStackRole extends Construct {
  readonly roleArn: string;
  readonly boundaryArn: string;

  constructor(
    scope: Construct,
    id: string,
    props: { deployment: Deployment; vpcId: string; executionRoleArn: string },
  ) {
    super(scope, id);
    const { deployment, vpcId, executionRoleArn } = props;
    const boundary = this.boundary(deployment);
    this.boundaryArn = boundary.ref;
    const stacks = {
      app: deployment.app,
      environment: deployment.environment,
      prefix: deployment.prefix,
      vpcId,
      executionRoleArn,
      boundaryArn: this.boundaryArn,
    };
    const types = tenantResourceTypes(deployment);
    const role = new CfnRole(this, 'Role', {
      description: 'CloudFormation makes the stacks of siloed tenants with it',
      assumeRolePolicyDocument: trustOfCloudFormation,
      policies: [{ policyName: 'tenant-stacks', policyDocument: tenantStackPolicy(stacks, types) }],
    });
    const keys = tenantKeyPolicy(stacks, types);
    if (keys) this.keys(role, keys);
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason:
        "Tenants' stacks come later: what is named after them is narrowed by the name's beginning, what has a made-up id by tag or VPC, and describing and registering know no resource",
    });
    this.roleArn = role.attrArn;
  }

  private keys(role: CfnRole, policyDocument: object): void {
    const policy = new CfnManagedPolicy(this, 'Keys', {
      description: "CloudFormation makes tenants' keys with it",
      roles: [role.ref],
      policyDocument,
    });
    accept(policy, {
      id: 'AwsSolutions-IAM5',
      reason: "Keys have made-up ids; they are narrowed by the environment's tags",
    });
  }

  /** All that a role in a tenant's stack may ever do, whatever its template says. */
  private boundary({ prefix, app, environment, security }: Deployment): CfnManagedPolicy {
    const arn = (service: string, resource: string): string =>
      `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
    const policy = new CfnManagedPolicy(this, 'Boundary', {
      description: "The most that a role of a tenant's stack may do",
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: itemActions,
            Resource: arn('dynamodb', `table/${inTenantStacks(prefix)}`),
          },
          ...(security.encryption === 'customer-managed'
            ? [
                {
                  Effect: 'Allow',
                  Action: 'kms:Decrypt',
                  Resource: arn('kms', 'key/*'),
                  Condition: {
                    StringEquals: {
                      'aws:ResourceTag/saas-ecs:app': app,
                      'aws:ResourceTag/saas-ecs:environment': environment,
                      'kms:ViaService': viaService('dynamodb'),
                    },
                  },
                },
              ]
            : []),
          {
            Effect: 'Allow',
            Action: userActions,
            Resource: arn('cognito-idp', 'userpool/*'),
            Condition: {
              StringEquals: {
                'aws:ResourceTag/saas-ecs:app': app,
                'aws:ResourceTag/saas-ecs:environment': environment,
              },
            },
          },
          {
            Effect: 'Allow',
            Action: containerInstanceActions,
            Resource: [
              arn('ecs', `cluster/${tenantStacks(prefix)}`),
              arn('ecs', `container-instance/${tenantStacks(prefix)}/*`),
            ],
          },
          { Effect: 'Allow', Action: 'ecs:DiscoverPollEndpoint', Resource: '*' },
        ],
      },
    });
    accept(policy, {
      id: 'AwsSolutions-IAM5',
      reason: 'A boundary grants nothing; it is drawn around names that tenants yet to come will have',
    });
    return policy;
  }
}
