import { CfnProject } from 'aws-cdk-lib/aws-codebuild';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Aws, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment, JobStatement, Job as Program } from '../../model/config.ts';
import {
  eventSources,
  jobLog,
  jobRegistration,
  provisionedBy,
  registrationEvents,
  registrationStatuses,
} from '../../model/control-plane.ts';
import { environmentKey } from '../encryption.ts';
import { read } from '../parameters.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';

/** Minutes after which a job is ended; then its registration has failed. */
const jobMinutes = 60;

interface Job {
  command: 'onboard' | 'offboard';
  request: 'onboardingRequest' | 'offboardingRequest';
  failure: 'provisionFailure' | 'deprovisionFailure';
  /** Besides source and type: what of the event's detail must match. */
  detail?: object;
}

const jobs: Readonly<Record<'Onboarding' | 'Offboarding', Job>> = {
  Onboarding: {
    command: 'onboard',
    request: 'onboardingRequest',
    failure: 'provisionFailure',
    // What the command line registers it provisions itself.
    detail: { [provisionedBy.attribute]: [{ exists: false }, { 'anything-but': [provisionedBy.cli] }] },
  },
  Offboarding: { command: 'offboard', request: 'offboardingRequest', failure: 'deprovisionFailure' },
};

const allow = (Action: string | string[], Resource: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});

/** The statement in the partition, Region and account of the stack. */
const inPlace = ({ Resource, Condition, ...statement }: JobStatement): object => ({
  ...statement,
  Resource: Resource.map((resource) => filled(resource.replace(/^arn:aws:/, 'arn:${AWS::Partition}:'))),
  ...(Condition && { Condition: filled(Condition) }),
});

/** Every text in it with what CloudFormation knows of the stack. */
function filled(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('${') ? Fn.sub(value) : value;
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]));
}

const assumedBy = (service: string): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: service },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    },
  ],
});

/**
 * What carries a registration out: EventBridge -> Step Functions -> CodeBuild, which runs this product's own command
 * line. The command tells the bus what became of it; the state machine does so for a job that could not.
 */
export class LifecycleJobs extends Construct {
  private readonly busName: string;
  private readonly busArn: string;

  constructor(scope: Construct, id: string, { deployment, job }: { deployment: Deployment; job: Program }) {
    super(scope, id);
    this.busName = read(this, deployment, 'controlPlaneBus');
    this.busArn = Stack.of(this).formatArn({
      service: 'events',
      resource: 'event-bus',
      resourceName: this.busName,
    });
    const operators = Stack.of(this).formatArn({
      service: 'cognito-idp',
      resource: 'userpool',
      resourceName: read(this, deployment, 'operatorPool'),
    });
    const project = this.project(
      new Asset(this, 'Program', { path: job.directory }),
      [
        ...job.policy.map(inPlace),
        // It carries the environment's tags as tenants' pools do.
        { Effect: 'Deny', Action: 'cognito-idp:*', Resource: operators },
      ],
      environmentKey(this, deployment),
    );
    const projectArn = project.attrArn;
    const role = this.machineRole(projectArn);
    for (const [name, of] of Object.entries(jobs)) this.job(name, of, project.ref, role);
  }

