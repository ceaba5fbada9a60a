/** What differs between the control plane, the registry and what is really there; and what mends it. */

export const findingKinds = [
  'unregistered-tenant',
  'registration-out-of-date',
  'registration-without-tenant',
  'tenant-of-deleted-registration',
  'orphaned-stack',
  'missing-stack',
  'orphaned-table',
  'orphaned-user-pool',
  'missing-issuer',
  'orphaned-group',
  'orphaned-user',
  'missing-group',
  'orphaned-key',
  'missing-key',
  'key-without-plan',
  'orphaned-rule',
  'orphaned-slot',
  'missing-slot',
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** `manual`: nothing but a person may do it, as it deletes data or needs a decision. */
export type FindingStatus = 'found' | 'repaired' | 'failed' | 'manual';

export interface Finding {
  kind: FindingKind;
  /** What it is about: a tenant as `name (id)`, or a resource by its name. */
  subject: string;
  detail: string;
  /** What mends it: in words where this does it, as a command where a person must. */
  repair: string;
  status: FindingStatus;
}

/** A difference with its repair; without one it is a person's. */
export interface Difference extends Omit<Finding, 'status'> {
  /** The tenant, for `--tenant`; a registration's where there is no tenant. */
  tenant: { id: string; name?: string | undefined };
  /** Safe to run at any time, and again; deletes no data. */
  mend?: () => Promise<void>;
}
