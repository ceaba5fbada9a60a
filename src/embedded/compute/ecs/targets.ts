/** Tasks as targets of load balancers: registered when they run, ready when the target group says so, out before they stop. */
import type { LoadBalancer } from '@aws-sdk/client-ecs';
import type { Cloud } from '../../platform.ts';
import type { RunningTask } from './task/running-task.ts';

/** How long a target may take to pass its health checks, beyond the service's grace period. */
const healthyWithinMs = 30_000;

export interface Targets {
  /** Registers a running task once; returns the target groups it was newly registered in. */
  register(
    task: RunningTask,
    loadBalancers: readonly LoadBalancer[],
    graceSeconds: number,
    onHealthy: () => void,
  ): string[];
  /** Every target group of the task has found it healthy; true for a task without any. */
  healthy(taskId: string): boolean;
  deregister(task: RunningTask): Promise<void>;
}

interface Registration {
  group: string;
  target: string;
  healthy: boolean;
}

export function createTargets(cloud: Cloud, onFailure: (task: RunningTask, reason: string) => void): Targets {
  const registrations = new Map<string, Registration[]>();
  const tasks = new Map<string, RunningTask>();
  let listening = false;

  /** Later failures come from the load balancer; at the first registration, as it exists by then. */
  const listen = (): void => {
    if (listening) return;
    listening = true;
    cloud.loadBalancer.onUnhealthy((group, target, reason) => {
      for (const [id, list] of registrations) {
        const registration = list.find((known) => known.group === group && known.target === target);
        const task = tasks.get(id);
        // Until it has been healthy once, healthy()'s time limit decides.
        if (registration?.healthy && task) onFailure(task, failed(group, reason));
      }
    });
  };
  const failed = (group: string, reason: string): string =>
    `Task failed ELB health checks in (target-group ${group}): ${reason}`;

  return {
    register(task, loadBalancers, graceSeconds, onHealthy) {
      if (registrations.has(task.id)) return [];
      const { host, ports } = task.record;
      const list: Registration[] = [];
      registrations.set(task.id, list);
      tasks.set(task.id, task);
      for (const { targetGroupArn, containerPort } of loadBalancers) {
        const port = ports[containerPort ?? 0];
        if (!targetGroupArn || port === undefined) continue;
        listen();
        // As on AWS an ip target is known by its address, unless all share one.
        const registration = {
          group: targetGroupArn,
          target: host === '127.0.0.1' ? `${host}:${port}` : host,
          healthy: false,
        };
        list.push(registration);
        cloud.loadBalancer.register(targetGroupArn, { id: registration.target, host, port });
        cloud.loadBalancer
          .healthy(targetGroupArn, registration.target, graceSeconds * 1000 + healthyWithinMs)
          .then(
            () => {
              registration.healthy = true;
              onHealthy();
            },
            (error: unknown) => {
              if (registrations.has(task.id))
                onFailure(task, failed(targetGroupArn, (error as Error).message));
            },
          );
      }
      return list.map((registration) => registration.group);
    },

    healthy: (taskId) => registrations.get(taskId)?.every((registration) => registration.healthy) ?? false,

    async deregister(task) {
      const list = registrations.get(task.id) ?? [];
      registrations.delete(task.id);
      tasks.delete(task.id);
      await Promise.all(
        list.map((registration) => cloud.loadBalancer.deregister(registration.group, registration.target)),
      );
    },
  };
}
