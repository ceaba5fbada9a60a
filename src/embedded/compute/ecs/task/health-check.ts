/** A container's health check: its command, run again and again as a process beside the container's. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { HealthCheck } from '@aws-sdk/client-ecs';
import type { Command } from './command.ts';
import { signalGroup } from './process.ts';

export type Health = 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY';

/**
 * Healthy containers are asked at most once a minute, whatever their interval: each check costs a process start, and a
 * laptop runs dozens of idle tasks. Their target groups go on checking.
 */
const leastHealthyInterval = 60_000;
const firstRetry = 100;

export interface HealthWatch {
  check: HealthCheck;
  command: Command;
  env: Readonly<Record<string, string>>;
  /** Where the container listens: its first check waits for that, as long as there is something to wait for. */
  listens: { host: string; port: number } | undefined;
  signal: AbortSignal;
  /** `output` is what the last failed check said. */
  onChange(health: Health, output: string): void;
}

/** Runs until the signal aborts. */
export async function watchHealth(watch: HealthWatch): Promise<void> {
  const interval = (watch.check.interval ?? 30) * 1000;
  const timeout = (watch.check.timeout ?? 5) * 1000;
  const retries = watch.check.retries ?? 3;
  const patience = (watch.check.startPeriod ?? 0) * 1000 + retries * interval;
  const deadline = Date.now() + patience;
  const pause = (ms: number): Promise<unknown> =>
    delay(ms, undefined, { signal: watch.signal }).catch(() => {});

  if (watch.listens) await listening(watch.listens, deadline, watch.signal);
  let health: Health = 'UNKNOWN';
  let failures = 0;
  let retry = firstRetry;
  while (!watch.signal.aborted) {
    const result = await runCheck(watch, timeout);
    if (watch.signal.aborted) return;
    failures = result.ok ? 0 : failures + 1;
    const now: Health = result.ok
      ? 'HEALTHY'
      : health === 'UNKNOWN'
        ? Date.now() < deadline
          ? 'UNKNOWN'
          : 'UNHEALTHY'
        : failures >= retries
          ? 'UNHEALTHY'
          : health;
    if (now !== health) {
      health = now;
      watch.onChange(health, result.output);
    }
    if (health === 'UNKNOWN') {
      await pause(Math.min(retry, Math.max(0, deadline - Date.now())));
      retry = Math.min(retry * 2, interval);
    } else if (result.ok) {
      // Spread, so that tasks that started together don't all check in the same moment.
      await pause(Math.max(interval, leastHealthyInterval) * (0.9 + Math.random() * 0.2));
    } else {
      await pause(interval);
    }
  }
}

/** Resolves when something accepts connections there, or it is too late. */
async function listening(
  address: { host: string; port: number },
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && Date.now() < deadline) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(address.port, address.host);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await delay(25, undefined, { signal }).catch(() => {});
  }
}

async function runCheck(watch: HealthWatch, timeout: number): Promise<{ ok: boolean; output: string }> {
  const { command } = watch;
  return new Promise((resolve) => {
    const child = spawn(command.program, command.args, {
      cwd: command.cwd,
      env: watch.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      if (output.length < 2048) output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const end = (): void => signalGroup(child.pid ?? 0, 'SIGKILL');
    const timer = setTimeout(() => {
      output += `the health check did not end within ${timeout / 1000} s`;
      end();
    }, timeout);
    watch.signal.addEventListener('abort', end, { once: true });
    const done = (ok: boolean): void => {
      clearTimeout(timer);
      watch.signal.removeEventListener('abort', end);
      resolve({ ok, output: output.trim() });
    };
    child.once('error', (error) => {
      output += error.message;
      done(false);
    });
    child.once('exit', (code) => done(code === 0));
  });
}
