import { CfnRole, Role } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { built } from '../../model/installation.ts';
import { authorizerEnvironment } from '../../model/names.ts';
import { registryKeys } from '../../model/registry.ts';
import { decryption } from '../encryption.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';

export interface AuthorizerProps {
  registryTable: string;
  apiKeySecretArn: string;
  /** That registry and secret are under, if not AWS's. */
  keyArn?: string;
}

/** The function that tells API Gateway which tenant a request is of. All cells share it. */
export class Authorizer extends Construct {
  readonly functionArn: string;

  constructor(scope: Construct, id: string, props: AuthorizerProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const logs = new LogGroup(this, 'Logs', {
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const statement = (actions: string[], resource: string) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resource,
    });
    const role = new CfnRole(this, 'Role', {
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      },
      policies: [
        {
          policyName: 'authorize',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              {
                ...statement(
                  ['dynamodb:GetItem'],
                  stack.formatArn({
                    service: 'dynamodb',
                    resource: 'table',
                    resourceName: props.registryTable,
                  }),
                ),
                // Not what operators wrote down for each other: the audit, releases, locks.
                Condition: {
                  'ForAllValues:StringLike': {
                    'dynamodb:LeadingKeys': [registryKeys.issuer('*').pk, registryKeys.tenant('*').pk],
                  },
                  Null: { 'dynamodb:LeadingKeys': 'false' },
                },
              },
              statement(['secretsmanager:GetSecretValue'], props.apiKeySecretArn),
              ...decryption(props.keyArn, 'dynamodb', 'secretsmanager'),
              // Whether a token's user still is who it says; a silo's pool is made after this role.
              statement(
                ['cognito-idp:AdminGetUser'],
                stack.formatArn({ service: 'cognito-idp', resource: 'userpool', resourceName: '*' }),
              ),
              statement(['logs:CreateLogStream', 'logs:PutLogEvents'], logs.logGroupArn),
            ],
          },
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason:
        "The streams of the function's own log group, which Lambda names; user pools of tenants that come after it",
    });
    const authorizer = new LambdaFunction(this, 'Function', {
      description: 'Authorizes requests, tells the tenant and supplies its API key',
      code: Code.fromAsset(built('templates', 'functions', 'authorizer')),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      // A Lambda function's CPU grows with its memory; verifying a signature on a cold start wants some.
      memorySize: 512,
      timeout: Duration.seconds(10),
      role: Role.fromRoleArn(this, 'ImportedRole', role.attrArn, { mutable: false }),
      logGroup: logs,
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [authorizerEnvironment.registryTable]: props.registryTable,
        [authorizerEnvironment.apiKeySecretArn]: props.apiKeySecretArn,
      },
    });
    this.functionArn = authorizer.functionArn;
  }
}

/** How API Gateway spells the invocation of a function. */
export const invocationUri = (scope: Construct, functionArn: string): string =>
  Stack.of(scope).formatArn({
    service: 'apigateway',
    account: 'lambda',
    resource: 'path/2015-03-31/functions',
    resourceName: `${functionArn}/invocations`,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
