/** Keeps services as they should be: rolls deployments out, replaces what dies, gives up where the circuit breaker says so. */
import { randomInt, randomUUID } from 'node:crypto';
import type { Cloud } from '../../platform.ts';
import { failureThreshold, nextStep } from './rollout.ts';
import type { ServiceConnect } from './service-connect.ts';
import type {
  DefinitionRecord,
  DeploymentRecord,
  DeploymentSettings,
  EcsState,
  ServiceRecord,
} from './state.ts';
import { shortName } from './state.ts';
import { createTargets } from './targets.ts';
import type { RunningTask } from './task/running-task.ts';
import type { Tasks } from './tasks.ts';

const eventsKept = 40;
/** Delay before a failed task is replaced; doubles with each failure in a row. */
const firstBackoffMs = 100;
/** While somebody waits for a deployment under a circuit breaker, it is to decide soon. */
const longestDeployingBackoffMs = 2000;
const longestBackoffMs = 60_000;

export interface Scheduler {
  /** Starts a deployment; the ones before become ACTIVE and fade out. */
  deploy(service: ServiceRecord, taskDefinition: string, settings: DeploymentSettings): DeploymentRecord;
  /** Looks at the service soon: something has changed. */
  wake(key: string): void;
  event(service: ServiceRecord, message: string): void;
  taskChanged(task: RunningTask): void;
  taskRetires(task: RunningTask): Promise<void>;
  /** Tasks that serve. */
  ready(key: string): RunningTask[];
  /**
   * Resolves when the service has its desired tasks, healthy, and no older ones, or is gone; rejects with the reason when the
   * circuit breaker ends `deployment`, or on abort.
   */
  steady(key: string, deployment: string | undefined, signal: AbortSignal | undefined): Promise<void>;
  /** Resolves when the service has its desired tasks again, healthy, or is gone, or one of them has failed; rejects on abort. */
  restored(key: string, signal: AbortSignal): Promise<void>;
  stop(): void;
}

export interface SchedulerParts {
  cloud: Cloud;
  state: EcsState;
  /** Made after the scheduler: each needs the other. */
  tasks(): Tasks;
  connect(): ServiceConnect;
}

interface Backoff {
  failures: number;
  notBefore: number;
  timer?: NodeJS.Timeout;
}

