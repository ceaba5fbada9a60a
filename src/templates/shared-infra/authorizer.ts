import { LoggingFormat } from 'aws-cdk-lib/aws-lambda';
import { ArnFormat, Duration, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { authorizerEnvironment } from '../../model/names.ts';
import { registryKeys } from '../../model/registry.ts';
import { decryption } from '../encryption.ts';
import { OwnFunction } from '../own-function.ts';

export interface AuthorizerProps {
  registryTable: string;
  apiKeySecretArn: string;
  /** That registry and secret are under, if not AWS's. */
  keyArn?: string;
}

/** The function that tells API Gateway which tenant a request is of. All cells share it. */
export class Authorizer extends OwnFunction {
  constructor(scope: Construct, id: string, props: AuthorizerProps) {
    const stack = Stack.of(scope);
    const statement = (actions: string[], resource: string) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resource,
    });
    super(scope, id, {
      source: 'authorizer',
      description: 'Authorizes requests, tells the tenant and supplies its API key',
      policyName: 'authorize',
      statements: [
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
      ],
      accepted:
        "The streams of the function's own log group, which Lambda names; user pools of tenants that come after it",
      // A Lambda function's CPU grows with its memory; verifying a signature on a cold start wants some.
      memorySize: 512,
      timeout: Duration.seconds(10),
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [authorizerEnvironment.registryTable]: props.registryTable,
        [authorizerEnvironment.apiKeySecretArn]: props.apiKeySecretArn,
      },
    });
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
