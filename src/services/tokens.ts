import type { SecondFactor } from '../model/authenticator.ts';
import { SaasError } from '../model/error.ts';
import { tenantOutputs, tenantStackName } from '../model/names.ts';
import { type Act, audited } from './audit/audited.ts';
import type { Context } from './context.ts';
import { Identity, type Token, type UserPool } from './identity.ts';
import type { TenantRecord } from './registry/registry.ts';
import { openSession, type Session } from './session.ts';
import { outputsOf, Stacks } from './stacks.ts';

export interface TokenRequest {
  tenant: string;
  /** The tenant's administrator unless given. */
  user?: string;
  /** Asked for only where the environment's mail can't be read. */
  password?: () => Promise<string>;
  /** Asked where the tier has one, and with a password of the user's own. */
  secondFactor?: SecondFactor;
}

/** Signs a tenant's user in; gives an ID token to call the API with. */
export async function issueToken(context: Context, request: TokenRequest): Promise<Token> {
  const { tenant, user } = request;
  return audited(
    context,
    // Whose token it is, is personal.
    { action: 'token', tenant, parameters: { of: user === undefined ? 'administrator' : 'user' } },
    (act) => signIn(context, request, act),
  );
}

async function signIn(context: Context, request: TokenRequest, act: Act): Promise<Token> {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(request.tenant);
  act.tenant = tenant;
  const pool = await userPoolOf(context, session, tenant);
  const identity = new Identity(context.target.client);
  const email = (request.user ?? tenant.adminEmail).toLowerCase();
  const { mailbox } = context.target;
  try {
    if (mailbox && !request.password) return await identity.signInByMailbox(pool, email, mailbox);
    const password = (await request.password?.()) ?? '';
    return await identity.signIn(pool, { email, password, secondFactor: request.secondFactor });
  } catch (error) {
    if (!(error instanceof Error) || !/NotAuthorized|UserNotFound|PasswordResetRequired/.test(error.name))
      throw error;
    throw new SaasError('sign_in_refused', `"${email}" can't sign in to tenant "${tenant.name}"`, {
      detail: error.message,
      hint: `check the address; the tenant's administrator is ${tenant.adminEmail}`,
      cause: error,
    });
  }
}

/** The user pool that holds a tenant's users. Throws `tenant_not_ready` while a silo's is not there. */
export async function userPoolOf(
  context: Context,
  { shared }: Session,
  tenant: TenantRecord,
): Promise<UserPool> {
  if (tenant.model === 'pool' && shared.pool) return shared.pool;
  const stack = await new Stacks(context.target.client).describe(
    tenantStackName(context.target.prefix, tenant.tenantId),
  );
  const outputs = stack ? outputsOf(stack) : {};
  const userPoolId = outputs[tenantOutputs.userPoolId];
  const clientId = outputs[tenantOutputs.clientId];
  if (userPoolId && clientId) return { userPoolId, clientId };
  throw new SaasError(
    'tenant_not_ready',
    `tenant "${tenant.name}" has no user pool (it is ${tenant.status})`,
    {
      hint: `see what is missing: saas-ecs describe-tenant ${tenant.name}`,
    },
  );
}
