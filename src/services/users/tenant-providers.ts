/** What an operator does with the identity providers of a silo tenant. Every change may be run again. */
import { ExitCode, SaasError } from '../../model/error.ts';
import { tenantOutputs, tenantStackName } from '../../model/names.ts';
import { isSilo } from '../../model/tier.ts';
import { audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import type { UserPool } from '../identity.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import { outputsOf, Stacks } from '../stacks.ts';
import { userPoolOf } from '../tokens.ts';
import { Accounts } from './accounts.ts';
import { type IdentityProvider, IdentityProviders } from './identity-providers.ts';
import type { ProviderDefinition } from './provider-file.ts';
import { checkTenantChangeable } from './tenant-users.ts';

/** What the other side must be told: where it sends users back to, and for whom its assertions are. */
export interface SignInPlace {
  /** Base address of the user pool's hosted sign-in. */
  url: string;
  /** Redirect URI to register with an OIDC provider. */
  redirectUri: string;
  /** Assertion consumer service to register with a SAML provider. */
  assertionConsumerUrl: string;
  /** Entity id, or audience, to register with a SAML provider. */
  entityId: string;
}

/** Developer guide, "Adding user pool sign-in through a third party". */
export const signInPlace = (url: string, userPoolId: string): SignInPlace => ({
  url,
  redirectUri: `${url}/oauth2/idpresponse`,
  assertionConsumerUrl: `${url}/saml2/idpresponse`,
  entityId: `urn:amazon:cognito:sp:${userPoolId}`,
});

/** Refuses a tenant that shares its user pool: a provider there would sign in users of all its tenants. */
export function checkOwnPool({ name, model }: Pick<TenantRecord, 'name' | 'model'>): void {
  if (isSilo(model)) return;
  throw new SaasError('not_a_silo', `tenant "${name}" has no user pool of its own`, {
    detail:
      'tenants of the pool have one in common, where an identity provider would sign in users of all of them',
    hint: 'bring the tenant in on a tier whose model is shared-cluster or dedicated-cluster',
    exitCode: ExitCode.usage,
  });
}

const noHostedSignIn = ({ target }: Context, whose: string): SaasError =>
  new SaasError('no_hosted_sign_in', `${whose} has no hosted sign-in`, {
    detail: 'users of an identity provider can sign in nowhere else',
    hint: `set environments.${target.environment.name}.signIn in saas-ecs.yaml, run saas-ecs deploy-shared, and bring the tenant to the new release`,
  });

/** Before anything is made: whether the configuration has what users of an identity provider need. */
export function checkHostedSignIn(context: Context): void {
  const { environment } = context.target;
  if (!environment.signIn) throw noHostedSignIn(context, `the environment "${environment.name}"`);
}

/** Where a silo's users sign in. Throws `no_hosted_sign_in`. */
export async function placeOf(context: Context, tenant: TenantRecord, pool: UserPool): Promise<SignInPlace> {
  const { target } = context;
  const stack = await new Stacks(target.client).describe(tenantStackName(target.prefix, tenant.tenantId));
  const domain = stack && outputsOf(stack)[tenantOutputs.signInDomain];
  if (domain) return signInPlace(target.signInUrl(domain), pool.userPoolId);
  throw noHostedSignIn(context, `the user pool of tenant "${tenant.name}"`);
}

export async function addProvider(
  context: Context,
  reference: string,
  definition: ProviderDefinition,
): Promise<IdentityProvider & { created: boolean; signIn: SignInPlace }> {
  const parameters = { provider: definition.name, type: definition.type.toLowerCase() };
  return audited(context, { action: 'users idp add', tenant: reference, parameters }, async (act) => {
    const { tenant, pool, providers } = await open(context, reference);
    act.tenant = tenant;
    checkTenantChangeable(tenant);
    const signIn = await placeOf(context, tenant, pool);
    const { created } = await providers.put(definition);
    return { ...(await need(providers, tenant, definition.name)), created, signIn };
  });
}

export async function listProviders(
  context: Context,
  reference: string,
): Promise<{ providers: IdentityProvider[] }> {
  const { providers } = await open(context, reference);
  const found = [];
  for (const name of await providers.names()) found.push(await providers.get(name));
  return { providers: found.flatMap((provider) => provider ?? []) };
}

export async function showProvider(
  context: Context,
  reference: string,
  name: string,
): Promise<IdentityProvider & { signIn: SignInPlace }> {
  const { tenant, pool, providers } = await open(context, reference);
  const provider = await need(providers, tenant, name);
  return { ...provider, signIn: await placeOf(context, tenant, pool) };
}

/**
 * Removes a provider with the users who came from it: they are out at once, as whoever is deleted is. First it is offered no
 * more, so that no user comes meanwhile; the provider itself goes last, so that a run that was killed can be run again.
 */
export async function removeProvider(
  context: Context,
  reference: string,
  name: string,
): Promise<{ name: string; removed: true; users: number }> {
  const action = { action: 'users idp remove', tenant: reference, parameters: { provider: name } };
  return audited(context, action, async (act) => {
    const { tenant, pool, providers } = await open(context, reference);
    act.tenant = tenant;
    checkTenantChangeable(tenant);
    const provider = await need(providers, tenant, name);
    await providers.offer((await providers.names()).filter((other) => other !== provider.name));
    const accounts = new Accounts(context.target.client, pool.userPoolId);
    const users = await accounts.ofProvider(provider.name);
    for (const account of users) await accounts.delete(account);
    await providers.delete(provider.name);
    return { name, removed: true as const, users: users.length };
  });
}

async function open(context: Context, reference: string) {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(reference);
  checkOwnPool(tenant);
  const pool = await userPoolOf(context, session, tenant);
  return { tenant, pool, providers: new IdentityProviders(context.target.client, pool) };
}

async function need(
  providers: IdentityProviders,
  tenant: TenantRecord,
  name: string,
): Promise<IdentityProvider> {
  const found = await providers.get(name);
  if (found) return found;
  throw new SaasError('provider_not_found', `tenant "${tenant.name}" has no identity provider "${name}"`, {
    hint: `see all of them with: saas-ecs users idp list --tenant ${tenant.name}`,
    exitCode: ExitCode.notFound,
  });
}
