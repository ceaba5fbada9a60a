import { randomInt } from 'node:crypto';
import { ExitCode, SaasError } from '../../model/error.ts';
import { type IssuerItem, registryKeys, type TenantItem, tenantIndexKey } from '../../model/registry.ts';
import type { TenantStatus } from '../../model/tenant.ts';
import type { Throttle } from '../../model/tier.ts';
import type { Operation } from '../operation.ts';
import { isConditionFailure, type Page, type RegistryTable } from './table.ts';

/** The tenant item with what only the operations read. */
export interface TenantRecord extends TenantItem {
  /** The operation under way or last failed; gone once it succeeded. */
  operation?: Operation;
}

export interface CellItem {
  name: string;
  restApiId: string;
  stage: string;
  listenerArn: string;
  loadBalancerArn: string;
  loadBalancerSecurityGroupId: string;
}

export interface ReleaseItem {
  release: string;
  createdAt: string;
  /** Tier name -> object key of its template in the artifacts bucket. */
  templates: Record<string, string>;
  /** Service name (and `proxy`) -> image URI. */
  images: Record<string, string>;
  /** Services that take a target-group slot of the cell. */
  routed: string[];
}

export interface TierItem {
  tier: string;
  usagePlanId: string;
  throttle: Throttle;
  /** The configuration's limits when these were set: once the configuration changes, it holds again. */
  configured: Throttle;
}

export interface PlanItem {
  usagePlanId: string;
  throttle: Throttle;
}

const tenantIdAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Ten characters, the first a letter: fits every AWS name that it becomes part of, and says nothing about the tenant. */
export function newTenantId(): string {
  const pick = (count: number): string => tenantIdAlphabet[randomInt(count)] ?? 'a';
  return pick(24) + Array.from({ length: 9 }, () => pick(tenantIdAlphabet.length)).join('');
}

/** The source of truth for operations: what exists, who works on it, and what may come next. */
export class Registry {
  readonly #table: RegistryTable;
  constructor(table: RegistryTable) {
    this.#table = table;
  }

  async tenant(tenantId: string): Promise<TenantRecord | undefined> {
    return this.#table.get<TenantRecord>(registryKeys.tenant(tenantId));
  }

  /** The tenant that holds a name, be it half-made. */
  async tenantIdOf(name: string): Promise<string | undefined> {
    return (await this.#table.get<{ tenantId: string }>(registryKeys.name(name)))?.tenantId;
  }

  /** By id or name; throws `tenant_not_found`. */
  async findTenant(reference: string): Promise<TenantRecord> {
    const tenantId = await this.tenantIdOf(reference);
    const tenant = await this.tenant(tenantId ?? reference);
    if (tenant && (tenantId !== undefined || tenant.status !== 'offboarded' || tenant.tenantId === reference))
      return tenant;
    throw new SaasError('tenant_not_found', `no tenant has the name or id "${reference}"`, {
      hint: 'see all of them with: saas-ecs list-tenants',
      exitCode: ExitCode.notFound,
    });
  }

  /** Locks a name for a tenant id; gives the id that holds it: the one given, or an earlier run's. */
  async lockName(name: string, tenantId: string): Promise<string> {
    try {
      await this.#table.put(
        { ...registryKeys.name(name), tenantId },
        { expression: 'attribute_not_exists(pk)' },
      );
      return tenantId;
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      return (await this.tenantIdOf(name)) ?? this.lockName(name, tenantId);
    }
  }

