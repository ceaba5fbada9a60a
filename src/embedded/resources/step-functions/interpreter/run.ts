/**
 * One execution under way. Where it is stands in its record, which is kept at each step: an execution that was cut off
 * goes on with the state that it was in.
 */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { Cloud } from '../../../platform.ts';
import type { StateMachineDefinition } from '../language/definition.ts';
import { StatesError } from '../language/errors.ts';
import type { Branch, ExecutionRecord } from '../state.ts';
import { runBranch } from './branch.ts';
import { Aborted, Interrupted, OutOfTime } from './ends.ts';

export interface ExecutionHost {
  cloud: Cloud;
  /** Keeps the record. */
  save(execution: ExecutionRecord): void;
  /** Keeps an event of the history. */
  record(execution: ExecutionRecord, event: HistoryEvent): void;
  /** The status is another. */
  changed(execution: ExecutionRecord): void;
}

/** Timers look at the clock this often, in milliseconds: it may be set, and the machine may sleep. */
const longestNap = 250;

export type EventDetails = Omit<HistoryEvent, 'id' | 'timestamp' | 'previousEventId'>;

export class Run {
  readonly host: ExecutionHost;
  readonly execution: ExecutionRecord;
  readonly #end = new AbortController();

  constructor(host: ExecutionHost, execution: ExecutionRecord) {
    this.host = host;
    this.execution = execution;
  }

  get cloud(): Cloud {
    return this.host.cloud;
  }

  /** The reason is an Aborted or Interrupted; {@link run} then resolves. */
  end(reason: Aborted | Interrupted): void {
    this.#end.abort(reason);
  }

  /** Resolves when the execution has ended or was interrupted; never rejects. */
  async run(): Promise<void> {
    const { execution } = this;
    const definition = JSON.parse(execution.definition) as StateMachineDefinition;
    const { signal } = this.#end;
    const finished = new AbortController();
    if (definition.TimeoutSeconds !== undefined)
      void this.until(execution.started + definition.TimeoutSeconds * 1000, finished.signal).then(
        () => this.#end.abort(new OutOfTime()),
        () => {},
      );
    try {
      const output = JSON.stringify(await runBranch(this, definition, execution.root, signal));
      this.#complete('SUCCEEDED', { output }, { executionSucceededEventDetails: { output } });
    } catch (thrown) {
      const error = signal.aborted ? signal.reason : thrown;
      if (error instanceof Interrupted) return;
      if (error instanceof Aborted) {
        const details = { error: error.error, cause: error.cause };
        this.#complete('ABORTED', details, { executionAbortedEventDetails: details });
      } else if (error instanceof OutOfTime) {
        this.#complete('TIMED_OUT', { error: 'States.Timeout' }, { executionTimedOutEventDetails: {} });
      } else {
        const details = asDetails(this.cloud, execution, error);
        this.#complete('FAILED', details, { executionFailedEventDetails: details });
      }
    } finally {
      finished.abort();
    }
  }

  #complete(
    status: Exclude<ExecutionRecord['status'], 'RUNNING'>,
    result: Pick<ExecutionRecord, 'output' | 'error' | 'cause'>,
    details: Partial<EventDetails>,
  ): void {
    const { execution } = this;
    Object.assign(execution, result, { status, stopped: this.cloud.clock.now() });
    const names = {
      SUCCEEDED: 'ExecutionSucceeded',
      FAILED: 'ExecutionFailed',
      TIMED_OUT: 'ExecutionTimedOut',
      ABORTED: 'ExecutionAborted',
    } as const;
    this.event(execution.root, { type: names[status], ...details });
    this.host.changed(execution);
  }

  /** Adds to the history, after the branch's last event; its id. */
  event(branch: Branch, details: EventDetails): number {
    const { execution } = this;
    const id = execution.events + 1;
    execution.events = id;
    this.host.record(execution, {
      ...details,
      id,
      previousEventId: branch.event,
      timestamp: new Date(this.cloud.clock.now()),
    });
    branch.event = id;
    return id;
  }

  save(): void {
    this.host.save(this.execution);
  }

  /** Resolves when the clock has come so far (milliseconds); rejects with the signal's reason. */
  async until(time: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const left = time - this.cloud.clock.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.min(left, longestNap));
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }
}

function asDetails(
  cloud: Cloud,
  execution: ExecutionRecord,
  error: unknown,
): { error: string; cause: string } {
  if (error instanceof StatesError) return { error: error.error, cause: error.cause };
  cloud.log(`states: ${execution.arn}: ${error instanceof Error ? error.stack : String(error)}`);
  return { error: 'States.Runtime', cause: 'The embedded cloud failed; its log has the details.' };
}
