/** All tasks of the cloud: starting, stopping, describing them, and what to do with those of an earlier process. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import {
  DescribeTasks$,
  type DescribeTasksRequest,
  ExecuteCommand$,
  ListTasks$,
  type ListTasksRequest,
  RunTask$,
  type RunTaskRequest,
  StopTask$,
  type StopTaskRequest,
  type Tag,
  type Task,
  type TaskOverride,
} from '@aws-sdk/client-ecs';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import type { ServiceConnect } from './service-connect.ts';
import { type DefinitionRecord, type EcsState, invalid, page, shortName, type TaskRecord } from './state.ts';
import { markerVariable } from './task/environment.ts';
import type { Addresses } from './task/network.ts';
import { signalGroup } from './task/process.ts';
import { RunningTask, tasksDirectory } from './task/running-task.ts';

/** Tasks that start at the same moment. */
const startingAtOnce = 4;
/** How long and how many stopped tasks can still be described; ECS keeps them for about an hour. */
const stoppedForMs = 3_600_000;
const stoppedKept = 10;
/** Characters of overrides that RunTask takes (API reference, TaskOverride). */
const overridesLimit = 8_192;

export interface NewTask {
  definition: DefinitionRecord;
  cluster: string;
  group: string;
  startedBy?: string | undefined;
  service?: string;
  deployment?: string;
  launchType?: Task['launchType'];
  overrides?: TaskOverride | undefined;
  tags?: Tag[];
  capacityProviderName?: string | undefined;
  enableExecuteCommand?: boolean | undefined;
}

export interface Tasks {
  launch(task: NewTask): RunningTask;
  get(id: string): RunningTask | undefined;
  /** A service's tasks that have not stopped yet. */
  of(service: string): RunningTask[];
  all(): Iterable<RunningTask>;
  /** Forgets tasks that stopped long ago, and deleted services with their last task. */
  purge(): void;
  /** Ends what an earlier process left; restarts the tasks of services, under the same names and addresses. */
  recover(): Promise<void>;
  /** Ends all processes; tasks of services come back with {@link recover}. */
  suspend(): Promise<void>;
  readonly operations: readonly Operation[];
}

export interface TaskListeners {
  changed(task: RunningTask): void;
  retire(task: RunningTask): Promise<void>;
}

