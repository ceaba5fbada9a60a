import { ExitCode, SaasError, type SaasErrorOptions } from './error.ts';

/** What an AbortSignal is aborted with when the time of `--wait-timeout` is over. */
export class WaitTimeout {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * The error of a command that stops before its work is done: `wait_timed_out` (124) when its time was over, else
 * `interrupted` (130, after SIGTERM 143). `what` is unfinished: `the onboarding of "acme"`.
 */
export function stopError(
  { reason }: AbortSignal,
  what: string,
  options: Omit<SaasErrorOptions, 'exitCode'> = {},
): SaasError {
  if (reason instanceof WaitTimeout)
    return new SaasError('wait_timed_out', `${what} is not finished after ${reason.ms / 1_000} s`, {
      ...options,
      exitCode: ExitCode.waitTimedOut,
    });
  return new SaasError('interrupted', `stopped watching: ${what} is not finished`, {
    ...options,
    exitCode: reason === 'SIGTERM' ? ExitCode.terminated : ExitCode.interrupted,
  });
}
