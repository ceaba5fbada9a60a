/**
 * Why a role has what was not called, or has it on everything: a sentence each, with the AWS page where it is AWS that
 * wants it. The check fails on a grant that is not here, and on a reason that is for nothing.
 */
import { jobNeeds } from '../../src/services/iam-policy/needs.ts';
import { containerInstanceActions } from '../../src/templates/tenant/ec2-capacity.ts';
import type { Kind, Reason } from './compare.ts';
import { stackRoleReasons } from './stack-role-reasons.ts';

const of = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);
const reason = (role: string, kind: Kind, actions: readonly string[], why: string): Reason => ({
  role,
  kind,
  actions,
  why,
});

const job = 'coreappplane-stack/JobsJobRole';
const machine = 'coreappplane-stack/JobsMachineRole';
const logDelivery = of(
  'logs',
  ...['CreateLogDelivery', 'GetLogDelivery', 'UpdateLogDelivery', 'DeleteLogDelivery'],
  ...['ListLogDeliveries', 'PutResourcePolicy', 'DescribeResourcePolicies', 'DescribeLogGroups'],
);
const traces = of(
  'xray',
  'PutTraceSegments',
  'PutTelemetryRecords',
  'GetSamplingRules',
  'GetSamplingTargets',
);

/** What a job only does when something went wrong before; `iam-policy` tells the same of the commands. */
function rareOfJob(...actions: string[]): Reason[] {
  return actions.map((action) => {
    const need = jobNeeds.find((each) => each.rare !== undefined && each.actions.includes(action));
    if (!need) throw new Error(`no command needs ${action} but rarely`);
    return reason(job, 'uncalled', [action], `${need.why}: ${need.rare}`);
  });
}

const jobs: readonly Reason[] = [
  ...rareOfJob(
    ...['apigateway:PATCH', 'cloudformation:UpdateStack', 'cognito-idp:AdminGetUser'],
    ...['ecs:DescribeTaskDefinition', 'ecs:DescribeTasks', 'ecs:ListTasks', 'ecs:UpdateService'],
    ...['logs:GetLogEvents', 'ssm:GetParameter'],
    ...of('kms', 'Decrypt', 'DescribeKey', 'GenerateDataKey', 'ScheduleKeyDeletion'),
  ),
  reason(
    job,
    'wide',
    of('kms', 'Decrypt', 'DescribeKey', 'GenerateDataKey', 'ScheduleKeyDeletion'),
    "KMS makes up a key's id; the environment's tags tell its keys",
  ),
  reason(
    job,
    'wide',
    of('apigateway', 'DELETE', 'PATCH'),
    'API Gateway makes up the ids of keys and plans, and a key that is gone already has no tags to tell it by',
  ),
  reason(
    job,
    'wide',
    of(
      'cognito-idp',
      ...['AdminAddUserToGroup', 'AdminCreateUser', 'AdminDeleteUser', 'AdminGetUser', 'CreateGroup'],
      ...['DeleteGroup', 'DeleteUserPool', 'UpdateUserPool'],
    ),
    "Cognito makes up a pool's id; the environment's tags tell its pools, and the operators' is denied",
  ),
  reason(
    job,
    'wide',
    of('cognito-idp', 'DescribeUserPool', 'ListUsers', 'ListUsersInGroup'),
    "an offboarding sees that a silo's pool is gone, and what is gone has no tags; the operators' is denied",
  ),
  reason(
    job,
    'wide',
    ['ecs:DescribeTaskDefinition', 'ecs:ListTasks', 'elasticloadbalancing:DescribeTargetHealth'],
    'they know no resource (Service Authorization Reference)',
  ),
];

const machines: readonly Reason[] = [
  reason(
    machine,
    'uncalled',
    logDelivery,
    'Step Functions sets up the delivery of its logs with them (Step Functions, "Using CloudWatch Logs to log execution history")',
  ),
  reason(machine, 'wide', logDelivery, 'deliveries of logs know no resource (the same page)'),
  reason(
    machine,
    'uncalled',
    traces,
    'Step Functions writes its traces with them (Step Functions, "X-Ray IAM policies"); there is no X-Ray here',
  ),
  reason(machine, 'wide', traces, 'traces know no resource (the same page)'),
];

