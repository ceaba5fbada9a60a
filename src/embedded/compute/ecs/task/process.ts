/** One container: a child process in a group of its own, with its output in lines. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from './command.ts';
import { StartError } from './command.ts';
import { openPipes } from './pipes.ts';
import { endWithThisProcess } from './watchdog.ts';

export interface Exit {
  /** 128 + the signal's number where a signal ended it, as Docker reports it. */
  code: number;
}

export interface ContainerProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Sends a line of JSON to the preloaded resolve.ts. */
  tell(message: unknown): void;
  /** SIGTERM, and SIGKILL when it has not ended `graceMs` later. Resolves when it is gone. */
  end(graceMs: number): Promise<Exit>;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};
/** As Docker's log drivers do, longer lines are cut. */
const longestLine = 16_384;

/** Rejects with a StartError when the program can't be executed. `scratch` is a directory for what it takes to run it. */
export async function startProcess(
  command: Command,
  env: Readonly<Record<string, string>>,
  scratch: string,
  onLines: (lines: string[]) => void,
): Promise<ContainerProcess> {
  const node = command.program === process.execPath;
  const pipes = node ? [] : await openPipes(scratch, 2);
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env,
    // Descriptor 3 closes when this process ends, which tells the child.
    stdio: ['ignore', pipes[0]?.write ?? 'pipe', pipes[1]?.write ?? 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
  for (const pipe of pipes) pipe.started();
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => {
      for (const pipe of pipes) pipe.read.destroy();
      reject(
        new StartError(`CannotStartContainerError: failed to run "${command.program}": ${error.message}`),
      );
    });
  });
  const pid = child.pid ?? 0;
  const outputs = [pipes[0]?.read ?? child.stdout, pipes[1]?.read ?? child.stderr];
  const flushes = outputs.map((stream) => forwardLines(stream, onLines));
  // Node.js programs have resolve.ts, which sees descriptor 3 close.
  const unwatch = node ? () => {} : endWithThisProcess(pid);
  const lifeline = child.stdio[3] as Writable;
  lifeline.on('error', () => {});

  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      const exit: Exit = { code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0) };
      // What a shell left running goes too.
      signalGroup(pid, 'SIGKILL');
      unwatch();
      void outputEnded(outputs).then(() => {
        for (const flush of flushes) flush();
        resolve(exit);
      });
    });
  });
  return {
    pid,
    exited,
    tell(message) {
      if (lifeline.writable) lifeline.write(`${JSON.stringify(message)}\n`);
    },
    async end(graceMs) {
      if (child.exitCode === null && child.signalCode === null) signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Signals a process and its descendants; silent when it is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  // 0 and 1 would mean our own group and everybody.
  if (pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody left.
  }
}

/** The last words are still in the pipes when the process has gone; somebody else may hold them open for ever. */
async function outputEnded(outputs: readonly (Readable | null)[]): Promise<void> {
  const closed = outputs.map(
    (stream) =>
      new Promise<void>((resolve) => ((stream?.closed ?? true) ? resolve() : stream?.once('close', resolve))),
  );
  const patience = new AbortController();
  await Promise.race([
    Promise.all(closed),
    delay(250, undefined, { signal: patience.signal }).catch(() => {}),
  ]);
  patience.abort();
  for (const stream of outputs) stream?.destroy();
}

/** Hands on whole lines as they come; the function it returns hands on what is left. */
function forwardLines(stream: Readable | null, onLines: (lines: string[]) => void): () => void {
  let pending = '';
  const flush = (): void => {
    if (pending) onLines([pending]);
    pending = '';
  };
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    while (pending.length > longestLine) {
      lines.push(pending.slice(0, longestLine));
      pending = pending.slice(longestLine);
    }
    const told = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    if (told.length > 0) onLines(told);
  });
  return flush;
}
