/** Groups, users and issuers against the registry's tenants. */
import { isTenantId } from '../../model/tenant-id.ts';
import { isSilo } from '../../model/tier.ts';
import type { Difference } from './finding.ts';
import type { World } from './world.ts';

export async function identityDifferences(world: World): Promise<Difference[]> {
  const { session, identity } = world;
  const { pool } = session.shared;
  return [...(await issuers(world)), ...(pool ? await pooled(world, pool, identity) : [])];
}

async function pooled(
  world: World,
  pool: NonNullable<World['session']['shared']['pool']>,
  identity: World['identity'],
): Promise<Difference[]> {
  const { tenants } = world;
  const { userPoolId } = pool;
  const found: Difference[] = [];
  const groups = new Set<string>();
  for await (const group of identity.groups(userPoolId)) groups.add(group);
  // Other groups may be the operator's own.
  for (const group of groups)
    if (isTenantId(group) && !(await isThere(world, group)))
      found.push({
        kind: 'orphaned-group',
        subject: group,
        tenant: { id: group },
        detail: `a group of no tenant in the pool's user pool`,
        repair: 'delete the group; users stay',
        mend: () => identity.deleteGroup(pool, group),
      });
  for await (const { username, tenantId } of identity.usersIn(userPoolId))
    if (tenantId !== undefined && !(await isThere(world, tenantId)))
      found.push({
        kind: 'orphaned-user',
        subject: username,
        tenant: { id: tenantId },
        detail: `a user of the tenant ${tenantId}, which is not there`,
        repair: `aws cognito-idp admin-delete-user --user-pool-id ${userPoolId} --username ${username}`,
      });
  for (const tenant of tenants.values()) {
    const served = tenant.status === 'active' || tenant.status === 'suspended';
    if (isSilo(tenant.model) || !served || world.underWay(tenant.tenantId) || groups.has(tenant.tenantId))
      continue;
    found.push({
      kind: 'missing-group',
      subject: world.subject(tenant),
      tenant: { id: tenant.tenantId, name: tenant.name },
      detail: "the pool's user pool has no group for it",
      repair: 'create the group, and put its users into it',
      async mend() {
        await identity.ensureGroup(pool, tenant.tenantId);
        for await (const user of identity.usersOf(pool, tenant.tenantId))
          await identity.joinGroup(pool, user.Username ?? '', tenant.tenantId);
      },
    });
  }
  return found;
}

/** Looked at again, since the pool was read after the registry. */
const isThere = async ({ tenants, session }: World, tenantId: string): Promise<boolean> => {
  if (tenants.has(tenantId)) return true;
  const tenant = await session.registry.tenant(tenantId);
  return tenant !== undefined && tenant.status !== 'offboarded';
};

async function issuers(world: World): Promise<Difference[]> {
  const { registry } = world.session;
  const found: Difference[] = [];
  for (const tenant of world.tenants.values()) {
    const pool = tenant.holdings?.pool;
    const served = tenant.status === 'active' || tenant.status === 'suspended';
    if (!pool || !served || world.underWay(tenant.tenantId)) continue;
    const known = await registry.issuer(pool.issuer);
    if (known?.tenantId === tenant.tenantId && known.clientId === pool.clientId) continue;
    found.push({
      kind: 'missing-issuer',
      subject: world.subject(tenant),
      tenant: { id: tenant.tenantId, name: tenant.name },
      detail: 'the authorizer does not trust the user pool of the tenant',
      repair: 'write its issuer into the registry',
      mend: () =>
        registry.putIssuer({ issuer: pool.issuer, clientId: pool.clientId, tenantId: tenant.tenantId }),
    });
  }
  return found;
}
