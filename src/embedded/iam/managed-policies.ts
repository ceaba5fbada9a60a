/**
 * AWS managed policies that templates name, with the documents that AWS publishes
 * (docs.aws.amazon.com, "AWS Managed Policy Reference Guide"). A name that is not here can't be attached.
 */

interface ManagedPolicy {
  path: string;
  description: string;
  statements: readonly Record<string, unknown>[];
}

const allow = (actions: readonly string[], resource: string | readonly string[] = '*') => ({
  Effect: 'Allow',
  Action: actions,
  Resource: resource,
});

const serviceRole = '/service-role/';

const policies: Readonly<Record<string, ManagedPolicy>> = {
  AdministratorAccess: {
    path: '/',
    description: 'Provides full access to AWS services and resources.',
    statements: [allow(['*'])],
  },
  AWSCloudFormationReadOnlyAccess: {
    path: '/',
    description: 'Provides access to AWS CloudFormation via the AWS Management Console.',
    statements: [
      allow([
        'cloudformation:BatchDescribe*',
        'cloudformation:Describe*',
        'cloudformation:Detect*',
        'cloudformation:EstimateTemplateCost',
        'cloudformation:Get*',
        'cloudformation:List*',
        'cloudformation:ValidateTemplate',
      ]),
    ],
  },
  ReadOnlyAccess: {
    path: '/',
    description: 'Provides read-only access to AWS services and resources.',
    // AWS lists some 2,000 actions one by one; these are the same for the services that exist here.
    statements: [
      allow([
        'apigateway:GET',
        'application-autoscaling:Describe*',
        'application-autoscaling:ListTagsForResource',
        'autoscaling:Describe*',
        'cloudformation:BatchDescribe*',
        'cloudformation:Describe*',
        'cloudformation:Detect*',
        'cloudformation:EstimateTemplateCost',
        'cloudformation:Get*',
        'cloudformation:List*',
        'cloudformation:ValidateTemplate',
        'cloudwatch:Describe*',
        'cloudwatch:Get*',
        'cloudwatch:List*',
        'cognito-idp:AdminGetUser',
        'cognito-idp:AdminListGroupsForUser',
        'cognito-idp:AdminListUserAuthEvents',
        'cognito-idp:Describe*',
        'cognito-idp:Get*',
        'cognito-idp:List*',
        'dynamodb:BatchGet*',
        'dynamodb:Describe*',
        'dynamodb:Get*',
        'dynamodb:List*',
        'dynamodb:PartiQLSelect',
        'dynamodb:Query',
        'dynamodb:Scan',
        'ec2:Describe*',
        'ec2:Get*',
        'ec2:List*',
        'ecr:BatchCheck*',
        'ecr:BatchGet*',
        'ecr:Describe*',
        'ecr:Get*',
        'ecr:List*',
        'ecs:Describe*',
        'ecs:Get*',
        'ecs:List*',
        'elasticloadbalancing:Describe*',
        'events:Describe*',
        'events:List*',
        'events:TestEventPattern',
        'iam:Generate*',
        'iam:Get*',
        'iam:List*',
        'iam:Simulate*',
        'lambda:Get*',
        'lambda:List*',
        'logs:Describe*',
        'logs:FilterLogEvents',
        'logs:Get*',
        'logs:ListTagsForResource',
        'logs:ListTagsLogGroup',
        'logs:StartQuery',
        'logs:StopQuery',
        'logs:TestMetricFilter',
        's3:Get*',
        's3:List*',
        'secretsmanager:Describe*',
        'secretsmanager:GetResourcePolicy',
        'secretsmanager:List*',
        'servicediscovery:Get*',
        'servicediscovery:List*',
        'servicequotas:Get*',
        'servicequotas:List*',
        'ssm:Describe*',
        'ssm:Get*',
        'ssm:List*',
        'sts:GetAccessKeyInfo',
        'sts:GetCallerIdentity',
        'sts:GetSessionToken',
      ]),
    ],
  },
  PowerUserAccess: {
    path: '/',
    description:
      'Provides full access to AWS services and resources, but does not allow management of Users and groups.',
    statements: [
      { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
      allow([
        'account:GetAccountInformation',
        'account:GetGovCloudAccountInformation',
        'account:GetPrimaryEmail',
        'account:ListRegions',
        'iam:CreateServiceLinkedRole',
        'iam:DeleteServiceLinkedRole',
        'iam:ListRoles',
        'organizations:DescribeEffectivePolicy',
        'organizations:DescribeOrganization',
      ]),
    ],
  },
  AmazonECSTaskExecutionRolePolicy: {
    path: serviceRole,
    description: 'Provides access to other AWS service resources that are required to run Amazon ECS tasks.',
    statements: [
      allow([
        'ecr:GetAuthorizationToken',
        'ecr:BatchCheckLayerAvailability',
        'ecr:GetDownloadUrlForLayer',
        'ecr:BatchGetImage',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]),
    ],
  },
  AWSLambdaBasicExecutionRole: {
    path: serviceRole,
    description: 'Provides write permissions to CloudWatch Logs.',
    statements: [allow(['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'])],
  },
  AWSLambdaVPCAccessExecutionRole: {
    path: serviceRole,
    description:
      'Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC.',
    statements: [
      {
        Sid: 'AWSLambdaVPCAccessExecutionPermissions',
        ...allow([
          'logs:CreateLogGroup',
          'logs:CreateLogStream',
          'logs:PutLogEvents',
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ]),
      },
    ],
  },
  AmazonEC2ContainerServiceforEC2Role: {
    path: serviceRole,
    description: 'Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.',
    statements: [
      allow([
        'ec2:DescribeTags',
        'ecs:CreateCluster',
        'ecs:DeregisterContainerInstance',
        'ecs:DiscoverPollEndpoint',
        'ecs:Poll',
        'ecs:RegisterContainerInstance',
        'ecs:StartTelemetrySession',
        'ecs:UpdateContainerInstancesState',
        'ecs:Submit*',
        'ecr:GetAuthorizationToken',
        'ecr:BatchCheckLayerAvailability',
        'ecr:GetDownloadUrlForLayer',
        'ecr:BatchGetImage',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]),
      {
        ...allow(['ecs:TagResource']),
        Condition: {
          StringEquals: { 'ecs:CreateAction': ['CreateCluster', 'RegisterContainerInstance'] },
        },
      },
    ],
  },
  AmazonSSMManagedInstanceCore: {
    path: '/',
    description: 'The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.',
    statements: [
      allow([
        'ssm:DescribeAssociation',
        'ssm:GetDeployablePatchSnapshotForInstance',
        'ssm:GetDocument',
        'ssm:DescribeDocument',
        'ssm:GetManifest',
        'ssm:GetParameter',
        'ssm:GetParameters',
        'ssm:ListAssociations',
        'ssm:ListInstanceAssociations',
        'ssm:PutInventory',
        'ssm:PutComplianceItems',
        'ssm:PutConfigurePackageResult',
        'ssm:UpdateAssociationStatus',
        'ssm:UpdateInstanceAssociationStatus',
        'ssm:UpdateInstanceInformation',
      ]),
      allow([
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ]),
      allow([
        'ec2messages:AcknowledgeMessage',
        'ec2messages:DeleteMessage',
        'ec2messages:FailMessage',
        'ec2messages:GetEndpoint',
        'ec2messages:GetMessages',
        'ec2messages:SendReply',
      ]),
    ],
  },
  AmazonAPIGatewayPushToCloudWatchLogs: {
    path: serviceRole,
    description: "Allows API Gateway to push logs to user's account.",
    statements: [
      allow([
        'logs:CreateLogGroup',
        'logs:CreateLogStream',
        'logs:DescribeLogGroups',
        'logs:DescribeLogStreams',
        'logs:PutLogEvents',
        'logs:GetLogEvents',
        'logs:FilterLogEvents',
      ]),
    ],
  },
  AWSXRayDaemonWriteAccess: {
    path: '/',
    description: "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API.",
    statements: [
      allow([
        'xray:PutTraceSegments',
        'xray:PutTelemetryRecords',
        'xray:GetSamplingRules',
        'xray:GetSamplingTargets',
        'xray:GetSamplingStatisticSummaries',
      ]),
    ],
  },
  AWSXrayWriteOnlyAccess: {
    path: '/',
    description: 'AWS X-Ray write only managed policy',
    statements: [
      allow([
        'xray:PutTraceSegments',
        'xray:PutTelemetryRecords',
        'xray:GetSamplingRules',
        'xray:GetSamplingTargets',
        'xray:GetSamplingStatisticSummaries',
      ]),
    ],
  },
  CloudWatchLambdaInsightsExecutionRolePolicy: {
    path: '/',
    description: 'Policy required for the Lambda Insights Extension.',
    statements: [
      allow(['logs:CreateLogGroup']),
      allow(
        ['logs:CreateLogStream', 'logs:PutLogEvents'],
        'arn:aws:logs:*:*:log-group:/aws/lambda-insights:*',
      ),
    ],
  },
};

export interface ManagedPolicySummary {
  arn: string;
  name: string;
  path: string;
  description: string;
}

const byArn = new Map(
  Object.entries(policies).map(([name, policy]) => [
    `arn:aws:iam::aws:policy${policy.path}${name}`,
    { name, policy },
  ]),
);

/** The document of an AWS managed policy by ARN; undefined when it is not known here. */
export function managedPolicyDocument(arn: string): Record<string, unknown> | undefined {
  const found = byArn.get(arn);
  return found && { Version: '2012-10-17', Statement: found.policy.statements };
}

export const managedPolicies = (): ManagedPolicySummary[] =>
  [...byArn].map(([arn, { name, policy }]) => ({
    arn,
    name,
    path: policy.path,
    description: policy.description,
  }));
