/** Slots of the cells, and the listener rules that they are the priorities of, against the registry's tenants. */
import {
  DeleteRuleCommand,
  DescribeRulesCommand,
  type DescribeRulesCommandOutput,
  ElasticLoadBalancingV2Client,
  type Rule,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { isTenantId } from '../../model/tenant-id.ts';
import { isSilo } from '../../model/tier.ts';
import type { CellItem } from '../registry/registry.ts';
import type { Difference } from './finding.ts';
import type { World } from './world.ts';

export async function placementDifferences(world: World): Promise<Difference[]> {
  const { session, context } = world;
  const balancer = new ElasticLoadBalancingV2Client(context.target.client);
  const found: Difference[] = [];
  for (const cell of await session.registry.cells()) {
    const slots = await session.registry.slots(cell.name);
    const rules = await rulesOf(balancer, cell);
    for (const { arn, priority, tenantId } of rules) {
      if (!(await isGone(world, tenantId))) continue;
      found.push({
        kind: 'orphaned-rule',
        subject: arn,
        tenant: { id: tenantId },
        detail: `a listener rule of ${cell.name} (priority ${priority}) for the tenant ${tenantId}, which is not there`,
        repair: 'delete the rule',
        mend: async () => {
          await balancer.send(new DeleteRuleCommand({ RuleArn: arn })).catch((error: unknown) => {
            if (!(error instanceof Error && error.name.startsWith('RuleNotFound'))) throw error;
          });
        },
      });
    }
    for (const [slot, owner] of slots) {
      const tenantId = owner.split('/')[0] ?? '';
      if (!isTenantId(tenantId) || !(await isGone(world, tenantId))) continue;
      found.push({
        kind: 'orphaned-slot',
        subject: `${cell.name} slot ${slot}`,
        tenant: { id: tenantId },
        detail: `held for ${owner}, whose tenant is not there`,
        repair: 'free the slot',
        async mend() {
          // A rule that still has the priority would meet the next tenant's.
          if ((await rulesOf(balancer, cell)).some(({ priority }) => priority === slot))
            throw new Error(`a listener rule still has the priority ${slot}`);
          await session.registry.freeSlot(cell.name, slot, owner);
        },
      });
    }
    found.push(...missing(world, cell, slots, rules));
  }
  return found;
}

/** A rule whose slot the registry does not hold for its tenant: the next onboarding may take the same priority. */
function missing(
  world: World,
  cell: CellItem,
  slots: ReadonlyMap<number, string>,
  rules: readonly TenantRule[],
): Difference[] {
  const found: Difference[] = [];
  for (const { priority, tenantId } of rules) {
    const tenant = world.tenants.get(tenantId);
    if (!tenant || !isSilo(tenant.model) || world.underWay(tenantId)) continue;
    const owner = slots.get(priority);
    if (owner?.startsWith(`${tenantId}/`)) continue;
    const base = {
      kind: 'missing-slot' as const,
      subject: world.subject(tenant),
      tenant: { id: tenantId, name: tenant.name },
      detail: `a listener rule of ${cell.name} has the priority ${priority}, whose slot is held ${owner === undefined ? 'by nobody' : `for ${owner}`}`,
    };
    found.push(
      owner === undefined
        ? {
            ...base,
            repair: 'hold the slot for it',
            mend: async () => {
              await world.session.registry.takeSlots(
                cell.name,
                new Map([[priority, `${tenantId}/rule-${priority}`]]),
              );
            },
          }
        : {
            ...base,
            repair: `saas-ecs describe-tenant ${tenant.name}, and compare the rules of both tenants`,
          },
    );
  }
  return found;
}

interface TenantRule {
  arn: string;
  priority: number;
  tenantId: string;
}

/** The rules that lead to one tenant, by the header that the gateway sets. */
async function rulesOf(balancer: ElasticLoadBalancingV2Client, cell: CellItem): Promise<TenantRule[]> {
  const found: TenantRule[] = [];
  let Marker: string | undefined;
  do {
    const page: DescribeRulesCommandOutput = await balancer.send(
      new DescribeRulesCommand({ ListenerArn: cell.listenerArn, ...(Marker && { Marker }) }),
    );
    for (const rule of page.Rules ?? []) {
      const tenantId = tenantPathOf(rule);
      if (tenantId !== undefined && isTenantId(tenantId))
        found.push({ arn: rule.RuleArn ?? '', priority: Number(rule.Priority), tenantId });
    }
    Marker = page.NextMarker;
  } while (Marker);
  return found;
}

const tenantPathOf = ({ Conditions = [] }: Rule): string | undefined =>
  Conditions.find(({ HttpHeaderConfig }) => HttpHeaderConfig?.HttpHeaderName?.toLowerCase() === 'tenantpath')
    ?.HttpHeaderConfig?.Values?.[0];

/** Looked at again, since cells were read after the registry. */
const isGone = async ({ tenants, session }: World, tenantId: string): Promise<boolean> => {
  if (tenants.has(tenantId)) return false;
  const tenant = await session.registry.tenant(tenantId);
  return tenant === undefined || tenant.status === 'offboarded';
};
