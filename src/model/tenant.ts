import type { Quota, TierModel } from './tier.ts';

export const tenantStatuses = [
  'provisioning',
  'active',
  'suspended',
  'updating',
  'offboarding',
  'failed',
  'offboarded',
] as const;
export type TenantStatus = (typeof tenantStatuses)[number];

/** A tenant as every command shows it; the JSON shape is part of the CLI's contract. */
export interface Tenant {
  tenantId: string;
  name: string;
  tier: string;
  model: TierModel;
  status: TenantStatus;
  adminEmail: string;
  apiUrl: string | null;
  cell: string | null;
  release: string | null;
  throttle: { rate: number; burst: number; quota: Quota; source: 'tier' | 'tenant' };
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
  lastError: string | null;
  /** Null unless it is suspended. */
  suspension: { since: string; reason: string | null } | null;
}

/** Why a text can't be kept as a reason, or undefined when it can: it is shown in tables, and the audit keeps no address of anybody. */
export function reasonProblem(reason: string): string | undefined {
  if (reason.length === 0 || reason.length > 200) return 'it must have 1 to 200 characters';
  if (!/^[\p{L}\p{M}\p{N} _./:,;'()#&+!?%-]+$/u.test(reason))
    return "only letters, digits, blanks and _ . / : , ; ' ( ) # & + ! ? % - are allowed, so no e-mail address";
  return undefined;
}

export const userRoles = ['TenantAdmin', 'TenantUser'] as const;
export type UserRole = (typeof userRoles)[number];

/** The Cognito attributes that bind a user to a tenant; no app client may write them. */
export const tenantAttributes = {
  tenantId: 'custom:tenantId',
  tier: 'custom:tenantTier',
  name: 'custom:tenantName',
  role: 'custom:userRole',
} as const;

/** Attributes of a user of a tenant, as Cognito takes them. */
export const userAttributes = (
  tenant: { tenantId: string; name: string; tier: string },
  user: { email: string; role: UserRole },
): { Name: string; Value: string }[] => [
  { Name: 'email', Value: user.email },
  { Name: 'email_verified', Value: 'true' },
  { Name: tenantAttributes.tenantId, Value: tenant.tenantId },
  { Name: tenantAttributes.tier, Value: tenant.tier },
  { Name: tenantAttributes.name, Value: tenant.name },
  { Name: tenantAttributes.role, Value: user.role },
];

const reservedNames = new Set([
  'basic',
  'pool',
  'shared',
  'admin',
  'api',
  'default',
  'system',
  'all',
  'none',
]);

/** Why a tenant's name can't be used, or undefined when it can. Names are 3 to 40 characters: lower-case letters, digits, single inner dashes. */
export function tenantNameProblem(name: string): string | undefined {
  if (name.length < 3 || name.length > 40) return 'it must have 3 to 40 characters';
  if (!/^[a-z][a-z0-9-]*[a-z0-9]$/.test(name))
    return 'only lower-case letters, digits and inner dashes are allowed, and it starts with a letter';
  if (name.includes('--')) return 'two dashes in a row are not allowed';
  if (reservedNames.has(name)) return 'the name is reserved';
  return undefined;
}

/** The value of the `tenantPath` header for every tenant of the pool; a silo tenant's is its id. */
export const poolTenantPath = 'basic';

/** Why a text is not an e-mail address, or undefined when it may be one; Cognito and the mail itself decide the rest. */
export function emailProblem(email: string): string | undefined {
  const plain = /^[^\s@<>",;]+@[^\s@<>",;]+\.[^\s@<>",;.]+$/.test(email);
  return plain && email.length <= 254 ? undefined : `"${email}" is not an e-mail address`;
}
