/** Stacks of silos, and the data that outlives them, against the registry's tenants. */
import { isSilo } from '../../model/tier.ts';
import { Stacks } from '../stacks.ts';
import type { Difference } from './finding.ts';
import type { World } from './world.ts';

export function stackDifferences(world: World): Difference[] {
  const { tenants, stacks, tables, userPools, context } = world;
  const service = new Stacks(context.target.client);
  const found: Difference[] = [];
  for (const [tenantId, stack] of stacks)
    if (!tenants.has(tenantId))
      found.push({
        kind: 'orphaned-stack',
        subject: stack,
        tenant: { id: tenantId },
        detail: 'a stack of no tenant',
        repair: 'delete the stack; its tables and its user pool stay',
        mend: () => service.remove(stack, { signal: context.signal }),
      });
  for (const tenant of tenants.values()) {
    const served = tenant.status === 'active' || tenant.status === 'suspended';
    if (!isSilo(tenant.model) || !served || world.underWay(tenant.tenantId) || stacks.has(tenant.tenantId))
      continue;
    found.push({
      kind: 'missing-stack',
      subject: world.subject(tenant),
      tenant: { id: tenant.tenantId, name: tenant.name },
      detail: 'the stack that serves it is gone; its data may be there',
      repair: `save its data, then take it out: saas-ecs offboard ${tenant.name} --export DIR`,
    });
  }
  for (const { name, tenantId } of tables)
    if (!tenants.has(tenantId))
      found.push({
        kind: 'orphaned-table',
        subject: name,
        tenant: { id: tenantId },
        detail: 'a table with the data of no tenant',
        repair: `aws dynamodb delete-table --table-name ${name}`,
      });
  for (const { id, tenantId } of userPools)
    if (!tenants.has(tenantId))
      found.push({
        kind: 'orphaned-user-pool',
        subject: id,
        tenant: { id: tenantId },
        detail: 'a user pool with the users of no tenant',
        repair: `aws cognito-idp update-user-pool --user-pool-id ${id} --deletion-protection INACTIVE && aws cognito-idp delete-user-pool --user-pool-id ${id}`,
      });
  return found;
}
