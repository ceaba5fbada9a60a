import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/model/installation.ts';
import type { ProgressEvent } from '../../src/model/progress.ts';
import { expectNoStackTrace, type Project } from './project.ts';

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What stdout said, line by line. */
  lines: string[];
  events: ProgressEvent[];
  /** The envelope at the end, where there was one. */
  last: {
    ok?: boolean;
    data?: unknown;
    error?: { code: string; message: string; detail: string; hint: string; exitCode: number };
  };
  stderr: string;
}

/** What to do to a running command, seen from its events so far; undefined: let it run on. */
export type Fate = (
  event: ProgressEvent,
  /** For what is to happen to it later. */
  send: (signal: NodeJS.Signals) => void,
) => NodeJS.Signals | undefined;

/** Runs a command as a process of its own, as signals and a process that dies need it, and gives it its fate. */
export function start(
  project: Project,
  argv: readonly string[],
  fate: Fate = () => undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [path.join(packageRoot(), 'bin', 'saas-ecs'), ...argv, '--output', 'ndjson'],
      { cwd: project.directory, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
    );
    const ended: Ended = { code: null, signal: null, lines: [], events: [], last: {}, stderr: '' };
    child.stderr.on('data', (chunk: Buffer) => {
      ended.stderr += chunk.toString('utf8');
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      ended.lines.push(line);
      const { event: type, ...rest } = JSON.parse(line) as { event?: string };
      if (type === undefined) {
        ended.last = rest;
        return;
      }
      const event = { type, ...rest } as unknown as ProgressEvent;
      ended.events.push(event);
      const signal = fate(event, (later) => child.kill(later));
      if (signal !== undefined) child.kill(signal);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      try {
        expectNoStackTrace(argv, `${JSON.stringify(ended.last)}\n${ended.stderr}`);
        resolve({ ...ended, code, signal });
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Runs a command that dies with -9 in the moment in which a step has come so far, however quick it is. */
export const startToDie = (
  project: Project,
  argv: readonly string[],
  type: 'step-started' | 'step-done',
  step: string,
): Promise<Ended> =>
  start(project, argv, () => undefined, {
    NODE_OPTIONS: `--import=${new URL('die-at.mjs', import.meta.url).href}`,
    TEST_DIES_AT: `${type} ${step}`,
  });

/** Ends the command by a signal as soon as a step has come so far. */
export const at =
  (type: 'step-started' | 'step-done', step: string, signal: NodeJS.Signals): Fate =>
  (event) =>
    event.type === type && event.step === step ? signal : undefined;
