/** What ECS, the load balancer and the logs say about a service that does not run as it should. */
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  type Service,
  type Task,
} from '@aws-sdk/client-ecs';
import type { ClientOptions } from '../environment.ts';
import { isoOf, type Link } from './chain.ts';
import { redact } from './redact.ts';

/** Log lines of a stopped task that are shown, and messages of ECS about a service. */
const lastLines = 10;
const lastEvents = 3;
/** DescribeTasks takes 100; the newest few are enough. */
const stoppedTasks = 20;

export class ServiceEvidence {
  readonly #ecs: ECSClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#ecs = new ECSClient(options);
    this.#logs = new CloudWatchLogsClient(options);
    this.#options = options;
  }

  /**
   * One link for a service that is well; else its deployment, what ECS last said, why its newest task stopped, what
   * that task logged last, and the targets that do not answer. `arn` holds the cluster's name.
   */
  async of(arn: string): Promise<Link[]> {
    const [cluster = '', name = ''] = arn.split('/').slice(-2);
    const { services = [] } = await this.#ecs.send(
      new DescribeServicesCommand({ cluster, services: [name] }),
    );
    const [service] = services;
    if (!service) return [];
    // Containers have the names of saas-ecs.yaml.
    const label = service.loadBalancers?.[0]?.containerName ?? service.serviceName ?? name;
    const targets = await this.#targets(service, label);
    const status = statusOf(service, targets);
    const head: Link = {
      kind: 'service',
      name: label,
      status,
      detail: [
        `${service.runningCount ?? 0} of ${service.desiredCount ?? 0} tasks run`,
        ...failedDeployments(service),
      ].join('\n'),
      at: isoOf(service.deployments?.[0]?.updatedAt),
    };
    if (status === 'healthy') return [head];
    const task = await this.#newestStopped(cluster, service.serviceName ?? name);
    return [
      head,
      ...messages(service, label),
      ...(task ? [stopped(task, label), ...(await this.#lastLines(task, label).catch(() => []))] : []),
      ...targets,
    ];
  }

  async #newestStopped(cluster: string, serviceName: string): Promise<Task | undefined> {
    const { taskArns = [] } = await this.#ecs.send(
      new ListTasksCommand({ cluster, serviceName, desiredStatus: 'STOPPED', maxResults: stoppedTasks }),
    );
    if (taskArns.length === 0) return undefined;
    const { tasks = [] } = await this.#ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
    const when = (task: Task): number =>
      (task.stoppedAt ?? task.stoppingAt ?? task.createdAt)?.getTime() ?? 0;
    return (
      tasks
        // Those that a newer deployment or the scaling has replaced say nothing.
        .sort((a, b) => Number(isReplaced(a)) - Number(isReplaced(b)) || when(b) - when(a))[0]
    );
  }

  /** The awslogs driver names a stream <prefix>/<container>/<task id>. */
  async #lastLines(task: Task, label: string): Promise<Link[]> {
    const { taskDefinition } = await this.#ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: task.taskDefinitionArn ?? '' }),
    );
    const [container] = taskDefinition?.containerDefinitions ?? [];
    const { 'awslogs-group': logGroupName, 'awslogs-stream-prefix': prefix } =
      container?.logConfiguration?.options ?? {};
    if (logGroupName === undefined) return [];
    const logStreamName = [prefix, container?.name, task.taskArn?.split('/').at(-1)].join('/');
    const { events = [] } = await this.#logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: false, limit: lastLines }),
    );
    if (events.length === 0) return [];
    const last = events.at(-1)?.timestamp;
    return [
      {
        kind: 'log',
        name: label,
        status: `last lines of ${logGroupName}`,
        detail: events
          .slice(-lastLines)
          .map(({ message = '' }) => redact(message.trimEnd()))
          .join('\n'),
        at: last === undefined ? null : new Date(last).toISOString(),
      },
    ];
  }

  /** Only where no target is healthy: then requests of this service fail. */
  async #targets(service: Service, label: string): Promise<Link[]> {
    const found: Link[] = [];
    // Watching a stack loads this file; only what failed, or is explained, needs that client.
    const { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } = await import(
      '@aws-sdk/client-elastic-load-balancing-v2'
    );
    const balancers = new ElasticLoadBalancingV2Client(this.#options);
    for (const { targetGroupArn } of service.loadBalancers ?? []) {
      if (targetGroupArn === undefined) continue;
      const { TargetHealthDescriptions = [] } = await balancers
        .send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }))
        // Gone with a stack that is being rolled back.
        .catch(() => ({ TargetHealthDescriptions: [] }));
      if (TargetHealthDescriptions.some(({ TargetHealth }) => TargetHealth?.State === 'healthy')) continue;
      for (const { Target, TargetHealth } of TargetHealthDescriptions)
        found.push({
          kind: 'target',
          name: label,
          status: TargetHealth?.State ?? 'unknown',
          detail: `${Target?.Id}:${Target?.Port}: ${TargetHealth?.Description ?? TargetHealth?.Reason ?? 'no reason given'}`,
          at: null,
        });
    }
    return found;
  }
}

const isReplaced = ({ stopCode, stoppedReason = '', containers = [] }: Task): boolean =>
  stopCode === 'UserInitiated' ||
  (stopCode === 'ServiceSchedulerInitiated' &&
    !/health|failed/i.test(stoppedReason) &&
    !containers.some(({ reason }) => reason));

function failedDeployments({ deployments = [] }: Service): string[] {
  return deployments
    .filter(({ rolloutState }) => rolloutState === 'FAILED')
    .map(({ rolloutStateReason }) => rolloutStateReason ?? 'the deployment failed');
}

function statusOf(service: Service, targets: readonly Link[]): string {
  if (service.status !== 'ACTIVE') return (service.status ?? 'unknown').toLowerCase();
  if (failedDeployments(service).length > 0) return 'failed';
  const isRunning = (service.runningCount ?? 0) >= (service.desiredCount ?? 0);
  return isRunning && targets.length === 0 ? 'healthy' : 'unhealthy';
}

/** What ECS said last, without its good news. */
function messages({ events = [] }: Service, label: string): Link[] {
  return events
    .filter(({ message = '' }) => /unable|unhealthy|failed|error|stopped|terminat/i.test(message))
    .slice(0, lastEvents)
    .map(({ message = '', createdAt }) => ({
      kind: 'event',
      name: label,
      status: 'said by ECS',
      detail: message,
      at: isoOf(createdAt),
    }));
}

function stopped({ stoppedReason, containers = [], stoppedAt }: Task, label: string): Link {
  const code = containers.find(({ exitCode }) => exitCode !== undefined)?.exitCode;
  const reasons = containers.flatMap(({ name, reason }) => (reason ? [`${name}: ${reason}`] : []));
  return {
    kind: 'task',
    name: label,
    status: code === undefined ? 'stopped' : `exited with ${code}`,
    detail: [stoppedReason ?? 'stopped without a reason', ...reasons].join('\n'),
    at: isoOf(stoppedAt),
  };
}
