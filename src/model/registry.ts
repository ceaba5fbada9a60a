/**
 * The registry's single table: string keys `pk` and `sk`, one global index `gsi1` (`gsi1pk`, `gsi1sk`, all
 * attributes projected). These functions are the only place where keys are spelled.
 */
import type { TenantStatus } from './tenant.ts';
import type { QuotaPeriod, Throttle, TierModel } from './tier.ts';

export const registryIndex = 'gsi1';

export interface Key {
  pk: string;
  sk: string;
}

export const registryKeys = {
  tenant: (tenantId: string): Key => ({ pk: `TENANT#${tenantId}`, sk: 'TENANT' }),
  /** Name lock: exists from onboarding's first step until the tenant is gone. */
  name: (name: string): Key => ({ pk: `NAME#${name}`, sk: 'NAME' }),
  /** Who issues tokens that the authorizer trusts. */
  issuer: (issuer: string): Key => ({ pk: `ISSUER#${issuer}`, sk: 'ISSUER' }),
  operation: (tenantId: string, operationId: string): Key => ({
    pk: `TENANT#${tenantId}`,
    sk: `OPERATION#${operationId}`,
  }),
  /** Who changes what all tenants share, one at a time. */
  environmentLease: (): Key => ({ pk: 'ENVIRONMENT', sk: 'LEASE' }),
  cell: (cell: string): Key => ({ pk: 'CELLS', sk: `CELL#${cell}` }),
  /** One target-group slot of a cell; its number is the listener rule's priority. */
  slot: (cell: string, slot: number): Key => ({
    pk: `CELL#${cell}`,
    sk: `SLOT#${String(slot).padStart(4, '0')}`,
  }),
  release: (release: string): Key => ({ pk: 'RELEASES', sk: `RELEASE#${release}` }),
  /** A tier's live limits where they differ from the configuration. */
  tier: (tier: string): Key => ({ pk: 'TIERS', sk: `TIER#${tier}` }),
  /** A usage plan shared by the tenants whose limits were overridden alike. */
  plan: (rate: number, burst: number, quota: string): Key => ({
    pk: 'PLANS',
    sk: `PLAN#${rate}#${burst}#${quota}`,
  }),
  /** A tenant as the builtin control plane knows it; under ids that its function may reach and no other's items have. */
  registration: (registrationId: string): Key => ({
    pk: `REGISTRATION#${registrationId}`,
    sk: 'REGISTRATION',
  }),
  /** Held by the registration that has the tenant's name, until its tenant is gone. */
  registrationName: (name: string): Key => ({ pk: `REGISTRATION#NAME#${name}`, sk: 'NAME' }),
  /** Held by the registration that has the tenant's id. */
  registrationTenant: (tenantId: string): Key => ({ pk: `REGISTRATION#TENANT#${tenantId}`, sk: 'TENANT' }),
  /** What is told to whoever asks for the configuration of a tenant that has none of its own. */
  sharedTenantConfig: (): Key => ({ pk: 'REGISTRATION#CONFIG', sk: 'CONFIG' }),
  /** An event of the audit, in the partition of the day that it was appended to; its number orders all of them. */
  auditEvent: (day: string, seq: number): Key => ({
    pk: `AUDIT#${day}`,
    sk: `EVENT#${String(seq).padStart(12, '0')}`,
  }),
  /** The audit's last event, beside the days that have events. */
  auditHead: (): Key => ({ pk: 'AUDIT', sk: 'HEAD' }),
  auditDay: (day: string): Key => ({ pk: 'AUDIT', sk: `DAY#${day}` }),
} as const;

/** How an operation is named to others: it says the tenant, by which the registry finds it. */
export const operationReference = (tenantId: string, operationId: string): string =>
  `${tenantId}/${operationId}`;

/** `gsi1` keys: all tenants in order of creation. */
export const tenantIndexKey = (createdAt: string, tenantId: string): { gsi1pk: string; gsi1sk: string } => ({
  gsi1pk: 'TENANTS',
  gsi1sk: `${createdAt}#${tenantId}`,
});

/** `gsi1` partition of the registrations that are not history, in order of creation. */
export const registrationIndex = 'REGISTRATIONS';
/** Every key of the control plane's items begins with it; a policy says so. */
export const registrationKeyPrefix = 'REGISTRATION';

/** The tenant item's attributes that others than the operations read: the authorizer does. */
export interface TenantItem extends Key {
  tenantId: string;
  name: string;
  tier: string;
  model: TierModel;
  status: TenantStatus;
  adminEmail: string;
  createdAt: string;
  updatedAt: string;
  cell?: string;
  apiUrl?: string;
  release?: string;
  lastError?: string;
  apiKeyId?: string;
  usagePlanId?: string;
  throttle?: { rate: number; burst: number; quota: { limit: number; period: QuotaPeriod } };
  /** Its registration in the control plane. */
  registrationId?: string;
  gsi1pk: string;
  gsi1sk: string;
}

/** The live limits of a tier; there is none where the configuration's are live. */
export interface TierItem {
  tier: string;
  throttle: Throttle;
  /** The configuration's limits when these were set: once the configuration changes, it holds again. */
  configured: Throttle;
}

/** Written by deploy-shared for the pool's user pool and by onboarding for a silo's. */
export interface IssuerItem extends Key {
  issuer: string;
  clientId: string;
  /** The silo tenant whose issuer this is; absent for the pool's. */
  tenantId?: string;
}

/** However an issuer is spelled, it ends in its user pool's id. */
export const userPoolIdOf = (issuer: string): string => issuer.slice(issuer.lastIndexOf('/') + 1);

/**
 * A tenant's API key is derived, not stored: base64url(HMAC-SHA256(secret, tenantId)). The authorizer and the
 * operations derive the same value from the one secret that the control plane keeps in Secrets Manager.
 */
export const apiKeyMessage = (tenantId: string): string => `saas-ecs/api-key/v1/${tenantId}`;