const tenants: readonly Reason[] = ['tenant', 'tenant-template-advanced'].flatMap((stack) => [
  reason(
    `${stack}/CapacityRole`,
    'uncalled',
    [...containerInstanceActions, 'ecs:DiscoverPollEndpoint'],
    'the ECS agent on an instance calls them (Amazon ECS, "Container instance IAM role"); here nothing runs on instances',
  ),
  reason(
    `${stack}/CapacityRole`,
    'wide',
    ['ecs:DiscoverPollEndpoint'],
    'it knows no resource (Service Authorization Reference)',
  ),
]);

const gatekeeper = 'controlplane-stack/GatekeeperRole';
const shared: readonly Reason[] = [
  reason(
    gatekeeper,
    'wide',
    of(
      'cognito-idp',
      ...['AdminCreateUser', 'AdminSetUserPassword', 'AdminInitiateAuth', 'AdminRespondToAuthChallenge'],
      'AdminDeleteUser',
    ),
    "it makes users in each tenant's user pool, whose id Cognito makes up; the environment's tags tell them, and the operators' is denied",
  ),
  reason(
    gatekeeper,
    'uncalled',
    ['cognito-idp:AdminRespondToAuthChallenge'],
    'it gives the code of an authenticator: only where a tier requires a second factor',
  ),
  reason(
    gatekeeper,
    'uncalled',
    ['apigateway:GET'],
    'it finds the key of a tenant that has one already: only after a run that was cut short',
  ),
  reason(
    gatekeeper,
    'uncalled',
    ['apigateway:PUT'],
    'AWS asks for it beside POST when what is made has tags (API Gateway, "Control access using tags")',
  ),
  reason(gatekeeper, 'wide', ['apigateway:PUT'], "a tag's resource is an ARN whose id API Gateway makes up"),
  reason(
    'shared-infra-stack/AuthorizerRole',
    'wide',
    ['cognito-idp:AdminGetUser'],
    "it asks each tenant's user pool, and a silo's is made after this role, under an id that Cognito makes up",
  ),
  reason(
    'shared-infra-stack/EniTrunkingRole',
    'wide',
    ['ecs:PutAccountSettingDefault'],
    "an account's setting has no ARN",
  ),
  reason(
    'shared-infra-stack/ExecutionRole',
    'uncalled',
    ['ecr:BatchCheckLayerAvailability'],
    'AWS has it in what an execution role needs to pull (Amazon ECS, "Task execution IAM role")',
  ),
  reason(
    'shared-infra-stack/ExecutionRole',
    'wide',
    ['ecr:GetAuthorizationToken'],
    'it knows no resource (Service Authorization Reference)',
  ),
  reason(
    'shared-infra-stack/GatewayLoggingRole',
    'managed',
    ['AmazonAPIGatewayPushToCloudWatchLogs'],
    'API Gateway checks for this policy\'s permissions when an account\'s role is set (API Gateway, "Set up CloudWatch logging for REST APIs")',
  ),
  reason(
    'shared-infra-stack/NetworkVpcFlowLogIAMRole',
    'uncalled',
    of('logs', 'CreateLogStream', 'DescribeLogStreams', 'PutLogEvents'),
    'VPC Flow Logs writes with it (Amazon VPC, "IAM role for publishing flow logs to CloudWatch Logs"); no packet is logged here',
  ),
];

/** Where the toolkit's control plane is among what was recorded. */
const toolkit: readonly Reason[] = [
  reason(
    'controlplane-stack/ControlPlanetenantConfigServicetenantConfigLambdaTenantConfigServiceLambdaServiceRole',
    'uncalled',
    of('xray', 'PutTelemetryRecords', 'PutTraceSegments'),
    'Lambda writes its traces with them (AWS Lambda, "Visualize Lambda function invocations using AWS X-Ray")',
  ),
  reason(
    'controlplane-stack/ControlPlanetenantConfigServicetenantConfigLambdaTenantConfigServiceLambdaServiceRole',
    'wide',
    of('xray', 'PutTelemetryRecords', 'PutTraceSegments'),
    'traces know no resource (the same page)',
  ),
];

export const reasonsFor = ({ withToolkit }: { withToolkit: boolean }): readonly Reason[] => [
  ...shared,
  ...stackRoleReasons,
  ...jobs,
  ...machines,
  ...tenants,
  ...(withToolkit ? toolkit : []),
];
