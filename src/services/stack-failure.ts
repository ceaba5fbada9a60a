import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';

const explained = new Set(['stack_failed', 'deployment_failed']);

/** Log lines of a stopped task that an error shows. */
const lastLines = 10;

type FailureEvent = Pick<
  StackEvent,
  'ResourceType' | 'ResourceStatus' | 'ResourceStatusReason' | 'PhysicalResourceId'
>;

/**
 * Finds out why an ECS service of a stack failed. It must be asked when the event comes: the rollback that follows
 * deletes the tasks and their logs.
 */
export class FailureWatch {
  readonly #options: ClientOptions;
  readonly #found: Promise<string[]>[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** To be given every event of the stack. */
  see(event: FailureEvent): void {
    const { ResourceType, ResourceStatus, PhysicalResourceId = '', ResourceStatusReason = '' } = event;
    if (ResourceType !== 'AWS::ECS::Service' || !ResourceStatus?.endsWith('_FAILED')) return;
    // A neighbour's failure cancels the others: those have no cause of their own.
    if (/cancelled/i.test(ResourceStatusReason) || !PhysicalResourceId.startsWith('arn:')) return;
    this.#found.push(diagnose(this.#options, PhysicalResourceId).catch(() => []));
  }

  /** Throws the error again, with what was found in its detail. */
  async explain(error: unknown): Promise<never> {
    if (!(error instanceof SaasError) || !explained.has(error.code)) throw error;
    const found = (await Promise.all(this.#found)).flat();
    const known = error.detail ?? '';
    throw new SaasError(error.code, error.message, {
      detail: [known, ...found.filter((line) => !known.includes(line.replace(/^\w+: /, '')))]
        .filter(Boolean)
        .join('\n'),
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}

/** Why ECS stopped a service's tasks, and what the last of them logged. */
export async function diagnose(options: ClientOptions, serviceArn: string): Promise<string[]> {
  const ecs = new ECSClient(options);
  const [cluster = '', service = ''] = serviceArn.split('/').slice(-2);
  const lines: string[] = [];
  const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  for (const deployment of services[0]?.deployments ?? [])
    if (deployment.rolloutState === 'FAILED')
      lines.push(`deployment: ${deployment.rolloutStateReason ?? ''}`);
  const { taskArns = [] } = await ecs.send(
    new ListTasksCommand({ cluster, serviceName: service, desiredStatus: 'STOPPED' }),
  );
  const [newest] = taskArns;
  if (newest === undefined) return lines;
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [newest] }));
  const [task] = tasks;
  if (!task) return lines;
  lines.push(`task: ${task.stoppedReason ?? 'stopped without a reason'}`);
  const { taskDefinition } = await ecs.send(
    new DescribeTaskDefinitionCommand({ taskDefinition: task.taskDefinitionArn ?? '' }),
  );
  const [container] = taskDefinition?.containerDefinitions ?? [];
  const settings = container?.logConfiguration?.options;
  const group = settings?.['awslogs-group'];
  if (group === undefined) return lines;
  // The awslogs driver names a stream <prefix>/<container>/<task id>.
  const stream = [settings?.['awslogs-stream-prefix'], container?.name, newest.split('/').at(-1)].join('/');
  const { events = [] } = await new CloudWatchLogsClient(options).send(
    new FilterLogEventsCommand({ logGroupName: group, logStreamNames: [stream] }),
  );
  for (const event of events.slice(-lastLines)) lines.push(`log: ${(event.message ?? '').trimEnd()}`);
  return lines;
}
