import { LoggingFormat } from 'aws-cdk-lib/aws-lambda';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { controlPlaneEnvironment } from '../../model/control-plane.ts';
import { registrationKeyPrefix, registryIndex } from '../../model/registry.ts';
import { decryption } from '../encryption.ts';
import { OwnFunction } from '../own-function.ts';

export interface ControlPlaneFunctionProps {
  /** With the key that it is under, if not DynamoDB's. */
  registry: { name: string; arn: string; keyArn?: string };
  bus: { name: string; arn: string };
  userPool: { id: string; arn: string };
  machineClientId: string;
}

/** The function behind the builtin control plane's API. Of the registry it reaches the registrations and nothing else. */
export class ControlPlaneFunction extends OwnFunction {
  constructor(
    scope: Construct,
    id: string,
    { registry, bus, userPool, machineClientId }: ControlPlaneFunctionProps,
  ) {
    super(scope, id, {
      source: 'control-plane',
      description: 'Control plane: tenant registrations, tenants, operators',
      policyName: 'control-plane',
      statements: [
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
      ],
      accepted: "The streams of the function's own log group, which Lambda names",
      memorySize: 512,
      timeout: Duration.seconds(20),
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [controlPlaneEnvironment.registryTable]: registry.name,
        [controlPlaneEnvironment.busName]: bus.name,
        [controlPlaneEnvironment.userPoolId]: userPool.id,
        [controlPlaneEnvironment.machineClientId]: machineClientId,
      },
    });
  }
}
