import type { SecondFactor } from '../model/authenticator.ts';
import { SaasError } from '../model/error.ts';
import { controlPlaneToken } from '../services/control-plane/token.ts';
import { issueToken } from '../services/tokens.ts';
import type { Invocation } from './invocation.ts';

export interface TokenOptions {
  tenant?: string;
  user?: string;
  controlPlane?: boolean;
  /** Good once, for half a minute: what others see of a command line is worth nothing by then. */
  mfaCode?: string;
}

export async function token(cli: Invocation, options: TokenOptions): Promise<void> {
  if (options.controlPlane) return operatorToken(cli);
  const tenant = await cli.prompts.text(options.tenant, { flag: '--tenant', message: 'Tenant' });
  const context = await cli.quietContext();
  // Where mail can't be read the user has his own password; it is never an argument.
  const { password: given } = { password: cli.output.terminal.env['SAAS_ECS_PASSWORD'] };
  const needed = given !== undefined || !context.target.mailbox;
  const issued = await issueToken(context, {
    tenant,
    ...(options.user !== undefined && { user: options.user }),
    ...(needed && {
      password: async () => given ?? cli.prompts.secret({ flag: 'SAAS_ECS_PASSWORD', message: 'Password' }),
      secondFactor: authenticatorOf(cli, options.mfaCode),
    }),
  });
  cli.output.result(issued, () => issued.token);
}

async function operatorToken(cli: Invocation): Promise<void> {
  const issued = await controlPlaneToken(await cli.quietContext());
  cli.output.result(issued, () => issued.token);
}

/** The authenticator app of whoever sits at the terminal: the code given, then codes asked for. */
function authenticatorOf(cli: Invocation, given: string | undefined): SecondFactor {
  let left = given;
  return {
    async code() {
      const code = left;
      left = undefined;
      if (code !== undefined) return code;
      // It is asked for again only where somebody can answer.
      if (given !== undefined && !cli.prompts.interactive)
        throw new SaasError('code_refused', 'the code of the authenticator app was refused', {
          hint: 'a code is good once, for half a minute: give a new one with --mfa-code',
        });
      return cli.prompts.text(undefined, {
        flag: '--mfa-code',
        message: 'Code of the authenticator app',
        validate: (value) => /^[0-9]{6}$/.test(value.trim()) || 'six digits',
      });
    },
    async enrol(secret) {
      if (!cli.prompts.interactive)
        throw new SaasError('authenticator_needed', 'the user has not set up an authenticator app yet', {
          detail: "the tenant's tier requires one",
          hint: 'sign in once in a terminal, or where the tenant signs in: saas-ecs describe-tenant',
        });
      left = undefined;
      cli.output.note(`add this key to an authenticator app, it is shown once: ${secret}`);
    },
  };
}
