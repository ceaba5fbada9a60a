/** Process exit codes of the command line; they are part of its contract. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  changesPresent: 3,
  notFound: 4,
  waitTimedOut: 124,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface SaasErrorOptions {
  /** Why it happened, in the words of whoever refused: an AWS message, a stack event, log lines. */
  detail?: string;
  /** What to do next; a command line where there is one. */
  hint?: string;
  exitCode?: ExitCode;
  cause?: unknown;
}

/**
 * The one error that reaches a user: what went wrong (`message`: lower case, no full stop, quotes the wrong
 * value), why (`detail`), what to do (`hint`). `code` is stable and meant for scripts, e.g. `tenant_exists`.
 */
export class SaasError extends Error {
  override readonly name = 'SaasError';
  readonly code: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, options: SaasErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? ExitCode.failed;
  }
}
