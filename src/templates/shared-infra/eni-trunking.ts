import { CustomResource, Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { OwnFunction } from '../own-function.ts';

/**
 * Turns on the account's ECS setting `awsvpcTrunking`: a container instance then takes tens of tasks with a network
 * interface of their own instead of two. CloudFormation has no type for the setting, so a function sets it.
 */
export class EniTrunking extends OwnFunction {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      source: 'ecs-account-setting',
      description: 'Sets a default of the account in Amazon ECS',
      policyName: 'set',
      statements: [{ Effect: 'Allow', Action: 'ecs:PutAccountSettingDefault', Resource: '*' }],
      accepted:
        "An account's setting has no ARN; and the streams of the function's own log group, which Lambda names",
      timeout: Duration.seconds(30),
    });
    new CustomResource(this, 'Setting', {
      resourceType: 'Custom::EcsAccountSetting',
      serviceToken: this.functionArn,
      properties: { Name: 'awsvpcTrunking', Value: 'enabled' },
    });
  }
}
