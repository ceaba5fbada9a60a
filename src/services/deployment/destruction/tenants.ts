import { SaasError } from '../../../model/error.ts';
import type { Tenant } from '../../../model/tenant.ts';
import type { Context } from '../../context.ts';
import { Registry } from '../../registry/registry.ts';
import { RegistryTable } from '../../registry/table.ts';
import { registryTableOf } from '../../shared-outputs.ts';
import { environmentFlag } from '../../stopped.ts';
import { offboard } from '../../tenants/offboard.ts';
import { each } from './pages.ts';

export type LivingTenant = Pick<Tenant, 'tenantId' | 'name' | 'tier' | 'model' | 'status'>;

/** Stacks of silos that are deleted at once; CloudFormation and ECS bear more, an operator's patience does not. */
const atOnce = 4;

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

/** Tenants that are not offboarded, be they half-made. */
export async function livingTenants(context: Pick<Context, 'target'>): Promise<LivingTenant[]> {
  const table = await registryTableOf(context.target);
  if (table === undefined) return [];
  const registry = new Registry(new RegistryTable(context.target.client, table));
  const tenants: LivingTenant[] = [];
  let nextToken: string | undefined;
  do {
    const page = await registry
      .tenants({ limit: 100, ...(nextToken !== undefined && { nextToken }) })
      .catch((error: unknown) => {
        // A stack whose creation failed has named a table and taken it back.
        if (isNamed(error, 'ResourceNotFoundException')) return { items: [], nextToken: undefined };
        throw error;
      });
    for (const { tenantId, name, tier, model, status } of page.items)
      tenants.push({ tenantId, name, tier, model, status });
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return tenants;
}

/** Offboards them all, without export; one that fails does not keep the others in. Throws `tenants_left`. */
export async function offboardAll(
  context: Context,
  step: string,
  tenants: readonly LivingTenant[],
): Promise<void> {
  const failed: { tenant: LivingTenant; reason: string }[] = [];
  let done = 0;
  await each(tenants, atOnce, context.signal, async (tenant) => {
    const quiet: Context = {
      ...context,
      watch(event) {
        if (event.type === 'step-started')
          context.watch({ type: 'detail', step, text: `${tenant.name}: ${event.title}` });
        if (event.type === 'note') context.watch(event);
      },
    };
    try {
      await offboard(quiet, { tenant: tenant.tenantId });
      done++;
      context.watch({ type: 'detail', step, text: `${tenant.name} is gone (${done} of ${tenants.length})` });
    } catch (error) {
      if (context.signal.aborted) throw error;
      // Somebody else has offboarded it since it was listed.
      if (error instanceof SaasError && ['tenant_gone', 'tenant_not_found'].includes(error.code)) return;
      failed.push({ tenant, reason: error instanceof Error ? error.message : String(error) });
    }
  });
  if (failed.length === 0) return;
  throw new SaasError(
    'tenants_left',
    `${failed.length} of ${tenants.length} tenants could not be offboarded`,
    {
      detail: failed.map(({ tenant, reason }) => `${tenant.name}: ${reason}`).join('\n'),
      hint: `nothing that tenants share was deleted; see why: saas-ecs explain ${failed[0]?.tenant.name ?? ''}${environmentFlag(context)}, then run the same command again`,
    },
  );
}
