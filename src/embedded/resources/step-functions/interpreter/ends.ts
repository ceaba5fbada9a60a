/** Why an execution ends from outside: the reasons of its abort signal. */

/** The embedded cloud ends; the execution goes on with the next. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** StopExecution. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
  readonly error: string | undefined;
  override readonly cause: string | undefined;
  constructor(error: string | undefined, cause: string | undefined) {
    super('the execution was stopped');
    this.error = error;
    this.cause = cause;
  }
}

/** TimeoutSeconds of the state machine. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}