  async releaseName(name: string, tenantId: string): Promise<void> {
    try {
      await this.#table.delete(registryKeys.name(name), {
        expression: 'attribute_not_exists(pk) OR tenantId = :id',
        values: { ':id': tenantId },
      });
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }
  }

  /** Creates the tenant's item, or gives the one that is there. */
  async createTenant(item: Omit<TenantRecord, 'pk' | 'sk' | 'gsi1pk' | 'gsi1sk'>): Promise<TenantRecord> {
    const record: TenantRecord = {
      ...registryKeys.tenant(item.tenantId),
      ...tenantIndexKey(item.createdAt, item.tenantId),
      ...item,
    };
    try {
      await this.#table.put(record, { expression: 'attribute_not_exists(pk)' });
      return record;
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      const existing = await this.tenant(item.tenantId);
      if (!existing) throw error;
      return existing;
    }
  }

  /**
   * Changes a tenant's item. With `holder`, only while that operation holds the tenant's lease: an operator who
   * lost it can't write any more.
   */
  async updateTenant(
    tenantId: string,
    changes: Partial<TenantRecord>,
    holder?: string,
  ): Promise<TenantRecord> {
    try {
      return await this.#table.update<TenantRecord>(
        registryKeys.tenant(tenantId),
        changes,
        holder === undefined
          ? { expression: 'attribute_exists(pk)' }
          : { expression: '#operation.#holder = :holder', values: { ':holder': holder } },
      );
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      throw new SaasError('lease_lost', `another operator has taken over the work on tenant "${tenantId}"`, {
        hint: `see what it does: saas-ecs describe-tenant ${tenantId}`,
        cause: error,
      });
    }
  }

  /** Puts an operation on a tenant if `condition` (on the operation that is there) still holds; false when it does not. */
  async claimTenant(
    tenantId: string,
    changes: Partial<TenantRecord>,
    seen: Operation | undefined,
  ): Promise<TenantRecord | undefined> {
    try {
      return await this.#table.update<TenantRecord>(
        registryKeys.tenant(tenantId),
        changes,
        seen === undefined
          ? { expression: 'attribute_exists(pk) AND attribute_not_exists(#operation)' }
          : {
              expression: '#operation.#holder = :holder AND #operation.leaseUntil = :until',
              values: { ':holder': seen.holder, ':until': seen.leaseUntil },
            },
      );
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }

  /** Tenants in order of creation; `offboarded` ones are in a list of their own. */
  async tenants(
    options: { limit?: number; nextToken?: string; offboarded?: boolean } = {},
  ): Promise<Page<TenantRecord>> {
    const { offboarded, ...page } = options;
    try {
      return await this.#table.page<TenantRecord>(offboarded ? 'OFFBOARDED' : 'TENANTS', {
        ...page,
        index: true,
      });
    } catch (error) {
      if (
        options.nextToken === undefined ||
        !(error instanceof SyntaxError || (error instanceof Error && /Exception|TypeError/.test(error.name)))
      )
        throw error;
      throw new SaasError('bad_next_token', `"${options.nextToken}" is not a token that list-tenants gave`, {
        hint: 'use the nextToken of the previous page, or leave it out',
        exitCode: ExitCode.usage,
        cause: error,
      });
    }
  }

  /** Keeps the tenant's record as history, out of the list of those that live. */
  async retireTenant(tenantId: string, at: string, holder: string): Promise<TenantRecord> {
    const status: TenantStatus = 'offboarded';
    return this.updateTenant(
      tenantId,
      {
        status,
        updatedAt: at,
        gsi1pk: 'OFFBOARDED',
        ...({
          operation: undefined,
          lastError: undefined,
          apiKeyId: undefined,
          usagePlanId: undefined,
        } as object),
      },
      holder,
    );
  }

  async putIssuer(issuer: Omit<IssuerItem, 'pk' | 'sk'>): Promise<void> {
    await this.#table.put({ ...registryKeys.issuer(issuer.issuer), ...issuer });
  }

  async deleteIssuer(issuer: string): Promise<void> {
    await this.#table.delete(registryKeys.issuer(issuer));
  }

  async cells(): Promise<CellItem[]> {
    return this.#table.all<CellItem>('CELLS', 'CELL#');
  }

  async putCell(cell: CellItem): Promise<void> {
    await this.#table.put({ ...registryKeys.cell(cell.name), ...cell });
  }

  async slots(cell: string): Promise<Map<number, string>> {
    const items = await this.#table.all<{ slot: number; owner: string }>(`CELL#${cell}`, 'SLOT#');
    return new Map(items.map((item) => [item.slot, item.owner]));
  }

  /** Takes one slot for an owner; false when another has it. */
  async takeSlot(cell: string, slot: number, owner: string): Promise<boolean> {
    try {
      await this.#table.put(
        { ...registryKeys.slot(cell, slot), slot, owner },
        { expression: 'attribute_not_exists(pk) OR #owner = :owner', values: { ':owner': owner } },
      );
      return true;
    } catch (error) {
      if (isConditionFailure(error)) return false;
      throw error;
    }
  }

  async freeSlot(cell: string, slot: number): Promise<void> {
    await this.#table.delete(registryKeys.slot(cell, slot));
  }

  /** Newest first. */
  async releases(): Promise<ReleaseItem[]> {
    const items = await this.#table.all<ReleaseItem>('RELEASES', 'RELEASE#');
    return items.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  }

  async release(release: string): Promise<ReleaseItem | undefined> {
    return this.#table.get<ReleaseItem>(registryKeys.release(release));
  }

  async putRelease(release: ReleaseItem): Promise<void> {
    await this.#table.put({ ...registryKeys.release(release.release), ...release });
  }

  /** A tier's live limits and usage plan. */
  async tiers(): Promise<TierItem[]> {
    return this.#table.all<TierItem>('TIERS', 'TIER#');
  }

  async putTier(tier: TierItem): Promise<void> {
    await this.#table.put({ ...registryKeys.tier(tier.tier), ...tier });
  }

  async deleteTier(tier: string): Promise<void> {
    await this.#table.delete(registryKeys.tier(tier));
  }

  async plan(throttle: Throttle): Promise<PlanItem | undefined> {
    return this.#table.get<PlanItem>(planKey(throttle));
  }

  async plans(): Promise<PlanItem[]> {
    return this.#table.all<PlanItem>('PLANS', 'PLAN#');
  }

  async putPlan(plan: PlanItem): Promise<void> {
    await this.#table.put({ ...planKey(plan.throttle), ...plan });
  }

  async recordOperation(
    tenantId: string,
    operation: Operation & { endedAt: string; outcome: string },
  ): Promise<void> {
    await this.#table.put({ ...registryKeys.operation(tenantId, operation.id), ...operation });
  }
}

const planKey = ({ rate, burst, quota }: Throttle) =>
  registryKeys.plan(rate, burst, `${quota.limit}/${quota.period}`);
