/** A Task state's attempt: the call of the service behind its Resource, within its time. */

import { type Integration, integrationOf, type TaskCall } from '../integrations/index.ts';
import { readPath } from '../language/data-flow.ts';
import { StatesError } from '../language/errors.ts';
import type { Step } from './branch.ts';

/** Resolves to the task's result. Rejects with a StatesError, or with the signal's reason. */
export async function runTask(step: Step, parameters: unknown): Promise<unknown> {
  const { run, entered, state, scope, signal } = step;
  const { execution, cloud } = run;
  const integration = integrationOf(cloud, state.Resource ?? '');
  const seconds =
    state.TimeoutSecondsPath === undefined
      ? state.TimeoutSeconds
      : Number(readPath(state.TimeoutSecondsPath, scope, 'TimeoutSecondsPath'));
  const history = historyOf(step, integration, seconds);
  // One that was cut off goes on where it was.
  if (entered.task === undefined) {
    history.scheduled(parameters);
    entered.task = 'scheduled';
    run.save();
  }

  const late = new AbortController();
  const ended = new AbortController();
  if (seconds !== undefined)
    void run.until(entered.attemptAt + seconds * 1000, ended.signal).then(
      () => late.abort(new StatesError('States.Timeout', '')),
      () => {},
    );
  const call: TaskCall = {
    cloud,
    execution,
    sessionName: execution.name,
    token: entered.token,
    signal: AbortSignal.any([signal, late.signal]),
    submitted(output) {
      if (entered.task === 'submitted' || call.signal.aborted) return;
      history.submitted(output);
      entered.task = 'submitted';
      run.save();
    },
  };
  const aborted = new Promise<never>((_resolve, reject) => {
    call.signal.addEventListener('abort', () => reject(call.signal.reason), { once: true });
  });
  aborted.catch(() => {});
  try {
    const work = integration.run(call, parameters);
    // What is given up may still fail.
    work.catch(() => {});
    const result = await Promise.race([work, aborted]);
    history.succeeded(result);
    return result;
  } catch (thrown) {
    const error: unknown = call.signal.aborted ? call.signal.reason : thrown;
    if (error instanceof StatesError && !signal.aborted) history.failed(error);
    throw error;
  } finally {
    ended.abort();
    run.save();
  }
}

/** The events of a task; a function that is named by its ARN has others. */
function historyOf({ run, branch, state }: Step, integration: Integration, seconds: number | undefined) {
  const { resourceType, resource } = integration;
  const details = { resourceType, resource };
  const text = (value: unknown): string => JSON.stringify(value);
  const add = (event: Parameters<typeof run.event>[1]): void => void run.event(branch, event);
  if (integration.functionArn !== undefined) {
    return {
      scheduled: (input: unknown) => {
        add({
          type: 'LambdaFunctionScheduled',
          lambdaFunctionScheduledEventDetails: {
            resource: state.Resource,
            input: text(input),
            ...(seconds !== undefined && { timeoutInSeconds: seconds }),
          },
        });
        add({ type: 'LambdaFunctionStarted' });
      },
      submitted: () => {},
      succeeded: (output: unknown) =>
        add({
          type: 'LambdaFunctionSucceeded',
          lambdaFunctionSucceededEventDetails: { output: text(output) },
        }),
      failed: ({ error, cause }: StatesError) =>
        error === 'States.Timeout'
          ? add({ type: 'LambdaFunctionTimedOut', lambdaFunctionTimedOutEventDetails: { error, cause } })
          : add({ type: 'LambdaFunctionFailed', lambdaFunctionFailedEventDetails: { error, cause } }),
    };
  }
  return {
    scheduled: (parameters: unknown) => {
      add({
        type: 'TaskScheduled',
        taskScheduledEventDetails: {
          ...details,
          region: run.cloud.region,
          parameters: text(parameters),
          ...(seconds !== undefined && { timeoutInSeconds: seconds }),
        },
      });
      add({ type: 'TaskStarted', taskStartedEventDetails: details });
    },
    submitted: (output: unknown) =>
      add({ type: 'TaskSubmitted', taskSubmittedEventDetails: { ...details, output: text(output) } }),
    succeeded: (output: unknown) =>
      add({ type: 'TaskSucceeded', taskSucceededEventDetails: { ...details, output: text(output) } }),
    failed: ({ error, cause }: StatesError) =>
      error === 'States.Timeout'
        ? add({ type: 'TaskTimedOut', taskTimedOutEventDetails: { ...details, error, cause } })
        : add({ type: 'TaskFailed', taskFailedEventDetails: { ...details, error, cause } }),
  };
}
