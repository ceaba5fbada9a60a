/** Takes a branch from state to state, with each state's data flow, retries and catches. */
import { randomUUID } from 'node:crypto';
import { matchesRule } from '../language/choice.ts';
import { fillTemplate, readPath, type Scope, throughPath, withResult } from '../language/data-flow.ts';
import type { Catcher, Retrier, State, Workflow } from '../language/definition.ts';
import { matchesError, runtimeError, StatesError } from '../language/errors.ts';
import type { Branch, Entered } from '../state.ts';
import { runIterations, runParallel } from './branches.ts';
import type { Run } from './run.ts';
import { runTask } from './task.ts';

/** Bytes of a state's input or output ("Quotas": 256 KiB). */
const maxData = 262_144;

/** What a state's work needs to know. */
export interface Step {
  run: Run;
  branch: Branch;
  entered: Entered;
  state: State;
  name: string;
  /** The effective input, and the context object. */
  scope: Scope;
  signal: AbortSignal;
  /** What the context object has further, e.g. a Map state's item. */
  extra: Readonly<Record<string, unknown>>;
}

/** Resolves to the branch's output. Rejects with a StatesError, or with the signal's reason. */
export async function runBranch(
  run: Run,
  workflow: Workflow,
  branch: Branch,
  signal: AbortSignal,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  while (!branch.done) {
    signal.throwIfAborted();
    const name = branch.state;
    const state = workflow.States[name];
    if (!state) throw runtimeError(`there is no state ${name}`);
    const entered = branch.entered ?? enter(run, branch, state);
    const { next, output } = await attempts(run, branch, entered, state, signal, extra);
    const text = JSON.stringify(output);
    if (Buffer.byteLength(text) > maxData)
      throw new StatesError(
        'States.DataLimitExceeded',
        `The state/task '${name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
      );
    run.event(branch, {
      type: `${state.Type}StateExited` as 'TaskStateExited',
      stateExitedEventDetails: { name, output: text, outputDetails: { truncated: false } },
    });
    delete branch.entered;
    if (next === undefined) branch.done = { output };
    else {
      branch.state = next;
      branch.input = output;
    }
    run.save();
  }
  return branch.done.output;
}

function enter(run: Run, branch: Branch, state: State): Entered {
  const now = run.cloud.clock.now();
  const event = run.event(branch, {
    type: `${state.Type}StateEntered` as 'TaskStateEntered',
    stateEnteredEventDetails: {
      name: branch.state,
      input: JSON.stringify(branch.input),
      inputDetails: { truncated: false },
    },
  });
  const entered: Entered = { at: now, event, attemptAt: now, token: randomUUID(), retries: {} };
  branch.entered = entered;
  run.save();
  return entered;
}

interface Outcome {
  /** Undefined: the branch ends here. */
  next: string | undefined;
  output: unknown;
}

/** Works on the state until it succeeds, a catcher takes its error, or the error is final. */
async function attempts(
  run: Run,
  branch: Branch,
  entered: Entered,
  state: State,
  signal: AbortSignal,
  extra: Readonly<Record<string, unknown>>,
): Promise<Outcome> {
  for (;;) {
    if (entered.retryAt !== undefined) {
      await run.until(entered.retryAt, signal);
      delete entered.retryAt;
      delete entered.branches;
      delete entered.task;
      Object.assign(entered, { attemptAt: run.cloud.clock.now(), token: randomUUID() });
      run.save();
    }
    const scope: Scope = { data: branch.input, context: contextOf(run, branch, entered, extra) };
    try {
      scope.data = throughPath(state.InputPath, scope, 'InputPath');
      return await work({ run, branch, entered, state, name: branch.state, scope, signal, extra });
    } catch (error) {
      if (!(error instanceof StatesError) || signal.aborted) throw error;
      const delay = retryDelay(state.Retry ?? [], entered, error);
      if (delay !== undefined) {
        entered.retryAt = run.cloud.clock.now() + delay;
        run.save();
        continue;
      }
      const catcher = (state.Catch ?? []).find(({ ErrorEquals }) => matchesError(ErrorEquals, error));
      if (!catcher) throw error;
      return { next: catcher.Next, output: caught(catcher, branch.input, error) };
    }
  }
}

/** Milliseconds until the next attempt; undefined when no retrier takes the error, or it has no attempt left. */
function retryDelay(retriers: readonly Retrier[], entered: Entered, error: StatesError): number | undefined {
  const index = retriers.findIndex(({ ErrorEquals }) => matchesError(ErrorEquals, error));
  const retrier = retriers[index];
  if (!retrier) return undefined;
  const before = entered.retries[index] ?? 0;
  if (before >= (retrier.MaxAttempts ?? 3)) return undefined;
  entered.retries[index] = before + 1;
  const seconds = Math.min(
    (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** before,
    retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY,
  );
  return seconds * 1000 * (retrier.JitterStrategy === 'FULL' ? Math.random() : 1);
}

const caught = ({ ResultPath }: Catcher, input: unknown, { error, cause }: StatesError): unknown =>
  withResult(input, { Error: error, Cause: cause }, ResultPath);

/** The context object, `$$`. */
function contextOf(
  { execution }: Run,
  branch: Branch,
  entered: Entered,
  extra: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return {
    Execution: {
      Id: execution.arn,
      Input: JSON.parse(execution.input) as unknown,
      Name: execution.name,
      RoleArn: execution.roleArn,
      StartTime: new Date(execution.started).toISOString(),
    },
    StateMachine: { Id: execution.stateMachineArn, Name: execution.stateMachineArn.split(':').at(-1) },
    State: {
      Name: branch.state,
      EnteredTime: new Date(entered.at).toISOString(),
      RetryCount: Object.values(entered.retries).reduce((sum, count) => sum + count, 0),
    },
    ...extra,
  };
}

async function work(step: Step): Promise<Outcome> {
  const { state, scope, branch, run, entered, signal } = step;
  const output = (data: unknown): unknown => throughPath(state.OutputPath, { ...scope, data }, 'OutputPath');
  const on = (data: unknown): Outcome => ({ next: state.Next, output: output(data) });
  /** ResultSelector and ResultPath, which Task, Parallel and Map have. */
  const selected = (result: unknown): Outcome =>
    on(
      withResult(
        scope.data,
        state.ResultSelector === undefined
          ? result
          : fillTemplate(state.ResultSelector, { ...scope, data: result }),
        state.ResultPath,
      ),
    );
  const parameters = (): unknown =>
    state.Parameters === undefined ? scope.data : fillTemplate(state.Parameters, scope);

  switch (state.Type) {
    case 'Task':
      return selected(await runTask(step, parameters()));
    case 'Parallel':
      return selected(await runParallel(step, parameters()));
    case 'Map':
      return selected(await runIterations(step));
    case 'Pass':
      return on(withResult(scope.data, state.Result ?? parameters(), state.ResultPath));
    case 'Wait':
      entered.until ??= waitEnd(state, scope, run.cloud.clock.now());
      run.save();
      await run.until(entered.until, signal);
      return on(scope.data);
    case 'Choice': {
      const rule = state.Choices?.find((each) => matchesRule(each, scope));
      const next = rule?.Next ?? state.Default;
      if (next === undefined)
        throw new StatesError(
          'States.NoChoiceMatched',
          `No choice of ${branch.state} matches, and it has no Default`,
        );
      return { next, output: output(scope.data) };
    }
    case 'Succeed':
      return { next: undefined, output: output(scope.data) };
    case 'Fail': {
      const text = (value: string | undefined, path: string | undefined, field: string): string => {
        if (path === undefined) return value ?? '';
        const read = path.startsWith('States.')
          ? (fillTemplate({ 'v.$': path }, scope) as { v: unknown }).v
          : readPath(path, scope, field);
        return String(read);
      };
      throw new StatesError(
        text(state.Error, state.ErrorPath, 'ErrorPath'),
        text(state.Cause, state.CausePath, 'CausePath'),
      );
    }
  }
}

/** Milliseconds since the epoch. */
function waitEnd(state: State, scope: Scope, now: number): number {
  const seconds =
    state.SecondsPath === undefined ? state.Seconds : readPath(state.SecondsPath, scope, 'SecondsPath');
  if (seconds !== undefined) {
    if (typeof seconds !== 'number' || seconds < 0)
      throw runtimeError(`The Seconds of a Wait state must be a number, not ${JSON.stringify(seconds)}`);
    return now + seconds * 1000;
  }
  const timestamp =
    state.TimestampPath === undefined
      ? state.Timestamp
      : readPath(state.TimestampPath, scope, 'TimestampPath');
  const time = Date.parse(String(timestamp));
  if (Number.isNaN(time)) throw runtimeError(`${JSON.stringify(timestamp)} is not a timestamp`);
  return time;
}
