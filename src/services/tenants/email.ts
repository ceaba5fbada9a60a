import { ExitCode, SaasError } from '../../model/error.ts';
import { emailProblem } from '../../model/tenant.ts';

/** Throws `bad_email`. */
export function checkEmail(email: string): void {
  const problem = emailProblem(email);
  if (problem === undefined) return;
  throw new SaasError('bad_email', problem, {
    hint: 'for example: --email admin@acme.example',
    exitCode: ExitCode.usage,
  });
}
