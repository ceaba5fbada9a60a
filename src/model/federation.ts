/**
 * Users of a silo who come from an identity provider of its tenant. Cognito makes them at their first sign-in without any of
 * the attributes that bind a user to a tenant, and no provider may set those: the tenant of such a user is that of the silo's
 * user pool, his role the one that an operator gave him, else the least.
 */
import { tenantAttributes, type UserRole, userRoles } from './tenant.ts';

/** Attributes of the user pool that a provider may fill. They are all that the pool's client may write besides. */
export const mappable: ReadonlySet<string> = new Set(['email', 'name']);

/** Of a user of an identity provider whom nobody gave a role. */
const leastRole: UserRole = 'TenantUser';

/** Cognito's own claim and attribute, which nobody can write (developer guide, "Understanding the identity (ID) token"). */
const identities = 'identities';

export interface ClaimedIdentity {
  /** Undefined when the token binds its user to no tenant. */
  tenantId: string | undefined;
  /** Undefined when the token names no role that there is. */
  role: UserRole | undefined;
}

/**
 * Whom the claims of a verified ID token mean. `silo`: the tenant whose user pool issued it, undefined for the pool's. What the
 * token does claim stands as it is: a silo's token of another tenant stays one, to be refused.
 */
export function claimedIdentity(
  claims: Readonly<Record<string, unknown>>,
  silo: string | undefined,
): ClaimedIdentity {
  const providers = claims[identities];
  const federated = silo !== undefined && Array.isArray(providers) && providers.length > 0;
  const claimed = (name: string, otherwise: string | undefined): string | undefined => {
    const value = claims[name];
    if (value === undefined) return federated ? otherwise : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const role = claimed(tenantAttributes.role, leastRole);
  return {
    tenantId: claimed(tenantAttributes.tenantId, silo),
    role: userRoles.find((known) => known === role),
  };
}

/** Name of the identity provider that an account comes from, by the account's attributes; undefined for one of the pool's own. */
export function providerOf(attribute: (name: string) => string | undefined): string | undefined {
  try {
    const [first] = JSON.parse(attribute(identities) ?? '[]') as { providerName?: unknown }[];
    return typeof first?.providerName === 'string' ? first.providerName : undefined;
  } catch {
    return undefined;
  }
}

/** The role that an account has by its attributes: what {@link claimedIdentity} says of its tokens. */
export const accountRole = (attribute: (name: string) => string | undefined): string | undefined =>
  attribute(tenantAttributes.role) ?? (providerOf(attribute) === undefined ? undefined : leastRole);