  private project(program: Asset, policy: readonly object[], keyArn: string | undefined): CfnProject {
    const logs = new LogGroup(this, 'Logs', {
      logGroupName: `/saas-ecs/${Aws.STACK_NAME}/jobs`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new CfnRole(this, 'JobRole', {
      description: 'Onboards and offboards tenants',
      assumeRolePolicyDocument: assumedBy('codebuild.amazonaws.com'),
      policies: [
        {
          policyName: 'job',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logs.logGroupArn),
              allow('s3:GetObject', program.bucket.arnForObjects(program.s3ObjectKey)),
              ...policy,
            ],
          },
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason:
        "Tenants come later: what is theirs is narrowed by the beginning of its name, or by its tags; API Gateway's ids are made up; describing a service's tasks knows no resource before there is one",
    });
    const project = new CfnProject(this, 'Project', {
      description: 'Runs saas-ecs onboard and offboard for registrations',
      serviceRole: role.attrArn,
      source: {
        type: 'S3',
        location: `${program.s3BucketName}/${program.s3ObjectKey}`,
        buildSpec: JSON.stringify({
          version: '0.2',
          phases: {
            install: { 'runtime-versions': { nodejs: 22 } },
            build: {
              commands: [
                // No part of the request is ever part of a command line.
                'node bin/saas-ecs __job "$JOB_COMMAND" --no-input --output ndjson',
              ],
            },
          },
        }),
      },
      artifacts: { type: 'NO_ARTIFACTS' },
      environment: {
        type: 'ARM_CONTAINER',
        computeType: 'BUILD_GENERAL1_SMALL',
        image: 'aws/codebuild/amazonlinux-aarch64-standard:3.0',
        privilegedMode: false,
      },
      logsConfig: { cloudWatchLogs: { status: 'ENABLED', groupName: logs.logGroupName } },
      timeoutInMinutes: jobMinutes,
      queuedTimeoutInMinutes: 8 * 60,
    });
    if (keyArn !== undefined) project.encryptionKey = keyArn;
    else
      accept(project, {
        id: 'AwsSolutions-CB4',
        reason: 'It makes no artifacts that a key of its own would encrypt',
      });
    return project;
  }

  private machineRole(projectArn: string): string {
    const role = new CfnRole(this, 'MachineRole', {
      assumeRolePolicyDocument: assumedBy('states.amazonaws.com'),
      policies: [
        {
          policyName: 'run-jobs',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              allow(['codebuild:StartBuild', 'codebuild:StopBuild', 'codebuild:BatchGetBuilds'], projectArn),
              // Step Functions learns of a build's end by a rule that it keeps itself.
              allow(
                ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
                Stack.of(this).formatArn({
                  service: 'events',
                  resource: 'rule',
                  resourceName: 'StepFunctionsGetEventForCodeBuildStartBuildRule',
                }),
              ),
              allow('events:PutEvents', this.busArn),
              allow(
                [
                  ...['CreateLogDelivery', 'GetLogDelivery', 'UpdateLogDelivery', 'DeleteLogDelivery'],
                  ...['ListLogDeliveries', 'PutResourcePolicy', 'DescribeResourcePolicies'],
                  'DescribeLogGroups',
                ].map((name) => `logs:${name}`),
                '*',
              ),
              allow(
                [
                  'xray:PutTraceSegments',
                  'xray:PutTelemetryRecords',
                  'xray:GetSamplingRules',
                  'xray:GetSamplingTargets',
                ],
                '*',
              ),
            ],
          },
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason: 'Log deliveries and traces know no resource',
    });
    return role.attrArn;
  }

  private job(name: string, job: Job, project: string, machineRoleArn: string): void {
    const logs = new LogGroup(this, `${name}Logs`, {
      logGroupName: `/aws/vendedlogs/states/${Aws.STACK_NAME}-${job.command}`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const machine = new CfnStateMachine(this, name, {
      roleArn: machineRoleArn,
      stateMachineType: 'STANDARD',
      definitionString: Stack.of(this).toJsonString(this.definition(job, project)),
      loggingConfiguration: {
        level: 'ALL',
        // Requests hold addresses of people.
        includeExecutionData: false,
        destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logs.logGroupArn } }],
      },
      tracingConfiguration: { enabled: true },
    });
    const role = new CfnRole(this, `${name}RuleRole`, {
      assumeRolePolicyDocument: assumedBy('events.amazonaws.com'),
      policies: [
        {
          policyName: 'start',
          policyDocument: { Version: '2012-10-17', Statement: [allow('states:StartExecution', machine.ref)] },
        },
      ],
    });
    new CfnRule(this, `${name}Rule`, {
      description: `Starts the job of an ${job.request}`,
      eventBusName: this.busName,
      eventPattern: {
        source: [eventSources.controlPlane],
        'detail-type': [registrationEvents[job.request]],
        ...(job.detail && { detail: job.detail }),
      },
      targets: [{ id: 'job', arn: machine.ref, roleArn: role.attrArn }],
    });
  }

  private definition({ command, failure }: Job, project: string): object {
    const console = `https://${Aws.REGION}.console.aws.amazon.com`;
    return {
      Comment: `Runs saas-ecs ${command} for a registration`,
      StartAt: 'Run',
      States: {
        Run: {
          Type: 'Task',
          Resource: `arn:${Aws.PARTITION}:states:::codebuild:startBuild.sync`,
          Parameters: {
            ProjectName: project,
            EnvironmentVariablesOverride: [
              { Name: 'JOB_COMMAND', Type: 'PLAINTEXT', Value: command },
              { Name: jobRegistration, Type: 'PLAINTEXT', 'Value.$': 'States.JsonToString($.detail)' },
              {
                Name: jobLog,
                Type: 'PLAINTEXT',
                'Value.$': `States.Format('${console}/states/home?region=${Aws.REGION}#/v2/executions/details/{}', $$.Execution.Id)`,
              },
            ],
          },
          // Longer than the build may take, and shorter than the queue might: an operator hears of it.
          TimeoutSeconds: (jobMinutes + 30) * 60,
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'Report' }],
          End: true,
        },
        // The command has told why it failed, if it lived to. This adds that it did, and where to look.
        Report: {
          Type: 'Task',
          Resource: `arn:${Aws.PARTITION}:states:::events:putEvents`,
          Parameters: {
            Entries: [
              {
                EventBusName: this.busName,
                Source: eventSources.applicationPlane,
                DetailType: registrationEvents[failure],
                Detail: {
                  'tenantRegistrationId.$': '$.detail.tenantRegistrationId',
                  jobOutput: {
                    tenantRegistrationData: {
                      registrationStatus: registrationStatuses.failed,
                      'jobError.$': '$.failure.Error',
                      'failureLog.$': `States.Format('${console}/states/home?region=${Aws.REGION}#/v2/executions/details/{}', $$.Execution.Id)`,
                    },
                  },
                },
              },
            ],
          },
          Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 2, MaxAttempts: 5, BackoffRate: 2 }],
          Next: 'Failed',
        },
        Failed: { Type: 'Fail', Error: 'JobFailed', Cause: `saas-ecs ${command} did not end well` },
      },
    };
  }
}
