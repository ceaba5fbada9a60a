import { CfnRole, Role } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { controlPlaneEnvironment } from '../../model/control-plane.ts';
import { built } from '../../model/installation.ts';
import { registrationKeyPrefix, registryIndex } from '../../model/registry.ts';
import { decryption } from '../encryption.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';

export interface ControlPlaneFunctionProps {
  /** With the key that it is under, if not DynamoDB's. */
  registry: { name: string; arn: string; keyArn?: string };
  bus: { name: string; arn: string };
  userPool: { id: string; arn: string };
  machineClientId: string;
}

/** The function behind the builtin control plane's API. Of the registry it reaches the registrations and nothing else. */
export class ControlPlaneFunction extends Construct {
  readonly functionArn: string;

  constructor(
    scope: Construct,
    id: string,
    { registry, bus, userPool, machineClientId }: ControlPlaneFunctionProps,
  ) {
    super(scope, id);
    const logs = new LogGroup(this, 'Logs', {
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
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
          policyName: 'control-plane',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Action: [
                  'dynamodb:GetItem',
                  'dynamodb:PutItem',
                  'dynamodb:UpdateItem',
                  'dynamodb:DeleteItem',
                  'dynamodb:Query',
                ],
                Resource: [registry.arn, `${registry.arn}/index/${registryIndex}`],
                Condition: {
                  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${registrationKeyPrefix}*`] },
                  // Without keys the condition above would hold for everything.
                  Null: { 'dynamodb:LeadingKeys': 'false' },
                },
              },
              ...decryption(registry.keyArn, 'dynamodb'),
              { Effect: 'Allow', Action: ['events:PutEvents'], Resource: bus.arn },
              {
                Effect: 'Allow',
                Action: [
                  'cognito-idp:AdminCreateUser',
                  'cognito-idp:AdminDeleteUser',
                  'cognito-idp:AdminGetUser',
                  'cognito-idp:AdminUpdateUserAttributes',
                  'cognito-idp:ListUsers',
                ],
                Resource: userPool.arn,
              },
              {
                Effect: 'Allow',
                Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
                Resource: logs.logGroupArn,
              },
            ],
          },
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason: "The streams of the function's own log group, which Lambda names",
    });
    this.functionArn = new LambdaFunction(this, 'Function', {
      description: 'Control plane: tenant registrations, tenants, operators',
      code: Code.fromAsset(built('templates', 'functions', 'control-plane')),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout: Duration.seconds(20),
      role: Role.fromRoleArn(this, 'ImportedRole', role.attrArn, { mutable: false }),
      logGroup: logs,
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [controlPlaneEnvironment.registryTable]: registry.name,
        [controlPlaneEnvironment.busName]: bus.name,
        [controlPlaneEnvironment.userPoolId]: userPool.id,
        [controlPlaneEnvironment.machineClientId]: machineClientId,
      },
    }).functionArn;
  }
}
