/** Builds in their turn: so many at once as the account's quota allows, the others wait for theirs. */
import { rm } from 'node:fs/promises';
import type { Cloud } from '../../platform.ts';
import { BuildRun, beginPhase, buildsDirectory, complete, endPhase } from './build-run.ts';
import { stateChange } from './events.ts';
import { type BuildRecord, type CodeBuildState, timeOf } from './state.ts';

/** How often it is looked whether a build has waited too long. */
const watchEveryMs = 1000;

export type Queue = ReturnType<typeof createQueue>;

export function createQueue(cloud: Cloud, state: CodeBuildState) {
  const waiting: BuildRecord[] = [];
  const running = new Map<string, { run: BuildRun; done: Promise<void> }>();
  const listeners = new Map<string, Set<() => void>>();
  let stopped = false;
  let watch: NodeJS.Timeout | undefined;

  const platform = {
    cloud,
    changed(record: BuildRecord, what: 'phase' | 'status'): void {
      // What runs when the cloud ends is marked by the next one.
      if (stopped) return;
      state.builds.put(record.build.id, record);
      const event = stateChange(record, what);
      if (event) cloud.events.emit(event);
      if (!record.build.buildComplete) return;
      for (const listener of listeners.get(record.build.id) ?? []) listener();
      listeners.delete(record.build.id);
    },
  };

  const next = (): void => {
    while (!stopped && running.size < cloud.concurrentBuilds) {
      const record = waiting.shift();
      if (!record) break;
      endPhase(platform, record, 'SUCCEEDED');
      record.started = true;
      const run = new BuildRun(platform, record);
      const done = run.run().finally(() => {
        running.delete(record.build.id);
        next();
      });
      running.set(record.build.id, { run, done });
    }
    if (waiting.length > 0 && !stopped) watch ??= setInterval(giveUp, watchEveryMs);
    else {
      clearInterval(watch);
      watch = undefined;
    }
  };

  const leave = (record: BuildRecord, status: 'STOPPED' | 'TIMED_OUT', message = ''): void => {
    waiting.splice(waiting.indexOf(record), 1);
    endPhase(platform, record, status, '', message);
    complete(platform, record, status);
  };

  const giveUp = (): void => {
    for (const record of [...waiting]) {
      const { build } = record;
      const limit = timeOf(build.phases?.at(-1)?.startTime) + (build.queuedTimeoutInMinutes ?? 480) * 60_000;
      if (cloud.clock.now() > limit) leave(record, 'TIMED_OUT', 'Build has timed out in the queue.');
    }
    next();
  };

  return {
    /** Of a new build; it is kept. */
    add(record: BuildRecord): void {
      platform.changed(record, 'status');
      beginPhase(platform, record, 'QUEUED');
      waiting.push(record);
      // The caller hears of a build that waits.
      setImmediate(next);
    },

    /** Ends a build that waits or runs; resolves when that is done. */
    async end(id: string): Promise<void> {
      const record = waiting.find(({ build }) => build.id === id);
      if (record) leave(record, 'STOPPED');
      const under = running.get(id);
      under?.run.end('STOPPED');
      await under?.done;
    },

    waiting: (): number => waiting.length,
    running: (id: string): BuildRun | undefined => running.get(id)?.run,

    ended(id: string, signal: AbortSignal): Promise<void> {
      const record = state.builds.get(id);
      if (!record || record.build.buildComplete) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const waiters = listeners.get(id) ?? new Set();
        listeners.set(id, waiters);
        const abort = (): void => {
          waiters.delete(settle);
          reject(signal.reason);
        };
        const settle = (): void => {
          signal.removeEventListener('abort', abort);
          resolve();
        };
        waiters.add(settle);
        signal.addEventListener('abort', abort, { once: true });
        if (signal.aborted) abort();
      });
    },

    /** Builds that waited wait again; those that an earlier process ran are at fault of this platform. */
    async recover(): Promise<void> {
      await rm(buildsDirectory(cloud), { recursive: true, force: true });
      for (const record of state.builds.values()) {
        if (record.build.buildComplete) continue;
        if (!record.started) {
          waiting.push(record);
          continue;
        }
        endPhase(platform, record, 'FAULT', 'INTERNAL_SERVICE_ERROR', interrupted);
        complete(platform, record, 'FAULT', interrupted);
      }
      next();
    },

    async stop(): Promise<void> {
      stopped = true;
      clearInterval(watch);
      for (const { run } of running.values()) run.end('STOPPED');
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

const interrupted = 'The embedded cloud ended while the build ran.';
