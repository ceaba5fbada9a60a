import { LoggingFormat } from 'aws-cdk-lib/aws-lambda';
import { Aws, Duration, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { gatekeeperEnvironment } from '../../model/gatekeeper.ts';
import { ownerTags } from '../../model/names.ts';
import { registryKeys } from '../../model/registry.ts';
import { decryption } from '../encryption.ts';
import { OwnFunction } from '../own-function.ts';

export interface GatekeeperProps {
  deployment: Deployment;
  registryArn: string;
  registryTable: string;
  apiKeySecretArn: string;
  /** The one user pool of the environment whose users are nobody's tenants. */
  operatorPoolId: string;
  /** That registry and secret are under, if not AWS's. */
  keyArn?: string;
}

/** The function that makes tenants' API keys and proves that tenants are served; see model/gatekeeper.ts. */
export class Gatekeeper extends OwnFunction {
  constructor(scope: Construct, id: string, props: GatekeeperProps) {
    const { app, environment, services } = props.deployment;
    super(scope, id, {
      source: 'gatekeeper',
      description: "Makes tenants' API keys, and proves that tenants are served",
      policyName: 'let-in',
      statements: statementsOf(Stack.of(scope), props),
      accepted:
        "The streams of the function's own log group, which Lambda names; user pools of tenants that come after it, told by the environment's tags; API keys and usage plans, whose ids API Gateway makes up",
      memorySize: 512,
      // It waits for an answer of the API half as long.
      timeout: Duration.seconds(120),
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [gatekeeperEnvironment.registryTable]: props.registryTable,
        [gatekeeperEnvironment.apiKeySecretArn]: props.apiKeySecretArn,
        [gatekeeperEnvironment.probedPath]: services[0]?.path ?? '/',
        [gatekeeperEnvironment.ownerTags]: JSON.stringify(ownerTags(app, environment)),
      },
    });
  }
}

function statementsOf(stack: Stack, { deployment, ...props }: GatekeeperProps): object[] {
  const allow = (Action: string[], Resource: string | string[], Condition?: object): object => ({
    Effect: 'Allow',
    Action,
    Resource,
    ...(Condition && { Condition }),
  });
  const gateway = (path: string): string => `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::${path}`;
  const userPool = (resourceName: string): string =>
    stack.formatArn({ service: 'cognito-idp', resource: 'userpool', resourceName });
  const owned = Object.entries(ownerTags(deployment.app, deployment.environment)).map(
    ([name, value]) => [`aws:ResourceTag/${name}`, value] as const,
  );
  return [
    allow(['dynamodb:GetItem'], props.registryArn, {
      'ForAllValues:StringLike': {
        'dynamodb:LeadingKeys': [
          registryKeys.tenant('*').pk,
          registryKeys.issuer('*').pk,
          registryKeys.cell('*').pk,
          registryKeys.tier('*').pk,
        ],
      },
      // Without keys the condition above would hold for everything.
      Null: { 'dynamodb:LeadingKeys': 'false' },
    }),
    allow(['secretsmanager:GetSecretValue'], props.apiKeySecretArn),
    ...decryption(props.keyArn, 'dynamodb', 'secretsmanager'),
    allow(['apigateway:GET', 'apigateway:POST'], gateway('/apikeys')),
    allow(['apigateway:POST'], gateway('/usageplans/*/keys')),
    // AWS asks for it beside POST when what is made has tags.
    allow(['apigateway:PUT'], gateway('/tags/*')),
    allow(
      [
        'cognito-idp:AdminCreateUser',
        'cognito-idp:AdminSetUserPassword',
        'cognito-idp:AdminInitiateAuth',
        'cognito-idp:AdminRespondToAuthChallenge',
        'cognito-idp:AdminDeleteUser',
      ],
      userPool('*'),
      { StringEquals: Object.fromEntries(owned) },
    ),
    // It bears the environment's tags as well, and whoever is in it is an operator.
    { Effect: 'Deny', Action: ['cognito-idp:*'], Resource: userPool(props.operatorPoolId) },
  ];
}
