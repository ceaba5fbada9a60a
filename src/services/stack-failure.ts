import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';
import { Stacks } from './stacks.ts';

const lastLines = 10;

/**
 * Adds to a failed stack's error what an operator would look up next: why ECS stopped the tasks, and the last lines
 * that they logged. Always throws; what can't be found out is left out.
 */
export async function explainFailure(
  options: ClientOptions,
  stackName: string,
  error: unknown,
): Promise<never> {
  if (!(error instanceof SaasError) || error.code !== 'stack_failed') throw error;
  const found = await taskFailures(options, stackName).catch(() => []);
  const detail = [error.detail, ...found].filter(Boolean).join('\n');
  throw new SaasError(error.code, error.message, {
    detail,
    hint: 'repair the cause, then run the same command again; or remove the tenant with offboard',
    cause: error,
  });
}

async function taskFailures(options: ClientOptions, stackName: string): Promise<string[]> {
  const resources = await new Stacks(options).resources(stackName);
  const ofType = (type: string): string[] =>
    resources
      .filter((resource) => resource.ResourceType === type)
      .map((resource) => resource.PhysicalResourceId ?? '');
  const ecs = new ECSClient(options);
  const logs = new CloudWatchLogsClient(options);
  const lines: string[] = [];
  for (const arn of ofType('AWS::ECS::Service').filter((id) => id.startsWith('arn:'))) {
    const [cluster = '', service = ''] = arn.split('/').slice(-2);
    const { taskArns = [] } = await ecs.send(
      new ListTasksCommand({ cluster, serviceName: service, desiredStatus: 'STOPPED' }),
    );
    if (taskArns.length > 0) {
      const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns.slice(-1) }));
      for (const task of tasks) lines.push(`task stopped: ${task.stoppedReason ?? 'no reason given'}`);
    }
    const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    for (const deployment of services[0]?.deployments ?? [])
      if (deployment.rolloutState === 'FAILED')
        lines.push(`deployment failed: ${deployment.rolloutStateReason ?? ''}`);
  }
  for (const group of ofType('AWS::Logs::LogGroup')) {
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: group }));
    for (const event of events.slice(-lastLines)) lines.push(`log: ${event.message ?? ''}`);
  }
  return lines;
}
