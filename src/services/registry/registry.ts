import { ExitCode, SaasError } from '../../model/error.ts';
import { type IssuerItem, registryKeys, tenantIndexKey } from '../../model/registry.ts';
import type { Throttle } from '../../model/tier.ts';
import type { Operation } from '../lease.ts';
import { positionOf, tokenOf } from './page-token.ts';
import type {
  CellItem,
  Ending,
  PastOperation,
  PlanItem,
  ReleaseItem,
  TenantChanges,
  TenantPage,
  TenantRecord,
  TierItem,
} from './records.ts';
import {
  type Condition,
  isConditionFailure,
  type RegistryTable,
  refusedWrites,
  type Write,
} from './table.ts';

export type * from './records.ts';

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

  /**
   * By id or name; an id comes first, so that no other tenant's name can stand for it. Offboarded tenants are found
   * by their id alone. Throws `tenant_not_found`.
   */
  async findTenant(reference: string): Promise<TenantRecord> {
    const [byId, named] = await Promise.all([this.tenant(reference), this.tenantIdOf(reference)]);
    if (byId && byId.status !== 'offboarded') return byId;
    const byName = named === undefined ? undefined : await this.tenant(named);
    const tenant = byName && byName.status !== 'offboarded' ? byName : byId;
    if (tenant) return tenant;
    throw new SaasError('tenant_not_found', `no tenant has the name or id "${reference}"`, {
      hint: 'see all of them with: saas-ecs list-tenants',
      exitCode: ExitCode.notFound,
    });
  }

  async releaseName(name: string, tenantId: string): Promise<void> {
    try {
      await this.#table.delete(registryKeys.name(name), ownedBy(tenantId));
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }
  }

  /**
   * Takes the tenant's name and creates its item: both, or neither and undefined when one of them is there. Only while the
   * condition of `provided` holds, else it throws what the transaction throws.
   */
  async createTenant(
    item: Omit<TenantRecord, 'pk' | 'sk' | 'gsi1pk' | 'gsi1sk'>,
    provided: readonly Write[] = [],
  ): Promise<TenantRecord | undefined> {
    const { tenantId, name, createdAt } = item;
    const record: TenantRecord = {
      ...registryKeys.tenant(tenantId),
      ...tenantIndexKey(createdAt, tenantId),
      ...item,
    };
    const writes: Write[] = [
      { put: { ...registryKeys.name(name), tenantId }, condition: ownedBy(tenantId) },
      { put: { ...record }, condition: { expression: 'attribute_not_exists(pk)' } },
    ];
    try {
      await this.#table.transact([...writes, ...provided]);
      return record;
    } catch (error) {
      if (!refusedWrites(error).some((index) => index < writes.length)) throw error;
      // The answer to an earlier try of the same call may have been lost on the way.
      const there = await this.tenant(tenantId);
      const ours = item.operation !== undefined && there?.operation?.holder === item.operation.holder;
      return ours ? there : undefined;
    }
  }

  /**
   * Changes a tenant's item. With `holder`, only while that operation holds the tenant's lease: an operator who
   * lost it can't write any more.
   */
  async updateTenant(tenantId: string, changes: TenantChanges, holder?: string): Promise<TenantRecord> {
    try {
      return await this.#table.update<TenantRecord>(
        registryKeys.tenant(tenantId),
        changes,
        holder === undefined ? { expression: 'attribute_exists(pk)' } : heldBy(holder),
      );
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      throw leaseLost(tenantId, error);
    }
  }

  /** Changes the item of a tenant whose lease `holder` has and makes further writes: all of it or nothing. */
  async updateTenantWith(
    tenant: TenantRecord,
    changes: TenantChanges,
    holder: string,
    further: readonly Write[],
  ): Promise<TenantRecord> {
    const { tenantId } = tenant;
    try {
      await this.#table.transact([
        { update: registryKeys.tenant(tenantId), changes, condition: heldBy(holder) },
        ...further,
      ]);
    } catch (error) {
      if (refusedWrites(error).includes(0)) throw leaseLost(tenantId, error);
      throw error;
    }
    return changed(tenant, changes);
  }

  /** Changes a tenant's item if it still is as it was seen, its operation included; undefined when it is not. */
  async claimTenant(seen: TenantRecord, changes: TenantChanges): Promise<TenantRecord | undefined> {
    const { operation } = seen;
    const unchanged = '#status = :seenStatus AND #updatedAt = :seenAt';
    const values = { ':seenStatus': seen.status, ':seenAt': seen.updatedAt };
    try {
      return await this.#table.update<TenantRecord>(
        registryKeys.tenant(seen.tenantId),
        changes,
        operation === undefined
          ? { expression: `${unchanged} AND attribute_not_exists(#operation)`, values }
          : {
              expression: `${unchanged} AND #operation.#holder = :seenHolder AND #operation.leaseUntil = :seenUntil`,
              values: { ...values, ':seenHolder': operation.holder, ':seenUntil': operation.leaseUntil },
            },
      );
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }

  /**
   * Takes an operation that is done off its tenant, gives the tenant what it ends as, and keeps the operation as
   * history: all of it or nothing, `changes` and further `writes` included. A retired tenant leaves the list of those that
   * live, and its name is free again.
   * Throws `lease_lost`.
   */
  async endOperation(
    tenant: TenantRecord,
    operation: Operation,
    {
      ending,
      at,
      changes: last = {},
      writes: further = [],
    }: { ending: Ending; at: string; changes?: TenantChanges; writes?: Write[] },
  ): Promise<TenantRecord> {
    const { tenantId, name } = tenant;
    const changes: TenantChanges = {
      ...last,
      updatedAt: at,
      operation: undefined,
      lastError: undefined,
      ...(ending === 'active' || ending === 'suspended' ? { status: ending } : {}),
      ...(ending === 'retired' && {
        status: 'offboarded',
        gsi1pk: 'OFFBOARDED',
        apiKeyId: undefined,
        usagePlanId: undefined,
        holdings: undefined,
        suspension: undefined,
      }),
    };
    // What a step left for the next one may be personal; who did what when is not.
    const { data: _, leaseUntil: __, ...journal } = operation;
    const writes: Write[] = [
      { update: registryKeys.tenant(tenantId), changes, condition: heldBy(operation.holder) },
      { put: { ...registryKeys.operation(tenantId, operation.id), ...journal, endedAt: at } },
    ];
    const release: Write = { delete: registryKeys.name(name), condition: ownedBy(tenantId) };
    try {
      await this.#table.transact([...writes, ...further, ...(ending === 'retired' ? [release] : [])]);
    } catch (error) {
      const refused = refusedWrites(error);
      if (refused.includes(0)) throw leaseLost(tenantId, error);
      // The name is another tenant's by now: there is nothing to free.
      if (ending !== 'retired' || !refused.includes(writes.length + further.length)) throw error;
      await this.#table.transact([...writes, ...further]);
    }
    return changed(tenant, changes);
  }

  /** Tenants in order of creation; `offboarded` ones are in a list of their own. Throws `bad_next_token`. */
  async tenants(
    options: { limit?: number; nextToken?: string; offboarded?: boolean } = {},
  ): Promise<TenantPage> {
    const { offboarded, limit, nextToken } = options;
    const list = offboarded ? 'OFFBOARDED' : 'TENANTS';
    const { items, last } = await this.#table.page<TenantRecord>(list, {
      index: true,
      ...(limit !== undefined && { limit }),
      ...(nextToken !== undefined && { start: positionOf(nextToken, list) }),
    });
    return { items, nextToken: last && tokenOf(last as unknown as TenantRecord) };
  }

  /** The write that makes an issuer trusted. */
  trusting(issuer: Omit<IssuerItem, 'pk' | 'sk'>): Write {
    return { put: { ...registryKeys.issuer(issuer.issuer), ...issuer } };
  }

  async putIssuer(issuer: Omit<IssuerItem, 'pk' | 'sk'>): Promise<void> {
    await this.#table.transact([this.trusting(issuer)]);
  }

  /** What the control plane tells of names that have no configuration of their own; JSON. */
  async putSharedTenantConfig(tenantConfig: string): Promise<void> {
    await this.#table.put({ ...registryKeys.sharedTenantConfig(), tenantConfig });
  }

  async issuer(issuer: string): Promise<IssuerItem | undefined> {
    return this.#table.get<IssuerItem>(registryKeys.issuer(issuer));
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

  /** Takes slots, each for its owner: all of them, or none and false when another has one of them. */
  async takeSlots(cell: string, owners: ReadonlyMap<number, string>): Promise<boolean> {
    try {
      await this.#table.transact(
        [...owners].map(([slot, owner]) => ({
          put: { ...registryKeys.slot(cell, slot), slot, owner },
          condition: {
            expression: 'attribute_not_exists(pk) OR #owner = :owner',
            values: { ':owner': owner },
          },
        })),
      );
      return true;
    } catch (error) {
      if (refusedWrites(error).length > 0) return false;
      throw error;
    }
  }

  /** Gives a slot back if the owner has it. */
  async freeSlot(cell: string, slot: number, owner: string): Promise<void> {
    try {
      await this.#table.delete(registryKeys.slot(cell, slot), {
        expression: '#owner = :owner',
        values: { ':owner': owner },
      });
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }
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

  /** The tiers whose live limits differ from the configuration's. */
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

  /** An operation of a tenant that ended well. */
  async pastOperation(tenantId: string, operationId: string): Promise<PastOperation | undefined> {
    return this.#table.get<PastOperation>(registryKeys.operation(tenantId, operationId));
  }

  /** The operations of a tenant that ended well, oldest first. */
  async operations(tenantId: string): Promise<PastOperation[]> {
    return this.#table.all<PastOperation>(registryKeys.operation(tenantId, '').pk, 'OPERATION#');
  }
}

/** The tenant as it is after changes to its item. */
export const changed = (tenant: TenantRecord, changes: TenantChanges): TenantRecord =>
  Object.fromEntries(
    Object.entries({ ...tenant, ...changes }).filter(([, value]) => value !== undefined),
  ) as unknown as TenantRecord;

const leaseLost = (tenantId: string, cause: unknown): SaasError =>
  new SaasError('lease_lost', `another operator has taken over the work on tenant "${tenantId}"`, {
    hint: `see what it does: saas-ecs describe-tenant ${tenantId}`,
    cause,
  });

const heldBy = (holder: string): Condition => ({
  expression: '#operation.#holder = :holder',
  values: { ':holder': holder },
});

const ownedBy = (tenantId: string): Condition => ({
  expression: 'attribute_not_exists(pk) OR tenantId = :owner',
  values: { ':owner': tenantId },
});

const planKey = ({ rate, burst, quota }: Throttle) =>
  registryKeys.plan(rate, burst, `${quota.limit}/${quota.period}`);
