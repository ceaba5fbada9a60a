/** API keys, and the plans that they are on, against the registry's tenants. */
import type { Difference } from './finding.ts';
import type { World } from './world.ts';

export async function keyDifferences(world: World): Promise<Difference[]> {
  const { plans, tags, session } = world;
  const found: Difference[] = [];
  const keys = new Map<string, string>();
  for await (const key of plans.keys()) {
    if (!Object.entries(tags).every(([name, value]) => key.tags[name] === value)) continue;
    keys.set(key.tenantId, key.id);
    const tenant = world.tenants.get(key.tenantId) ?? (await session.registry.tenant(key.tenantId));
    if (tenant && tenant.status !== 'offboarded') continue;
    found.push({
      kind: 'orphaned-key',
      subject: key.id,
      tenant: { id: key.tenantId },
      detail: `the API key of the tenant ${key.tenantId}, which is not there`,
      repair: 'delete the key',
      mend: () => plans.deleteKey(key.id),
    });
  }
  const onPlan = new Map<string, Set<string> | undefined>();
  for (const tenant of world.tenants.values()) {
    if (tenant.status !== 'active' || world.underWay(tenant.tenantId)) continue;
    const base = { subject: world.subject(tenant), tenant: { id: tenant.tenantId, name: tenant.name } };
    const keyId = keys.get(tenant.tenantId);
    const mend = async (): Promise<void> => {
      const key = await world.gatekeeper.ensureKey({ tenantId: tenant.tenantId, cell: tenant.cell ?? '' });
      await session.registry.updateTenant(tenant.tenantId, { ...key });
    };
    if (keyId === undefined || keyId !== tenant.apiKeyId) {
      found.push({
        ...base,
        kind: 'missing-key',
        detail:
          keyId === undefined
            ? 'it has no API key, so the gateway refuses its requests'
            : `the registry names another API key than the one that is there (${keyId})`,
        repair: "make the key, put it on the tenant's plan, and write it down",
        mend,
      });
      continue;
    }
    const planId = tenant.usagePlanId ?? '';
    if (!onPlan.has(planId)) onPlan.set(planId, planId ? await plans.keysOn(planId) : undefined);
    if (onPlan.get(planId)?.has(keyId)) continue;
    found.push({
      ...base,
      kind: 'key-without-plan',
      detail: `its API key is not on its usage plan (${planId || 'none'})`,
      repair: 'put the key on the plan',
      mend,
    });
  }
  return found;
}
