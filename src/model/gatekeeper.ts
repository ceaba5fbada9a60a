/**
 * The gatekeeper, a function of the control plane: it alone makes tenants' API keys, and alone makes users whose password
 * it sets. An operator or a pipeline asks it, and can do neither: who may set passwords can become any tenant's user, and
 * who reads the secret behind the keys has all of them.
 */

import type { TierItem } from './registry.ts';

/** What is asked of it for one tenant. It takes nothing on trust: tenant, cell and issuer are what the registry says. */
export interface GatekeeperRequest {
  tenantId: string;
  /** The cell whose API the tenant calls and whose usage plans limit it; the registry's own word comes before this one. */
  cell: string;
  /** Makes sure that the tenant has its key, on its plan. */
  key?: boolean;
  /** Asks the tenant's API, as a user made for it, until the answer is the one that is expected. */
  proof?: Proof;
}

export interface Proof {
  /** Of the user pool that the tenant's users are in. */
  issuer: string;
  expected: 'served' | 'refused';
}

export interface TenantKey {
  apiKeyId: string;
  usagePlanId: string;
}

/** A key with the live limits of the tenant's tier, where there are others than the configuration's. */
export interface AdmittedKey extends TenantKey {
  tier?: TierItem;
}

/** No token, no key's value and nothing of a tenant's data is ever in it. */
export interface GatekeeperAnswer {
  /** There also when what was asked for besides has failed. */
  key?: AdmittedKey;
  /** The answer was the one that is expected. */
  proved?: true;
  failure?: { code: string; message: string; detail?: string; hint?: string };
}

/** Environment variables of the function. */
export const gatekeeperEnvironment = {
  registryTable: 'REGISTRY_TABLE',
  apiKeySecretArn: 'API_KEY_SECRET_ARN',
  /** Path of the service that is asked, e.g. `/orders`. */
  probedPath: 'PROBED_PATH',
  /** JSON: the tags of what an environment owns. */
  ownerTags: 'OWNER_TAGS',
} as const;

/** What a tenant's API key is called. */
export const keyName = (tenantId: string): string => `tenant-${tenantId}`;

/** What the address of every user that the gatekeeper makes for a tenant begins with, and ends with: `.invalid` has no mail (RFC 2606). */
export const probePrefix = (tenantId: string): string => `probe-${tenantId}-`;
const probeDomain = '@probe.invalid';

export const probeAddress = (tenantId: string, id: string): string =>
  `${probePrefix(tenantId)}${id}${probeDomain}`;
export const isProbeAddress = (tenantId: string, email: string): boolean =>
  email.startsWith(probePrefix(tenantId)) && email.endsWith(probeDomain);
