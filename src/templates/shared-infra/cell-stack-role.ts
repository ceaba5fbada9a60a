import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { Aws } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { cellParameterPath, cellStackName } from '../../model/names.ts';
import { accept } from '../review.ts';
import { allow, arn, of, policyOf, type Statement, trustOfCloudFormation } from './stack-policy.ts';

interface CellStackScope {
  deployment: Deployment;
  vpcId: string;
  authorizerArn: string;
  webAclArn?: string;
}

/**
 * Resource type of the cells' template -> what making, changing and deleting one takes. Sources: the handlers'
 * permissions in CloudFormation's resource schemas, and the Service Authorization Reference.
 */
export const cellStackPermissions: Record<string, (scope: CellStackScope) => Statement[]> = {
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
    ]),
    allow(of('ec2', 'DescribeSecurityGroups', 'DescribeSecurityGroupRules'), '*'),
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': () => [
    allow(
      of(
        'elasticloadbalancing',
        ...['CreateLoadBalancer', 'DeleteLoadBalancer', 'ModifyLoadBalancerAttributes', 'SetIpAddressType'],
        ...['SetSecurityGroups', 'SetSubnets', 'AddTags', 'RemoveTags'],
      ),
      arn('elasticloadbalancing', 'loadbalancer/app/*'),
    ),
    // Describing load balancers and their parts knows no resource.
    allow(
      of(
        'elasticloadbalancing',
        ...['DescribeLoadBalancers', 'DescribeLoadBalancerAttributes', 'DescribeCapacityReservation'],
        ...['DescribeListeners', 'DescribeListenerAttributes', 'DescribeTags'],
      ),
      '*',
    ),
    allow(of('ec2', 'DescribeSubnets', 'DescribeVpcs', 'DescribeInternetGateways'), '*'),
    allow(['iam:CreateServiceLinkedRole'], arn('iam', 'role/aws-service-role/*', ''), {
      StringEquals: { 'iam:AWSServiceName': 'elasticloadbalancing.amazonaws.com' },
    }),
  ],
  'AWS::ElasticLoadBalancingV2::Listener': () => [
    allow(of('elasticloadbalancing', 'CreateListener'), arn('elasticloadbalancing', 'loadbalancer/app/*')),
    allow(
      of(
        'elasticloadbalancing',
        ...['DeleteListener', 'ModifyListener', 'ModifyListenerAttributes', 'AddTags', 'RemoveTags'],
      ),
      arn('elasticloadbalancing', 'listener/app/*'),
    ),
  ],
  // API Gateway's actions are the methods of its own API, and its resources the paths; ids are made by it.
  'AWS::ApiGateway::RestApi': () => [
    allow(of('apigateway', 'POST'), [gateway('/restapis'), gateway('/tags/*')]),
    allow(of('apigateway', 'GET', 'PATCH', 'PUT', 'DELETE'), [gateway('/restapis/*'), gateway('/tags/*')]),
    allow(of('apigateway', 'GET'), gateway('/vpclinks/*')),
  ],
  'AWS::ApiGateway::Deployment': () => [
    allow(of('apigateway', 'GET', 'POST', 'PATCH', 'DELETE'), gateway('/restapis/*')),
  ],
  'AWS::ApiGateway::Stage': () => [
    allow(of('apigateway', 'GET', 'POST', 'PATCH', 'PUT', 'DELETE'), gateway('/restapis/*')),
  ],
  'AWS::ApiGateway::UsagePlan': () => [
    allow(of('apigateway', 'GET', 'POST'), gateway('/usageplans')),
    allow(of('apigateway', 'GET', 'PATCH', 'DELETE'), gateway('/usageplans/*')),
  ],
  'AWS::Lambda::Permission': ({ authorizerArn }) => [
    allow(of('lambda', 'AddPermission', 'RemovePermission', 'GetPolicy'), authorizerArn),
  ],
  'AWS::WAFv2::WebACLAssociation': ({ webAclArn }) =>
    webAclArn === undefined
      ? []
      : [
          allow(of('wafv2', 'AssociateWebACL'), webAclArn),
          // Which web ACL a stage has is a question about the stage.
          allow(
            of('wafv2', 'AssociateWebACL', 'DisassociateWebACL', 'GetWebACLForResource'),
            gateway('/restapis/*'),
          ),
          allow(of('apigateway', 'SetWebACL'), gateway('/restapis/*')),
        ],
  'AWS::Logs::LogGroup': ({ deployment }) => [
    allow(
      of(
        'logs',
        ...['CreateLogGroup', 'DeleteLogGroup', 'PutRetentionPolicy', 'DeleteRetentionPolicy'],
        ...(deployment.security.encryption === 'customer-managed'
          ? ['AssociateKmsKey', 'DisassociateKmsKey']
          : []),
        ...['ListTagsForResource', 'TagResource', 'UntagResource'],
      ),
      [
        arn('logs', `log-group:${cellStacks(deployment)}-*`),
        arn('logs', `log-group:${cellStacks(deployment)}-*:*`),
      ],
    ),
    allow(of('logs', 'DescribeLogGroups'), arn('logs', 'log-group:*')),
  ],
  'AWS::SSM::Parameter': ({ deployment: { app, environment } }) => [
    allow(
      of(
        'ssm',
        ...[
          'PutParameter',
          'DeleteParameter',
          'GetParameters',
          'AddTagsToResource',
          'RemoveTagsFromResource',
        ],
        ...['ListTagsForResource'],
      ),
      arn('ssm', `parameter${cellParameterPath(app, environment, 'cell-*')}`),
    ),
  ],
};

const cellStacks = ({ prefix }: Deployment): string => cellStackName(prefix, 'cell-*');

const gateway = (path: string): string => `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::${path}`;

/** The role that CloudFormation takes for further cells, so that whoever onboards a tenant needs no more than to pass it. */
export class CellStackRole extends Construct {
  readonly roleArn: string;

  constructor(scope: Construct, id: string, props: CellStackScope) {
    super(scope, id);
    const { app, environment } = props.deployment;
    const role = new CfnRole(this, 'Role', {
      description: 'CloudFormation makes further cells with it',
      assumeRolePolicyDocument: trustOfCloudFormation,
      policies: [
        {
          policyName: 'cell-stacks',
          policyDocument: policyOf([
            allow(['ssm:GetParameters'], arn('ssm', `parameter/saas-ecs/${app}/${environment}/*`)),
            ...Object.values(cellStackPermissions).flatMap((statements) => statements(props)),
          ]),
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason:
        "Cells come later: what is named after them is narrowed by the name's beginning or VPC; ids that API Gateway and Elastic Load Balancing make are not known before, and describing knows no resource",
    });
    this.roleArn = role.attrArn;
  }
}
