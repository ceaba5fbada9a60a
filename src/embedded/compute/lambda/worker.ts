/** One process of a function: an execution environment that handles one event at a time. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FunctionError, InvokeMessage } from './messages.ts';
import type { RuntimeProcess } from './runtime.ts';

/** A function that ended with an error; `error` is the payload that its caller gets. */
export class FunctionFailure extends Error {
  override readonly name = 'FunctionFailure';
  readonly error: FunctionError;
  /** What the function wrote, for the log tail. */
  lines: string[] = [];
  constructor(error: FunctionError) {
    super(error.errorMessage);
    this.error = error;
  }
}

export interface WorkerOptions {
  start(): RuntimeProcess;
  /** Called with lines as the function wrote them. */
  onLog(lines: string[]): void;
  onExit(): void;
}

export interface WorkerInvocation {
  requestId: string;
  event: string;
  functionArn: string;
  timeoutMs: number;
  clientContext?: string | undefined;
}

/** Lambda gives the loading of the code this long. */
const initTimeoutMs = 10_000;

export class Worker {
  readonly #process: RuntimeProcess;
  readonly #child: ChildProcess;
  readonly #options: WorkerOptions;
  readonly #ready: Promise<void>;
  #settle: { resolve(payload: string): void; reject(error: FunctionFailure): void } | undefined;
  #exited = false;
  /** It is about to end: killed, or by a crash that it reported. */
  #doomed = false;
  #lastLines: string[] = [];

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#process = options.start();
    this.#child = this.#process.child;
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#log([line]));
    this.#ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.kill();
        reject(
          new FunctionFailure({
            errorType: 'Sandbox.Timedout',
            errorMessage: `the function's code took more than ${initTimeoutMs / 1000} seconds to load`,
          }),
        );
      }, initTimeoutMs);
      const fail = (error: FunctionError): void => {
        clearTimeout(timer);
        reject(new FunctionFailure(error));
      };
      this.#process.onMessage((message) => {
        if (message.kind === 'log') this.#log(message.lines);
        else if (message.kind === 'ready' && message.error) fail(message.error);
        else if (message.kind === 'ready') {
          clearTimeout(timer);
          resolve();
        } else if (message.kind === 'done') this.#finish()?.resolve(message.payload);
        else {
          this.#doomed ||= message.fatal ?? false;
          this.#finish()?.reject(new FunctionFailure(message.error));
        }
      });
      const ended = (how: string): void => {
        if (this.#exited) return;
        this.#exited = true;
        const error = {
          errorType: 'Runtime.ExitError',
          errorMessage: `Error: Runtime exited with error: ${how}`,
        };
        fail(error);
        this.#finish()?.reject(new FunctionFailure(error));
        options.onExit();
      };
      this.#child.once('exit', (code, signal) => ended(signal ? `signal: ${signal}` : `exit status ${code}`));
      this.#child.once('error', (error) => ended(error.message));
    });
    // Whoever invokes sees the failure; until then it is no unhandled one.
    this.#ready.catch(() => {});
  }

  get alive(): boolean {
    return !this.#exited && !this.#doomed;
  }

  #log(lines: string[]): void {
    this.#lastLines = [...this.#lastLines, ...lines].slice(-200);
    this.#options.onLog(lines);
  }

  #finish() {
    const settle = this.#settle;
    this.#settle = undefined;
    return settle;
  }

  /** Lines written since the last call, for an invocation's log tail. */
  takeLines(): string[] {
    return this.#lastLines.splice(0);
  }

  /** Rejects with FunctionFailure: what the function threw, its time-out, or its process's end. */
  async invoke(invocation: WorkerInvocation, now: number): Promise<string> {
    await this.#ready;
    const { requestId, timeoutMs, clientContext } = invocation;
    return new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle = undefined;
        this.kill();
        reject(
          new FunctionFailure({
            errorType: 'Sandbox.Timedout',
            errorMessage: `${new Date(now + timeoutMs).toISOString()} ${requestId} Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
          }),
        );
      }, timeoutMs);
      this.#settle = {
        resolve(payload) {
          clearTimeout(timer);
          resolve(payload);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
      const message: InvokeMessage = {
        kind: 'invoke',
        requestId,
        event: invocation.event,
        deadline: Date.now() + timeoutMs,
        functionArn: invocation.functionArn,
        ...(clientContext === undefined ? {} : { clientContext }),
      };
      this.#process.send(message, (error) =>
        this.#finish()?.reject(
          new FunctionFailure({ errorType: 'Runtime.ExitError', errorMessage: error.message }),
        ),
      );
    });
  }

  kill(): void {
    this.#doomed = true;
    if (!this.#exited) this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    if (this.#exited) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
