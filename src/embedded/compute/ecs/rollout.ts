/** The arithmetic of a rolling deployment: how many tasks to start and which to stop, within the allowed percentages. */
import type { DeploymentConfiguration } from '@aws-sdk/client-ecs';

export interface TaskState {
  id: string;
  /** Of the deployment being rolled out. */
  current: boolean;
  /** Serves: running, passing its health checks and those of its target groups. */
  ready: boolean;
  /** Order of creation; higher is newer. */
  age: number;
}

export interface Step {
  start: number;
  stop: string[];
}

/**
 * The next step towards `desired` tasks of the current deployment. minimumHealthyPercent rounds up and
 * maximumPercent down (docs.aws.amazon.com, DeploymentConfiguration).
 */
export function nextStep(
  tasks: readonly TaskState[],
  desired: number,
  configuration: DeploymentConfiguration | undefined,
): Step {
  const least = Math.ceil((desired * (configuration?.minimumHealthyPercent ?? 100)) / 100);
  const most = Math.max(Math.floor((desired * (configuration?.maximumPercent ?? 200)) / 100), least, 1);
  const own = tasks.filter((task) => task.current);
  const old = tasks.filter((task) => !task.current);
  const ready = (list: readonly TaskState[]): number => list.filter((task) => task.ready).length;

  const missing = Math.max(0, desired - own.length);
  const start = Math.min(missing, Math.max(0, most - tasks.length));

  // Those that don't serve go first, then the oldest; a surplus of the current deployment loses its newest.
  const oldInOrder = [...old].sort((a, b) => Number(a.ready) - Number(b.ready) || a.age - b.age);
  const surplus = [...own]
    .sort((a, b) => Number(a.ready) - Number(b.ready) || b.age - a.age)
    .slice(0, Math.max(0, own.length - desired));

  let spare = Math.max(0, ready(tasks) - least);
  const stop: string[] = [];
  for (const task of surplus) {
    stop.push(task.id);
    if (task.ready) spare--;
  }
  // Old tasks make way for ready new ones, or where nothing more may run beside them.
  let leaving = Math.max(0, old.length - Math.max(0, desired - ready(own)));
  if (start < missing) leaving = Math.max(leaving, missing - start);
  for (const task of oldInOrder) {
    if (leaving <= 0) break;
    if (task.ready && spare <= 0) break;
    if (task.ready) spare--;
    leaving--;
    stop.push(task.id);
  }
  return { start, stop };
}

/** Failures after which the circuit breaker ends a deployment (docs.aws.amazon.com, "deployment circuit breaker"). */
export function failureThreshold(
  desired: number,
  configuration: DeploymentConfiguration | undefined,
): number {
  const { type, value } = configuration?.deploymentCircuitBreaker?.thresholdConfiguration ?? {};
  if (type === 'COUNT') return Math.max(1, value ?? 3);
  const part = Math.ceil((desired * (value ?? 50)) / 100);
  return type === 'UNBOUNDED_PERCENT' ? Math.max(1, part) : Math.min(200, Math.max(3, part));
}
