import { ExitCode, SaasError } from '../../model/error.ts';

/** A plain address; Cognito and the mail itself decide the rest. Throws `bad_email`. */
export function checkEmail(email: string): void {
  if (email.length <= 254 && /^[^\s@<>",;]+@[^\s@<>",;]+\.[^\s@<>",;.]+$/.test(email)) return;
  throw new SaasError('bad_email', `"${email}" is not an e-mail address`, {
    hint: 'for example: --email admin@acme.example',
    exitCode: ExitCode.usage,
  });
}
