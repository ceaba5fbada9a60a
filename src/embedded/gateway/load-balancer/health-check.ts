/** Health checks of one target. */
import { request } from 'node:http';
import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';

export type Health = 'initial' | 'healthy' | 'unhealthy' | 'draining';

export interface HealthSettings {
  path: string;
  /** Undefined: the traffic port. */
  port: number | undefined;
  intervalMs: number;
  timeoutMs: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  matches(status: number): boolean;
  matcher: string;
  /** False: every target counts as healthy. */
  enabled: boolean;
}

export interface HealthProbe {
  stop(): void;
}

/**
 * A target that was just registered is tried this often, in milliseconds, until it has passed: an interval of 30 s, right
 * for a fleet, would make every start on a laptop wait for it. Afterwards the group's own interval holds.
 */
const eagerDelayMs = 100;

/** `200`, `200,202` and `200-299`. */
export function statusMatcher(codes: string): (status: number) => boolean {
  const ranges = codes.split(',').map((part) => {
    const [from = '', to = from] = part.trim().split('-');
    return [Number(from), Number(to)] as const;
  });
  return (status) => ranges.some(([from, to]) => status >= from && status <= to);
}

export function healthSettings(group: TargetGroup): HealthSettings {
  const matcher = group.Matcher?.HttpCode ?? '200';
  const port = Number(group.HealthCheckPort);
  return {
    path: group.HealthCheckPath ?? '/',
    port: Number.isInteger(port) && port > 0 ? port : undefined,
    intervalMs: (group.HealthCheckIntervalSeconds ?? 30) * 1000,
    timeoutMs: (group.HealthCheckTimeoutSeconds ?? 5) * 1000,
    healthyThreshold: group.HealthyThresholdCount ?? 5,
    unhealthyThreshold: group.UnhealthyThresholdCount ?? 2,
    matches: statusMatcher(matcher),
    matcher,
    enabled: group.HealthCheckEnabled ?? true,
  };
}

/** One check: undefined when it passed, else AWS's reason code and description. */
export interface Failure {
  code: 'Target.ResponseCodeMismatch' | 'Target.Timeout' | 'Target.FailedHealthChecks';
  description: string;
}

function check(
  host: string,
  port: number,
  settings: HealthSettings,
  done: (failure: Failure | undefined) => void,
): () => void {
  let answered = false;
  const finish = (failure: Failure | undefined): void => {
    if (answered) return;
    answered = true;
    done(failure);
  };
  const call = request(
    {
      host,
      port,
      path: settings.path,
      method: 'GET',
      agent: false,
      headers: { host: `${host}:${port}`, 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' },
    },
    (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      finish(
        settings.matches(status)
          ? undefined
          : {
              code: 'Target.ResponseCodeMismatch',
              description: `Health checks failed with these codes: [${status}]`,
            },
      );
    },
  );
  const timer = setTimeout(() => {
    finish({ code: 'Target.Timeout', description: 'Request timed out' });
    call.destroy();
  }, settings.timeoutMs);
  timer.unref();
  call.on('error', (error) =>
    finish({ code: 'Target.FailedHealthChecks', description: `Health checks failed (${error.message})` }),
  );
  call.on('close', () => clearTimeout(timer));
  call.end();
  return () => {
    answered = true;
    clearTimeout(timer);
    call.destroy();
  };
}

/**
 * Checks a target until it is stopped; tells each change of its health. Consecutive results count, as the group's
 * thresholds say; a target that has never passed is unhealthy after as long as the thresholds would take at the group's interval.
 */
export function probe(
  target: { host: string; port: number },
  settings: () => HealthSettings,
  now: () => number,
  report: (health: 'healthy' | 'unhealthy', failure: Failure | undefined) => void,
  onFailure: (failure: Failure) => void,
): HealthProbe {
  const since = now();
  let health: Health = 'initial';
  let passed = 0;
  let failed = 0;
  let stopped = false;
  let cancel = (): void => {};
  let timer: NodeJS.Timeout | undefined;

  const turn = (): void => {
    const current = settings();
    cancel = check(target.host, current.port ?? target.port, current, (failure) => {
      if (stopped) return;
      if (failure) {
        failed++;
        passed = 0;
        onFailure(failure);
      } else {
        passed++;
        failed = 0;
      }
      if (passed >= current.healthyThreshold && health !== 'healthy') {
        health = 'healthy';
        report(health, undefined);
      } else if (health === 'healthy' && failed >= current.unhealthyThreshold) {
        health = 'unhealthy';
        report(health, failure);
      } else if (
        health === 'initial' &&
        failed >= current.unhealthyThreshold &&
        now() - since >= current.unhealthyThreshold * current.intervalMs
      ) {
        health = 'unhealthy';
        report(health, failure);
      }
      // Up to a tenth more or less, so that the checks of many targets don't come at once.
      const wait = health === 'initial' ? eagerDelayMs : current.intervalMs * (0.9 + Math.random() * 0.2);
      timer = setTimeout(turn, wait);
      timer.unref();
    });
  };
  turn();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      cancel();
    },
  };
}
