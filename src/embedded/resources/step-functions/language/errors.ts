/** The errors of Amazon States Language: a name, which Retry and Catch match, and a cause. */

export class StatesError extends Error {
  override readonly name = 'StatesError';
  readonly error: string;
  override readonly cause: string;
  constructor(error: string, cause: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
  }
}

/** An error that no Retry or Catch takes: the state machine itself is at fault. */
export const runtimeError = (cause: string): StatesError => new StatesError('States.Runtime', cause);

const uncatchable = new Set(['States.Runtime', 'States.DataLimitExceeded']);

/** Whether a retrier's or catcher's ErrorEquals takes the error. */
export function matchesError(names: readonly string[], { error }: StatesError): boolean {
  return names.some(
    (name) =>
      name === error ||
      (!uncatchable.has(error) &&
        (name === 'States.ALL' ||
          // A task's failure is whatever is not a time-out.
          (name === 'States.TaskFailed' && error !== 'States.Timeout'))),
  );
}