export function createScheduler({ cloud, state, tasks, connect }: SchedulerParts): Scheduler {
  const woken = new Set<string>();
  const backoffs = new Map<string, Backoff>();
  const waiters = new Map<string, Set<() => void>>();
  /** Tasks that stop because the scheduler wants fewer of them: no failures. */
  const dismissed = new Set<string>();
  const counted = new Set<string>();
  const wasReady = new Set<string>();
  let stopped = false;
  const targets = createTargets(cloud, (task, reason) => {
    reject(task, reason);
  });

  const save = (key: string, service: ServiceRecord): void => state.services.put(key, service);
  const keyOf = (service: ServiceRecord): string => state.serviceKey(service.cluster, service.serviceName);
  const event = (service: ServiceRecord, message: string): void => {
    service.events.unshift({
      id: randomUUID(),
      createdAt: new Date(),
      message: `(service ${service.serviceName}) ${message}`,
    });
    service.events.splice(eventsKept);
  };
  const isReady = (task: RunningTask): boolean => task.healthy && targets.healthy(task.id);
  const live = (key: string): RunningTask[] =>
    tasks()
      .of(key)
      .filter((task) => !task.stoppingOrStopped);

  const wake = (key: string): void => {
    if (stopped || woken.has(key)) return;
    woken.add(key);
    setImmediate(() => {
      woken.delete(key);
      if (!stopped) reconcile(key);
    });
  };

  /** Stops a task that fails a health check; it counts as failed. */
  const reject = (task: RunningTask, reason: string): void => {
    if (task.stoppingOrStopped) return;
    const service = task.record.service === undefined ? undefined : state.services.get(task.record.service);
    if (service) event(service, `(task ${task.id}) ${reason.replace(/^Task /, '')}.`);
    void task.stop('ServiceSchedulerInitiated', reason);
  };

  const dismiss = (service: ServiceRecord, ids: readonly string[], reason: string): void => {
    if (ids.length === 0) return;
    event(service, `has stopped ${ids.length} running tasks: ${ids.map((id) => `(task ${id})`).join(' ')}.`);
    for (const id of ids) {
      dismissed.add(id);
      void tasks().get(id)?.stop('ServiceSchedulerInitiated', reason);
    }
  };

  const start = (service: ServiceRecord, deployment: DeploymentRecord, count: number): void => {
    let definition: DefinitionRecord;
    try {
      definition = state.definition(deployment.taskDefinition);
    } catch {
      event(service, `was unable to place a task: ${deployment.taskDefinition} is gone.`);
      return;
    }
    const started = Array.from({ length: count }, () =>
      tasks().launch({
        definition,
        cluster: service.cluster,
        group: `service:${service.serviceName}`,
        startedBy: deployment.id,
        service: keyOf(service),
        deployment: deployment.id,
        launchType: deployment.settings.capacityProviderStrategy?.length
          ? undefined
          : (deployment.settings.launchType ?? 'FARGATE'),
        capacityProviderName: deployment.settings.capacityProviderStrategy?.[0]?.capacityProvider,
        enableExecuteCommand: deployment.settings.enableExecuteCommand,
        tags:
          service.propagateTags === 'SERVICE'
            ? (service.tags ?? [])
            : service.propagateTags === 'TASK_DEFINITION'
              ? definition.tags
              : [],
      }),
    );
    event(service, `has started ${count} tasks: ${started.map((task) => `(task ${task.id})`).join(' ')}.`);
  };

  const reconcile = (key: string): void => {
    const service = state.services.get(key);
    if (!service) {
      settle(key);
      return;
    }
    const all = tasks().of(key);
    const alive = all.filter((task) => !task.stoppingOrStopped);
    if (service.status !== 'ACTIVE') {
      drainAway(key, service, all, alive);
      return;
    }
    const primary = service.deployments[0];
    if (!primary) return;
    noticeReady(service, primary, alive);
    const own = alive.filter((task) => task.record.deployment === primary.id);

    if (primary.rolloutState === 'FAILED') {
      const useless = own.filter((task) => !isReady(task)).map((task) => task.id);
      dismiss(service, useless, `Deployment ${primary.id} failed`);
    } else {
      const step = nextStep(
        alive.map((task) => ({
          id: task.id,
          current: task.record.deployment === primary.id,
          ready: isReady(task),
          age: Number(new Date(task.record.task.createdAt ?? 0)),
        })),
        service.desiredCount,
        service.deploymentConfiguration,
      );
      dismiss(service, step.stop, `Scaling activity initiated by (deployment ${primary.id})`);
      if (step.start > 0 && mayStart(key)) start(service, primary, step.start);
      finish(key, service, primary);
    }
    for (const deployment of service.deployments) deployment.desiredCount = wanted(service, deployment);
    // An older deployment is gone with its last task.
    const remaining = new Set(
      tasks()
        .of(key)
        .map((task) => task.record.deployment),
    );
    service.deployments = service.deployments.filter(
      (deployment) => deployment === service.deployments[0] || remaining.has(deployment.id),
    );
    save(key, service);
    settle(key);
  };

  const wanted = (service: ServiceRecord, deployment: DeploymentRecord): number => {
    if (deployment.status !== 'PRIMARY' || deployment.rolloutState === 'FAILED') return 0;
    return service.desiredCount;
  };

  const drainAway = (
    key: string,
    service: ServiceRecord,
    all: readonly RunningTask[],
    alive: readonly RunningTask[],
  ): void => {
    dismiss(
      service,
      alive.map((task) => task.id),
      'Service was deleted',
    );
    if (all.length === 0 && service.status === 'DRAINING') {
      service.status = 'INACTIVE';
      service.deployments = [];
      forget(key);
      tasks().purge();
    }
    save(key, service);
    settle(key);
  };

  const noticeReady = (
    service: ServiceRecord,
    primary: DeploymentRecord,
    alive: readonly RunningTask[],
  ): void => {
    for (const task of alive) {
      if (wasReady.has(task.id) || !isReady(task)) continue;
      wasReady.add(task.id);
      if (
        task.record.deployment === primary.id &&
        service.deploymentConfiguration?.deploymentCircuitBreaker?.resetOnHealthyTask !== false
      )
        primary.strikes = 0;
    }
  };

  /** Is the service what it should be? Then the deployment is complete. */
  const finish = (key: string, service: ServiceRecord, primary: DeploymentRecord): void => {
    const alive = live(key);
    const own = alive.filter((task) => task.record.deployment === primary.id);
    const done =
      own.length === service.desiredCount &&
      alive.length === own.length &&
      own.every((task) => isReady(task));
    if (done && primary.rolloutState !== 'COMPLETED') {
      primary.rolloutState = 'COMPLETED';
      primary.rolloutStateReason = `ECS deployment ${primary.id} completed.`;
      primary.updatedAt = new Date();
      service.lastCompleted = { taskDefinition: primary.taskDefinition, settings: primary.settings };
      event(service, `(deployment ${primary.id}) deployment completed.`);
    }
    if (done && !service.steady) event(service, 'has reached a steady state.');
    service.steady = done;
  };

  const mayStart = (key: string): boolean => {
    const backoff = backoffs.get(key);
    const wait = (backoff?.notBefore ?? 0) - Date.now();
    if (!backoff || wait <= 0) return true;
    clearTimeout(backoff.timer);
    backoff.timer = setTimeout(() => wake(key), wait);
    backoff.timer.unref();
    return false;
  };

  const fail = (key: string, service: ServiceRecord, task: RunningTask): void => {
    const primary = service.deployments[0];
    const failure = task.failure();
    const backoff = backoffs.get(key) ?? { failures: 0, notBefore: 0 };
    backoffs.set(key, backoff);
    // One that served a while died of something new.
    const startedAt = Number(new Date(task.record.task.startedAt ?? Date.now()));
    backoff.failures = wasReady.has(task.id) && Date.now() - startedAt > 10_000 ? 1 : backoff.failures + 1;
    const breaker = service.deploymentConfiguration?.deploymentCircuitBreaker?.enable ?? false;
    const deploying = breaker && primary?.rolloutState === 'IN_PROGRESS';
    backoff.notBefore =
      Date.now() +
      Math.min(
        firstBackoffMs * 2 ** (backoff.failures - 1),
        deploying ? longestDeployingBackoffMs : longestBackoffMs,
      );
    if (backoff.failures === 5) event(service, 'is unable to consistently start tasks successfully.');

    const deployment = service.deployments.find((candidate) => candidate.id === task.record.deployment);
    if (!deployment) return;
    deployment.failedTasks++;
    deployment.strikes++;
    deployment.lastFailure = failure;
    deployment.updatedAt = new Date();
    if (
      deploying &&
      deployment === primary &&
      deployment.strikes >= failureThreshold(service.desiredCount, service.deploymentConfiguration)
    )
      trip(service, deployment);
  };

  /** The circuit breaker ends a deployment and, where it can, returns to the last one that was completed. */
  const trip = (service: ServiceRecord, deployment: DeploymentRecord): void => {
    // ECS says so whatever the tasks died of; the last one's own story follows.
    const why = 'tasks failed to start';
    deployment.rolloutState = 'FAILED';
    deployment.rolloutStateReason = `ECS deployment circuit breaker: ${why}.`;
    event(service, `(deployment ${deployment.id}) deployment failed: ${why}.`);
    service.failure = {
      deployment: deployment.id,
      message: `ECS Deployment Circuit Breaker was triggered. ${deployment.failedTasks} tasks of ${shortName(deployment.taskDefinition)} failed. The last was ${deployment.lastFailure ?? 'unknown'}`,
    };
    const breaker = service.deploymentConfiguration?.deploymentCircuitBreaker;
    if (!breaker?.rollback || !service.lastCompleted || deployment.rollbackOf) return;
    const { taskDefinition, settings } = service.lastCompleted;
    const back = deploy(service, taskDefinition, settings);
    back.rollbackOf = deployment.id;
    deployment.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${back.id}.`;
    event(service, `rolling back to deployment ${back.id}.`);
    const membership = connect().membership(
      settings.serviceConnectConfiguration,
      state.definition(taskDefinition),
      state.cluster(service.cluster),
    );
    connect()
      .publish(keyOf(service), membership)
      .catch((error: Error) => cloud.log(`ecs: ${error.message}`));
  };

  const deploy = (
    service: ServiceRecord,
    taskDefinition: string,
    settings: DeploymentSettings,
  ): DeploymentRecord => {
    const now = new Date();
    const deployment: DeploymentRecord = {
      id: `ecs-svc/${Array.from({ length: 19 }, (_, index) => randomInt(index === 0 ? 1 : 0, 10)).join('')}`,
      status: 'PRIMARY',
      taskDefinition,
      desiredCount: service.desiredCount,
      failedTasks: 0,
      strikes: 0,
      createdAt: now,
      updatedAt: now,
      rolloutState: 'IN_PROGRESS',
      settings,
    };
    deployment.rolloutStateReason = `ECS deployment ${deployment.id} in progress.`;
    for (const older of service.deployments) older.status = 'ACTIVE';
    service.deployments.unshift(deployment);
    service.steady = false;
    backoffs.delete(keyOf(service));
    return deployment;
  };

  const forget = (key: string): void => {
    clearTimeout(backoffs.get(key)?.timer);
    backoffs.delete(key);
  };

  const settle = (key: string): void => {
    for (const check of [...(waiters.get(key) ?? [])]) check();
  };

  /** Looks whenever the service has been looked after, until `outcome` is true or it is gone; rejects with what `outcome` throws, and on abort. */
  const until = async (
    key: string,
    signal: AbortSignal | undefined,
    outcome: (service: ServiceRecord) => boolean,
  ): Promise<void> => {
    const reached = (): boolean => {
      signal?.throwIfAborted();
      const service = state.services.get(key);
      return !service || service.status === 'INACTIVE' || outcome(service);
    };
    if (reached()) return;
    await new Promise<void>((resolve, reject_) => {
      const set = waiters.get(key) ?? new Set();
      waiters.set(key, set);
      const check = (): void => {
        try {
          if (!reached()) return;
          resolve();
        } catch (error) {
          reject_(error as Error);
        }
        set.delete(check);
        if (set.size === 0) waiters.delete(key);
        signal?.removeEventListener('abort', check);
      };
      set.add(check);
      signal?.addEventListener('abort', check, { once: true });
    });
  };

  return {
    deploy,
    wake,
    event,
    ready: (key) => live(key).filter(isReady),

    taskChanged(task) {
      const key = task.record.service;
      const service = key === undefined ? undefined : state.services.get(key);
      if (key === undefined || !service) return;
      if (task.running) {
        const deployment = service.deployments.find((candidate) => candidate.id === task.record.deployment);
        const groups = deployment?.settings.loadBalancers ?? service.loadBalancers ?? [];
        const grace =
          deployment?.settings.healthCheckGracePeriodSeconds ?? service.healthCheckGracePeriodSeconds;
        const registered = targets.register(task, groups, grace ?? 0, () => wake(key));
        for (const group of registered) event(service, `registered 1 targets in (target-group ${group})`);
        if (task.record.task.healthStatus === 'UNHEALTHY')
          reject(task, 'Task failed container health checks');
      }
      if (task.stopped && !counted.has(task.id)) {
        counted.add(task.id);
        const asked = dismissed.delete(task.id) || task.record.task.stopCode === 'UserInitiated';
        if (!asked && service.status === 'ACTIVE') fail(key, service, task);
        wasReady.delete(task.id);
        // Nothing more is heard of a stopped task.
        setImmediate(() => counted.delete(task.id));
      }
      wake(key);
    },

    async taskRetires(task) {
      await targets.deregister(task);
    },

    steady: (key, deployment, signal) =>
      until(key, signal, (service) => {
        if (service.failure && service.failure.deployment === deployment)
          throw new Error(service.failure.message);
        return service.status === 'ACTIVE' && service.steady;
      }),

    restored: (key, signal) =>
      until(
        key,
        signal,
        // What the record says of its state is from before; the tasks tell how it is now.
        ({ desiredCount }) =>
          live(key).filter(isReady).length >= desiredCount || (backoffs.get(key)?.failures ?? 0) > 0,
      ),

    stop() {
      stopped = true;
      for (const key of backoffs.keys()) clearTimeout(backoffs.get(key)?.timer);
    },
  };
}
