import { CfnRole, Role } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type FunctionOptions,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { built } from '../model/installation.ts';
import { accept } from './review.ts';
import { logRetentionDays } from './shared-stack.ts';

export interface OwnFunctionProps
  extends Pick<FunctionOptions, 'description' | 'memorySize' | 'timeout' | 'environment' | 'loggingFormat'> {
  /** Its directory in `functions/`. */
  source: string;
  policyName: string;
  /** What it may do besides writing its log. */
  statements: readonly object[];
  /** Why a policy reviewer may let its wildcards be. */
  accepted: string;
}

/** A function of ours with a log group and a role of its own, which may do what it is given and nothing else. */
export class OwnFunction extends Construct {
  readonly functionArn: string;

  constructor(scope: Construct, id: string, props: OwnFunctionProps) {
    super(scope, id);
    const { source, policyName, statements, accepted, ...options } = props;
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
          policyName,
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              ...statements,
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
    accept(role, { id: 'AwsSolutions-IAM5', reason: accepted });
    this.functionArn = new LambdaFunction(this, 'Function', {
      ...options,
      code: Code.fromAsset(built('templates', 'functions', source)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      role: Role.fromRoleArn(this, 'ImportedRole', role.attrArn, { mutable: false }),
      logGroup: logs,
    }).functionArn;
  }
}
