import { controlPlaneToken } from '../services/control-plane/token.ts';
import { issueToken } from '../services/tokens.ts';
import type { Invocation } from './invocation.ts';

export interface TokenOptions {
  tenant?: string;
  user?: string;
  controlPlane?: boolean;
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
    }),
  });
  cli.output.result(issued, () => issued.token);
}

async function operatorToken(cli: Invocation): Promise<void> {
  const issued = await controlPlaneToken(await cli.quietContext());
  cli.output.result(issued, () => issued.token);
}
