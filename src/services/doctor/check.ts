import { SaasError } from '../../model/error.ts';
import { toSaasError } from '../aws-errors.ts';

export type CheckStatus = 'PASS' | 'WARN' | 'FAIL';

/** One thing that was looked at. */
export interface Check {
  name: string;
  status: CheckStatus;
  /** What was found, in a line. */
  detail: string;
  /** What to do; null when there is nothing to do. */
  hint: string | null;
}

export const pass = (name: string, detail: string, hint: string | null = null): Check => ({
  name,
  status: 'PASS',
  detail,
  hint,
});
export const warn = (name: string, detail: string, hint: string): Check => ({
  name,
  status: 'WARN',
  detail,
  hint,
});
export const fail = (name: string, detail: string, hint: string): Check => ({
  name,
  status: 'FAIL',
  detail,
  hint,
});

/**
 * What a look-up found, or why it could not be made. A permission that is missing is no failure of what was looked at:
 * it is a warning that names the permission.
 */
export async function look(
  name: string,
  permission: string,
  work: () => Promise<Check | Check[]>,
): Promise<Check[]> {
  try {
    return [await work()].flat();
  } catch (error) {
    return [problem(name, error, permission)];
  }
}

/** An error as a check that failed. */
export function problem(name: string, error: unknown, permission?: string): Check {
  const { code, message, detail, hint } = error instanceof SaasError ? error : toSaasError(error);
  if (code === 'access_denied' && permission !== undefined)
    return warn(
      name,
      `not looked at: the permission ${permission} is missing`,
      `grant ${permission} to the role that you use, to have it checked`,
    );
  const why = detail?.split('\n', 1)[0];
  const said = why === undefined || why === '' ? message : `${message}: ${why}`;
  return fail(name, said, hint ?? 'see more with --debug');
}
