/** What the registry holds, as the operations read it. */
import type { CellOutputs } from '../../model/names.ts';
import type { TenantItem, TierItem } from '../../model/registry.ts';
import type { Throttle } from '../../model/tier.ts';
import type { Operation } from '../lease.ts';

export type { TierItem };

/** The tenant item with what only the operations read. */
export interface TenantRecord extends TenantItem {
  /** The operation under way or last failed; gone once it succeeded. */
  operation?: Operation;
  /** While it is suspended: since when (ISO 8601), and why, when that was said. */
  suspension?: { since: string; reason?: string };
  /** What a silo's stack made and deleting the stack does not take away. */
  holdings?: {
    pool: { userPoolId: string; clientId: string; issuer: string };
    /** Service name -> table. */
    tables: Record<string, string>;
    /** ARN of its KMS key, where it has one of its own. */
    encryptionKey?: string;
  };
}

/** What the end of an operation makes of its tenant: a status, nothing, or a record of the past. */
export type Ending = 'active' | 'suspended' | 'unchanged' | 'retired';

/** An attribute that is undefined here is removed. */
export type TenantChanges = { [Name in keyof TenantRecord]?: TenantRecord[Name] | undefined };

export interface TenantPage {
  items: TenantRecord[];
  /** Opaque; undefined on the last page. */
  nextToken: string | undefined;
}

/** A cell as its stack wrote it. */
export type CellItem = CellOutputs;

export interface ReleaseItem {
  release: string;
  createdAt: string;
  /** Tier name -> object key of its template in the artifacts bucket. */
  templates: Record<string, string>;
  /** Object key of the further cells' template. */
  cellTemplate: string;
  /** Service name (and `proxy`) -> image URI. */
  images: Record<string, string>;
  /** Services that take a target-group slot of the cell. */
  routed: string[];
  /** Digest of the configuration that it was last deployed with; an early release has none. */
  configuration?: string;
}

/** An operation as it is kept once it ended. */
export type PastOperation = Omit<Operation, 'data' | 'leaseUntil'> & { endedAt: string };

export interface PlanItem {
  usagePlanId: string;
  throttle: Throttle;
}
