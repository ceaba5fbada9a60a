import type { Config } from '../../model/config.ts';
import { SaasError } from '../../model/error.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Throttle, Tier } from '../../model/tier.ts';
import type { TenantRecord, TierItem } from '../registry/registry.ts';

export function tierOf(config: Config, name: string): Tier {
  const tier = config.tiers.find((candidate) => candidate.name === name);
  if (tier) return tier;
  throw new SaasError('unknown_tier', `no tier is named "${name}"`, {
    detail: `saas-ecs.yaml has: ${config.tiers.map((candidate) => candidate.name).join(', ')}`,
    hint: 'use one of them, or add the tier under tiers and run: saas-ecs deploy-shared',
    exitCode: 2,
  });
}

/** The limits that hold for a tier now: as last set, else as configured. */
export function liveThrottle(config: Config, tiers: readonly TierItem[], name: string): Throttle {
  const set = tiers.find((item) => item.tier === name)?.throttle;
  return (
    set ??
    config.tiers.find((tier) => tier.name === name)?.throttle ?? {
      rate: 0,
      burst: 0,
      quota: { limit: 0, period: 'day' },
    }
  );
}

/** The tenant as commands show it. */
export function toTenant(record: TenantRecord, config: Config, tiers: readonly TierItem[]): Tenant {
  const throttle = record.throttle ?? liveThrottle(config, tiers, record.tier);
  return {
    tenantId: record.tenantId,
    name: record.name,
    tier: record.tier,
    model: record.model,
    status: record.status,
    adminEmail: record.adminEmail,
    apiUrl: record.apiUrl ?? null,
    cell: record.cell ?? null,
    release: record.release ?? null,
    throttle: {
      rate: throttle.rate,
      burst: throttle.burst,
      quota: throttle.quota,
      source: record.throttle ? 'tenant' : 'tier',
    },
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    lastError: record.lastError ?? null,
    suspension: record.suspension
      ? { since: record.suspension.since, reason: record.suspension.reason ?? null }
      : null,
  };
}
