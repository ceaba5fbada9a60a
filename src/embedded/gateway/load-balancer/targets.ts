/** The targets of all target groups as they are now: who is registered, who is healthy, who drains. */
import { Agent } from 'node:http';
import type {
  TargetHealthDescription,
  TargetHealthReasonEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud, type Target } from '../../platform.ts';
import { type Failure, type Health, type HealthProbe, healthSettings, probe } from './health-check.ts';
import type { LoadBalancerState } from './state.ts';

export interface LiveTarget {
  readonly target: Target;
  readonly group: string;
  readonly agent: Agent;
  /** Requests under way. */
  underWay: number;
  /** Call when a request under way has ended. */
  ended(): void;
}

interface Registered extends LiveTarget {
  health: Health;
  failure: Failure | undefined;
  probe: HealthProbe | undefined;
  /** Told of each change of health, and of the end of the registration. */
  watchers: Set<() => void>;
  drained: (() => void) | undefined;
}

/** An answer that does not end keeps a target for this long at most when its group sets no delay: AWS's default, in seconds. */
const defaultDeregistrationDelay = 300;

export interface Targets {
  register(group: string, target: Target): void;
  deregister(group: string, targetId: string): Promise<void>;
  healthy(group: string, targetId: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;
  onUnhealthy(listener: (group: string, targetId: string, reason: string) => void): void;
  /** The next healthy target of a group, by the group's algorithm; undefined when there is none. */
  next(group: string): LiveTarget | undefined;
  describe(group: string): TargetHealthDescription[];
  ids(group: string): string[];
  /** Starts the checks of groups that a load balancer has begun to use, ends those of groups that are gone. */
  reconcile(): void;
  stop(): void;
}

export function createTargets(cloud: Cloud, state: LoadBalancerState): Targets {
  const groups = new Map<string, Map<string, Registered>>();
  const draining = new Map<string, Set<Registered>>();
  const turns = new Map<string, number>();
  const listeners: ((group: string, targetId: string, reason: string) => void)[] = [];
  let used = state.uses();

  const changed = (registered: Registered): void => {
    for (const watcher of [...registered.watchers]) watcher();
  };

  const startProbe = (registered: Registered): void => {
    if (registered.probe || !used.has(registered.group)) return;
    const settings = () => healthSettings(state.targetGroup(registered.group).description);
    if (!settings().enabled) {
      registered.health = 'healthy';
      changed(registered);
      return;
    }
    registered.probe = probe(
      registered.target,
      settings,
      () => cloud.clock.now(),
      (health, failure) => {
        registered.health = health;
        registered.failure = failure;
        changed(registered);
        if (health === 'healthy') return;
        for (const listener of listeners)
          listener(registered.group, registered.target.id, failure?.description ?? 'Health checks failed');
      },
      (failure) => {
        registered.failure = failure;
      },
    );
  };

  const remove = (registered: Registered): void => {
    registered.probe?.stop();
    registered.probe = undefined;
    groups.get(registered.group)?.delete(registered.target.id);
    registered.health = 'draining';
    changed(registered);
  };

  const close = (registered: Registered): void => {
    registered.agent.destroy();
    draining.get(registered.group)?.delete(registered);
  };

  const register: Targets['register'] = (group, target) => {
    state.targetGroup(group);
    let members = groups.get(group);
    if (!members) {
      members = new Map();
      groups.set(group, members);
    }
    const known = members.get(target.id);
    if (known && known.target.host === target.host && known.target.port === target.port) return;
    if (known) {
      remove(known);
      close(known);
    }
    const registered: Registered = {
      target,
      group,
      agent: new Agent({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: 64 }),
      underWay: 0,
      ended() {
        this.underWay--;
        if (this.underWay === 0) this.drained?.();
      },
      health: 'initial',
      failure: undefined,
      probe: undefined,
      watchers: new Set(),
      drained: undefined,
    };
    members.set(target.id, registered);
    startProbe(registered);
  };

  const deregister: Targets['deregister'] = async (group, targetId) => {
    const registered = groups.get(group)?.get(targetId);
    if (!registered) return;
    remove(registered);
    if (registered.underWay > 0) {
      let set = draining.get(group);
      if (!set) {
        set = new Set();
        draining.set(group, set);
      }
      set.add(registered);
      const seconds = Number(
        state.targetGroups.get(group)?.attributes['deregistration_delay.timeout_seconds'] ??
          defaultDeregistrationDelay,
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        timer.unref();
        registered.drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    close(registered);
  };

  const reasonOf = (registered: Registered): string =>
    used.has(registered.group)
      ? (registered.failure?.description ?? 'Target registration is in progress')
      : 'Target group is not configured to receive traffic from the load balancer';

  return {
    register,
    deregister,

    healthy: (group, targetId, timeoutMs, signal) =>
      new Promise((resolve, reject) => {
        const registered = groups.get(group)?.get(targetId);
        if (!registered) {
          reject(new AwsError('InvalidTarget', `The target ${targetId} is not registered`));
          return;
        }
        if (registered.health === 'healthy') {
          resolve();
          return;
        }
        const finish = (settle: () => void): void => {
          registered.watchers.delete(watch);
          clearTimeout(timer);
          signal?.removeEventListener('abort', aborted);
          settle();
        };
        const watch = (): void => {
          if (registered.health === 'healthy') finish(resolve);
          else if (registered.health === 'draining')
            finish(() => reject(new Error('Target deregistration is in progress')));
        };
        const aborted = (): void => finish(() => reject(new Error('cancelled')));
        const timer = setTimeout(() => finish(() => reject(new Error(reasonOf(registered)))), timeoutMs);
        timer.unref();
        if (signal?.aborted) {
          aborted();
          return;
        }
        signal?.addEventListener('abort', aborted);
        registered.watchers.add(watch);
      }),

    onUnhealthy(listener) {
      listeners.push(listener);
    },

    next(group) {
      const members = groups.get(group);
      if (!members) return undefined;
      let candidates: Registered[] | undefined;
      let single: Registered | undefined;
      for (const registered of members.values()) {
        if (registered.health !== 'healthy') continue;
        if (single) {
          candidates ??= [single];
          candidates.push(registered);
        } else single = registered;
      }
      if (!candidates) return single;
      const algorithm = state.targetGroups.get(group)?.attributes['load_balancing.algorithm.type'];
      if (algorithm === 'least_outstanding_requests')
        return candidates.reduce((best, each) => (each.underWay < best.underWay ? each : best));
      const turn = turns.get(group) ?? 0;
      turns.set(group, (turn + 1) % 1_000_000);
      return candidates[turn % candidates.length];
    },

    describe(group) {
      const checkPort = state.targetGroup(group).description.HealthCheckPort;
      const describeOne = (registered: Registered): TargetHealthDescription => {
        const { host, port } = registered.target;
        const inUse = used.has(group);
        const State = inUse || registered.health === 'draining' ? registered.health : 'unused';
        const Reason: TargetHealthReasonEnum | undefined = {
          unused: 'Target.NotInUse' as const,
          initial: 'Elb.InitialHealthChecking' as const,
          draining: 'Target.DeregistrationInProgress' as const,
          unhealthy: registered.failure?.code ?? ('Target.FailedHealthChecks' as const),
          healthy: undefined,
        }[State];
        return {
          Target: { Id: host, Port: port },
          HealthCheckPort: checkPort === undefined || checkPort === 'traffic-port' ? String(port) : checkPort,
          TargetHealth: {
            State,
            ...(Reason && {
              Reason,
              Description:
                State === 'draining' ? 'Target deregistration is in progress' : reasonOf(registered),
            }),
          },
        };
      };
      return [...(groups.get(group)?.values() ?? []), ...(draining.get(group) ?? [])].map(describeOne);
    },

    ids: (group) => [...(groups.get(group)?.keys() ?? [])],

    reconcile() {
      used = state.uses();
      for (const [group, members] of groups) {
        if (!state.targetGroups.has(group)) {
          for (const registered of [...members.values()]) {
            remove(registered);
            close(registered);
          }
          groups.delete(group);
          turns.delete(group);
          continue;
        }
        for (const registered of members.values()) {
          if (used.has(group)) startProbe(registered);
          else if (registered.probe) {
            registered.probe.stop();
            registered.probe = undefined;
            registered.health = 'initial';
          }
        }
      }
    },

    stop() {
      for (const members of groups.values()) {
        for (const registered of members.values()) {
          registered.probe?.stop();
          registered.agent.destroy();
        }
      }
      for (const set of draining.values()) for (const registered of set) registered.drained?.();
      groups.clear();
    },
  };
}
