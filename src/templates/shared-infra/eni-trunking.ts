import { CfnRole, Role } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CustomResource, Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { built } from '../../model/installation.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';

/**
 * Turns on the account's ECS setting `awsvpcTrunking`: a container instance then takes tens of tasks with a network
 * interface of their own instead of two. CloudFormation has no type for the setting, so a function sets it.
 */
export class EniTrunking extends Construct {
  constructor(scope: Construct, id: string) {
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
          policyName: 'set',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Action: 'ecs:PutAccountSettingDefault', Resource: '*' },
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
      reason:
        "An account's setting has no ARN; and the streams of the function's own log group, which Lambda names",
    });
    const setter = new LambdaFunction(this, 'Function', {
      description: 'Sets a default of the account in Amazon ECS',
      code: Code.fromAsset(built('templates', 'functions', 'ecs-account-setting')),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(30),
      role: Role.fromRoleArn(this, 'ImportedRole', role.attrArn, { mutable: false }),
      logGroup: logs,
    });
    new CustomResource(this, 'Setting', {
      resourceType: 'Custom::EcsAccountSetting',
      serviceToken: setter.functionArn,
      properties: { Name: 'awsvpcTrunking', Value: 'enabled' },
    });
  }
}
