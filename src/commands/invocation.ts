import type { Config } from '../model/config.ts';
import { ExitCode, SaasError } from '../model/error.ts';
import type { ProgressEvent } from '../model/progress.ts';
import { stopError, WaitTimeout } from '../model/stop.ts';
import type { Context } from '../services/context.ts';
import type { Target } from '../services/environment.ts';
import type { Output } from '../ui/output.ts';
import { Prompts } from '../ui/prompts.ts';

/** Flags that every command has. */
export interface GlobalOptions {
  config?: string;
  env?: string;
  profile?: string;
  region?: string;
  /** False with --no-input. */
  input?: boolean;
}

/** The wait that `--wait-timeout` gives, for {@link Invocation.run}. */
export const waiting = ({ waitTimeout }: { waitTimeout?: number }): { waitMs?: number } =>
  waitTimeout === undefined ? {} : { waitMs: waitTimeout };

/** One run of a command: where it writes, whom it may ask, and the way to the services. */
export class Invocation {
  readonly output: Output;
  readonly prompts: Prompts;
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly options: GlobalOptions;
  /** What the process exits with when the command does not throw. */
  exitCode: ExitCode = ExitCode.done;
  #config: Promise<Config> | undefined;
  #target: Promise<Target> | undefined;

  constructor(output: Output, options: GlobalOptions, place: { cwd: string; signal: AbortSignal }) {
    this.output = output;
    this.options = options;
    this.cwd = place.cwd;
    this.signal = place.signal;
    this.prompts = new Prompts(output, { input: options.input !== false, signal: place.signal });
  }

  config(): Promise<Config> {
    this.#config ??= import('../services/config/load.ts').then(({ loadConfig }) =>
      loadConfig({ cwd: this.cwd, file: this.options.config }),
    );
    return this.#config;
  }

  target(): Promise<Target> {
    this.#target ??= this.#resolve();
    return this.#target;
  }

  async #resolve(): Promise<Target> {
    const config = await this.config();
    const { resolveEnvironment } = await import('../services/environment.ts');
    return resolveEnvironment(config, {
      name: this.options.env,
      profile: this.options.profile,
      region: this.options.region,
      onStart: () => this.output.note(this.output.err.dim('starting the embedded cloud')),
    });
  }

  /** A context whose progress nobody sees, but for what is worth knowing: for look-ups. */
  async quietContext(): Promise<Context> {
    return this.#context((event) => {
      if (event.type === 'note') this.output.note(event.text);
    });
  }

  /**
   * Runs an operation with its progress drawn; what is drawn is final before the result is given. Throws
   * `wait_timed_out` when it takes longer than `waitMs`.
   */
  async run<T>(work: (context: Context) => Promise<T>, options: { waitMs?: number } = {}): Promise<T> {
    const context = await this.quietContext();
    const { progressView } = await import('../ui/progress.ts');
    const over = new AbortController();
    const signal = AbortSignal.any([this.signal, over.signal]);
    const { waitMs } = options;
    const timer =
      waitMs === undefined ? undefined : setTimeout(() => over.abort(new WaitTimeout(waitMs)), waitMs);
    const view = await progressView(this.output, signal);
    try {
      return await work({ ...context, signal, watch: (event) => view.watch(event) });
    } catch (error) {
      // What an operation fails with on its way out, when it has no words of its own for that.
      if (!over.signal.aborted || this.signal.aborted || isStop(error)) throw error;
      throw stopError(over.signal, 'the command', { hint: 'run the same command again', cause: error });
    } finally {
      clearTimeout(timer);
      await view.settle();
    }
  }

  async #context(watch: (event: ProgressEvent) => void): Promise<Context> {
    return {
      config: await this.config(),
      target: await this.target(),
      watch,
      signal: this.signal,
      now: () => new Date(),
    };
  }
}

const isStop = (error: unknown): boolean => error instanceof SaasError && error.code === 'wait_timed_out';
