/** The processes in which functions run: how each language's is started, and how one talks to it. */
import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { built } from '../../../model/installation.ts';
import { programOnMachine, searchPath } from '../programs.ts';
import type { InvokeMessage, WorkerMessage } from './messages.ts';

/** A started process that takes one event at a time and ends when its channel closes. */
export interface RuntimeProcess {
  child: ChildProcess;
  /** `failed` is called when the message can't be handed over. */
  send(message: InvokeMessage, failed: (error: Error) => void): void;
  onMessage(listener: (message: WorkerMessage) => void): void;
}

export interface RuntimeOptions {
  directory: string;
  environment: NodeJS.ProcessEnv;
  /** MiB. */
  memory: number;
}

export const isPython = (runtime: string): boolean => runtime.startsWith('python3.');

/** Talks over Node's own channel. */
export function startNode({ directory, environment, memory }: RuntimeOptions): RuntimeProcess {
  const child = fork(built('embedded', 'compute', 'bootstrap.js'), [], {
    cwd: directory,
    env: environment,
    execArgv: [`--max-old-space-size=${memory}`],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return {
    child,
    send: (message, failed) => {
      child.send(message, (error) => {
        if (error) failed(error);
      });
    },
    onMessage: (listener) => child.on('message', listener),
  };
}

/** Talks in lines of JSON over a socket, which is the process's descriptor 3. */
export function startPython(python: string, { directory, environment }: RuntimeOptions): RuntimeProcess {
  const child = spawn(python, ['-u', built('embedded', 'compute', 'bootstrap.py')], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const channel = child.stdio[3] as Duplex | undefined;
  // Whoever waits for an answer learns of its end by the process's.
  channel?.on('error', () => {});
  return {
    child,
    send: (message, failed) => {
      channel?.write(`${JSON.stringify(message)}\n`, (error) => {
        if (error) failed(error);
      });
    },
    onMessage(listener) {
      if (channel)
        createInterface({ input: channel }).on('line', (line) => listener(JSON.parse(line) as WorkerMessage));
    },
  };
}

/** Whether this machine can run Python functions. */
export const hasPython = (): boolean => programOnMachine('python3') !== undefined;

let python: Promise<string> | undefined;

/**
 * The interpreter itself: what the PATH has may be a wrapper that is slow, or looks at the home directory, which
 * functions have another of. Rejects when there is none.
 */
export function pythonProgram(): Promise<string> {
  python ??= (async () => {
    const found = programOnMachine('python3');
    if (!found) throw new Error('there is no python3 on the PATH');
    const { stdout } = await promisify(execFile)(found, ['-c', 'import sys; print(sys.executable)'], {
      env: { ...process.env, PATH: searchPath() },
      timeout: 20_000,
    });
    return stdout.trim() || found;
  })();
  // A failure is not kept: it may be installed meanwhile.
  python.catch(() => {
    python = undefined;
  });
  return python;
}
