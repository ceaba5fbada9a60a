import { Aws } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { withPrefix } from '../../model/names.ts';
import { registryIndex } from '../../model/registry.ts';

export interface JobPolicyProps {
  deployment: Pick<Deployment, 'app' | 'environment' | 'prefix'>;
  registryTable: string;
  artifactsBucket: string;
  apiKeySecretArn: string;
  busArn: string;
}

interface Statement {
  Effect: 'Allow';
  Action: string[];
  Resource: string | string[];
  Condition?: object;
}

const of = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);
const arn = (service: string, resource: string, account: string = Aws.ACCOUNT_ID): string =>
  `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${account}:${resource}`;

/** What onboarding and offboarding a tenant takes, as the command line does them: by call, in the order of its steps. */
export function jobPolicy(props: JobPolicyProps): Statement[] {
  const { deployment, registryTable, artifactsBucket, apiKeySecretArn, busArn } = props;
  const { app, environment, prefix } = deployment;
  /** CloudFormation names what it makes after the stack: silos' stacks begin so, and the pool's does. */
  const tenants = `${withPrefix(prefix, 'tenant-')}*`;
  const registry = arn('dynamodb', `table/${registryTable}`);
  const allow = (Action: string[], Resource: string | string[], Condition?: object): Statement => ({
    Effect: 'Allow',
    Action,
    Resource,
    ...(Condition && { Condition }),
  });
  return [
    allow(['ssm:GetParameters'], arn('ssm', `parameter/saas-ecs/${app}/${environment}/*`)),
    allow(of('dynamodb', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'ConditionCheckItem'), [
      registry,
      `${registry}/index/${registryIndex}`,
    ]),
    // The release's templates, which CloudFormation reads on behalf of who names them.
    allow(['s3:GetObject'], `arn:${Aws.PARTITION}:s3:::${artifactsBucket}/releases/*`),
    allow(
      of(
        'cloudformation',
        ...['CreateStack', 'DeleteStack', 'DescribeStacks', 'DescribeStackEvents'],
        ...['DescribeStackResources', 'ListStackResources', 'TagResource'],
      ),
      arn('cloudformation', `stack/${tenants}`),
    ),
    // Whether a silo is served is seen at its targets; describing them knows no resource.
    allow(['elasticloadbalancing:DescribeTargetHealth'], '*'),
    allow(['secretsmanager:GetSecretValue'], apiKeySecretArn),
    allow(
      of('apigateway', 'GET', 'POST'),
      ['/apikeys', '/usageplans', '/usageplans/*/keys'].map((path) => arn('apigateway', path, '')),
    ),
    allow(
      of('apigateway', 'GET', 'PATCH', 'DELETE'),
      ['/apikeys/*', '/usageplans/*/keys/*'].map((path) => arn('apigateway', path, '')),
    ),
    allow(of('apigateway', 'PUT'), arn('apigateway', '/tags/*', '')),
    // A pool's id is made by Cognito; its tags say whose it is.
    allow(
      of(
        'cognito-idp',
        ...['AdminAddUserToGroup', 'AdminCreateUser', 'AdminDeleteUser', 'AdminGetUser', 'AdminInitiateAuth'],
        ...['AdminSetUserPassword', 'CreateGroup', 'DeleteGroup', 'UpdateUserPool', 'DeleteUserPool'],
      ),
      arn('cognito-idp', 'userpool/*'),
      {
        StringEquals: {
          'aws:ResourceTag/saas-ecs:app': app,
          'aws:ResourceTag/saas-ecs:environment': environment,
        },
      },
    ),
    // What is gone has no tags, and that it is gone has to be seen.
    allow(of('cognito-idp', 'DescribeUserPool', 'ListUsers', 'ListUsersInGroup'), arn('cognito-idp', 'userpool/*')),
    allow(
      of('dynamodb', 'Query', 'BatchWriteItem', 'DescribeTable', 'UpdateTable', 'DeleteTable'),
      arn('dynamodb', `table/${tenants}`),
    ),
    allow(['events:PutEvents'], busArn),
    // What explains a failure: the services' events, the stopped tasks, their last lines.
    allow(of('ecs', 'DescribeServices', 'DescribeTasks', 'ListTasks', 'DescribeTaskDefinition'), '*'),
    allow(
      of('logs', 'GetLogEvents', 'FilterLogEvents', 'DescribeLogStreams'),
      arn('logs', `log-group:/saas-ecs/${tenants}`),
    ),
  ];
}