export function createTasks(
  cloud: Cloud,
  state: EcsState,
  addresses: Addresses,
  connect: ServiceConnect,
  listeners: TaskListeners,
): Tasks {
  const living = new Map<string, RunningTask>();
  const slots = createSlots(startingAtOnce);
  const owner = createHash('sha256').update(cloud.stateDir).digest('hex').slice(0, 16);
  const marker = (id: string): string => `${owner}/${id}`;

  const platform = {
    cloud,
    addresses,
    launch: slots,
    marker,
    names: (record: TaskRecord) => connect.namesFor(record.service),
    retire: listeners.retire,
    save: (record: TaskRecord) => state.tasks.put(record.id, record),
    changed(task: RunningTask) {
      if (task.stopped) {
        living.delete(task.id);
        prune(task.record);
      }
      listeners.changed(task);
    },
  };

  const prune = (record: TaskRecord): void => {
    const stopped = (record.service === undefined ? state.tasks.values() : state.tasksOf(record.service))
      .filter((other) => other.service === record.service && other.task.lastStatus === 'STOPPED')
      .sort((a, b) => Number(new Date(b.task.stoppedAt ?? 0)) - Number(new Date(a.task.stoppedAt ?? 0)));
    const oldest = Date.now() - stoppedForMs;
    for (const [index, other] of stopped.entries()) {
      if (index >= stoppedKept || Number(new Date(other.task.stoppedAt ?? 0)) < oldest)
        state.tasks.delete(other.id);
    }
  };

  const run = (record: TaskRecord, definition: DefinitionRecord): RunningTask => {
    const task = new RunningTask(platform, record, definition);
    living.set(record.id, task);
    void task.run();
    return task;
  };

  const record = (spec: NewTask): TaskRecord => {
    const id = randomBytes(16).toString('hex');
    const taskArn = state.arn(`task/${spec.cluster}/${id}`);
    return {
      id,
      cluster: spec.cluster,
      host: '',
      ports: {},
      pids: [],
      ...(spec.service !== undefined && { service: spec.service }),
      ...(spec.deployment !== undefined && { deployment: spec.deployment }),
      task: {
        taskArn,
        clusterArn: state.arn(`cluster/${spec.cluster}`),
        taskDefinitionArn: spec.definition.taskDefinitionArn,
        containers: (spec.definition.containerDefinitions ?? []).map((container) => ({
          containerArn: state.arn(`container/${spec.cluster}/${id}/${container.name}`),
          taskArn,
          name: container.name,
          image: container.image,
          lastStatus: 'PENDING',
          networkInterfaces: [],
          cpu: String(container.cpu ?? 0),
          healthStatus: container.healthCheck ? 'UNKNOWN' : undefined,
        })),
        attachments: [],
        availabilityZone: `${cloud.region}a`,
        connectivity: 'CONNECTED',
        cpu: spec.overrides?.cpu ?? spec.definition.cpu,
        memory: spec.overrides?.memory ?? spec.definition.memory,
        createdAt: new Date(),
        desiredStatus: 'RUNNING',
        lastStatus: 'PROVISIONING',
        healthStatus: 'UNKNOWN',
        group: spec.group,
        startedBy: spec.startedBy,
        launchType: spec.launchType,
        capacityProviderName: spec.capacityProviderName,
        enableExecuteCommand: spec.enableExecuteCommand ?? false,
        overrides: spec.overrides ?? { containerOverrides: [] },
        tags: spec.tags ?? [],
        version: 1,
      },
    };
  };

  const view = (found: TaskRecord, include: readonly string[] | undefined): Task => {
    const { tags, ...task } = found.task;
    return include?.includes('TAGS') ? { ...task, tags } : task;
  };

  const tasks: Omit<Tasks, 'operations'> = {
    launch(spec) {
      const created = record(spec);
      state.tasks.put(created.id, created);
      return run(created, spec.definition);
    },
    get: (id) => living.get(id),
    of: (service) =>
      state.tasksOf(service).flatMap((known) => {
        const task = living.get(known.id);
        return task ? [task] : [];
      }),
    all: () => living.values(),

    purge() {
      const oldest = Date.now() - stoppedForMs;
      for (const known of state.tasks.values()) {
        const { lastStatus, stoppedAt } = known.task;
        if (lastStatus === 'STOPPED' && Number(new Date(stoppedAt ?? 0)) < oldest)
          state.tasks.delete(known.id);
      }
      for (const [key, service] of state.services.entries()) {
        if (service.status === 'INACTIVE' && state.tasksOf(key).length === 0) state.services.delete(key);
      }
    },

    async recover() {
      tasks.purge();
      await rm(tasksDirectory(cloud), { recursive: true, force: true });
      for (const known of state.tasks.values()) {
        if (known.task.lastStatus === 'STOPPED') continue;
        for (const pid of known.pids) {
          if (carries(pid, marker(known.id))) signalGroup(pid, 'SIGKILL');
        }
        known.pids = [];
        const service = known.service === undefined ? undefined : state.services.get(known.service);
        const definition = state.definitions.get(shortName(known.task.taskDefinitionArn));
        if (service?.status === 'ACTIVE' && definition && known.task.desiredStatus === 'RUNNING') {
          known.task.lastStatus = 'PROVISIONING';
          known.task.healthStatus = 'UNKNOWN';
          for (const container of known.task.containers ?? []) {
            container.lastStatus = 'PENDING';
            if (container.healthStatus) container.healthStatus = 'UNKNOWN';
            delete container.exitCode;
            delete container.reason;
          }
          run(known, definition);
        } else {
          known.task.desiredStatus = 'STOPPED';
          known.task.lastStatus = 'STOPPED';
          known.task.stoppedReason ??= 'The embedded cloud that ran the task ended.';
          known.task.stoppedAt = new Date();
          state.tasks.put(known.id, known);
        }
      }
    },

    async suspend() {
      await Promise.all([...living.values()].map((task) => task.suspend(2000)));
      living.clear();
    },
  };

  const operations: Operation[] = [
    operation(RunTask$, (input: RunTaskRequest) => {
      const cluster = state.cluster(input.cluster);
      const definition = state.definition(input.taskDefinition);
      if (definition.status !== 'ACTIVE') throw invalid('TaskDefinition is inactive');
      const count = input.count ?? 1;
      if (count < 1 || count > 10) throw invalid('Count must be between 1 and 10.');
      if (JSON.stringify(input.overrides ?? {}).length > overridesLimit)
        throw invalid(`Container Overrides length must be at most ${overridesLimit}`);
      const started = Array.from({ length: count }, () =>
        tasks.launch({
          definition,
          cluster: cluster.clusterName,
          group: input.group ?? `family:${definition.family}`,
          startedBy: input.startedBy,
          launchType: input.launchType ?? 'FARGATE',
          overrides: input.overrides,
          enableExecuteCommand: input.enableExecuteCommand,
          tags: [
            ...(input.propagateTags === 'TASK_DEFINITION' ? definition.tags : []),
            ...(input.tags ?? []),
          ],
        }),
      );
      return { tasks: started.map((task) => view(task.record, ['TAGS'])), failures: [] };
    }),
    operation(StopTask$, (input: StopTaskRequest) => {
      const found = state.task(input.cluster, input.task);
      if (!found) throw invalid('The referenced task was not found.');
      void living.get(found.id)?.stop('UserInitiated', input.reason ?? 'Task stopped by user');
      return { task: view(found, undefined) };
    }),
    operation(DescribeTasks$, (input: DescribeTasksRequest) => {
      const found: Task[] = [];
      const failures: { arn: string; reason: string }[] = [];
      const { clusterName } = state.cluster(input.cluster);
      for (const reference of input.tasks ?? []) {
        const known = state.task(clusterName, reference);
        if (known) found.push(view(known, input.include));
        else
          failures.push({ arn: state.arn(`task/${clusterName}/${shortName(reference)}`), reason: 'MISSING' });
      }
      return { tasks: found, failures };
    }),
    operation(ListTasks$, (input: ListTasksRequest) => {
      const { clusterName } = state.cluster(input.cluster);
      const service =
        input.serviceName === undefined
          ? undefined
          : state.serviceKey(clusterName, state.service(clusterName, input.serviceName).serviceName);
      const found = state.tasks
        .values()
        .filter(
          ({ task, ...known }) =>
            known.cluster === clusterName &&
            task.desiredStatus === (input.desiredStatus ?? 'RUNNING') &&
            (service === undefined || known.service === service) &&
            (input.startedBy === undefined || task.startedBy === input.startedBy) &&
            (input.launchType === undefined || task.launchType === input.launchType) &&
            (input.family === undefined ||
              shortName(task.taskDefinitionArn).replace(/:\d+$/, '') === input.family),
        );
      const { items, nextToken } = page(found, input);
      return { taskArns: items.map(({ task }) => task.taskArn), nextToken };
    }),
    operation(ExecuteCommand$, () => {
      throw new AwsError(
        'InvalidParameterException',
        'The execute command failed: the embedded cloud has no session manager; its tasks are processes of this machine',
      );
    }),
  ];
  return { ...tasks, operations };
}

/** Lets `width` functions run at a time, in the order they came. */
function createSlots(width: number): <T>(start: () => Promise<T>) => Promise<T> {
  let free = width;
  const waiting: (() => void)[] = [];
  return async (start) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await start();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** Whether that process is one of ours: process ids are reused. Only Linux tells; elsewhere nothing is killed. */
function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${markerVariable}=${marker}`);
  } catch {
    return false;
  }
}
