/** Limits: of a tier, shared by its tenants' keys one by one, and of a single tenant by an override. */
import { SaasError } from '../model/error.ts';
import { type Throttle, tierPlan } from '../model/tier.ts';
import { type Act, audited } from './audit/audited.ts';
import { cellOf } from './cells/placement.ts';
import type { Context } from './context.ts';
import { runOperation } from './operation.ts';
import type { CellItem } from './registry/registry.ts';
import { openSession, ownerTags, type Session } from './session.ts';
import { liveThrottle, tierOf } from './tenants/view.ts';
import { UsagePlans } from './usage-plans.ts';

export interface Limits extends Throttle {
  scope: 'tier' | 'tenant';
  name: string;
}

/** What an operator changes; the rest stays as it is. */
export interface ThrottleChange {
  rate?: number;
  burst?: number;
  quota?: Throttle['quota'];
}

/** Every tier's limits, then those of the tenants that differ from their tier. */
export async function showLimits(context: Context): Promise<Limits[]> {
  const { registry } = await openSession(context);
  const tiers = await registry.tiers();
  const limits: Limits[] = context.config.tiers.map((tier) => ({
    scope: 'tier',
    name: tier.name,
    ...liveThrottle(context.config, tiers, tier.name),
  }));
  let nextToken: string | undefined;
  do {
    const page = await registry.tenants({ limit: 500, ...(nextToken !== undefined && { nextToken }) });
    for (const tenant of page.items)
      if (tenant.throttle) limits.push({ scope: 'tenant', name: tenant.name, ...tenant.throttle });
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return limits;
}

export async function tenantLimits(context: Context, reference: string): Promise<Limits> {
  const { registry } = await openSession(context);
  const tenant = await registry.findTenant(reference);
  return {
    scope: 'tenant',
    name: tenant.name,
    ...(tenant.throttle ?? liveThrottle(context.config, await registry.tiers(), tenant.tier)),
  };
}

/** Changes a tier's limits, for all its tenants without an override; takes effect without a deployment. */
export async function throttleTier(
  context: Context,
  name: string,
  change: ThrottleChange | 'reset',
): Promise<Limits> {
  return audited(context, { action: 'throttle', parameters: { tier: name, ...inWords(change) } }, () =>
    changeTier(context, name, change),
  );
}

const inWords = (change: ThrottleChange | 'reset'): Record<string, unknown> =>
  change === 'reset' ? { reset: true } : { ...change };

async function changeTier(context: Context, name: string, change: ThrottleChange | 'reset'): Promise<Limits> {
  const { registry } = await openSession(context);
  const tier = tierOf(context.config, name);
  const usagePlanIds = (await registry.cells()).map((cell) => tierPlan(cell, name));
  const throttle =
    change === 'reset'
      ? tier.throttle
      : merge(liveThrottle(context.config, await registry.tiers(), name), change);
  const plans = new UsagePlans(context.target.client);
  for (const usagePlanId of usagePlanIds) await plans.updatePlan(usagePlanId, throttle);
  if (change === 'reset') await registry.deleteTier(name);
  else await registry.putTier({ tier: name, throttle, configured: tier.throttle });
  return { scope: 'tier', name, ...throttle };
}

/** Gives one tenant limits of its own, or takes them back; its key moves from one usage plan to another. */
export async function throttleTenant(
  context: Context,
  reference: string,
  change: ThrottleChange | 'reset',
): Promise<Limits> {
  return audited(context, { action: 'throttle', tenant: reference, parameters: inWords(change) }, (act) =>
    changeTenant(context, reference, change, act),
  );
}

async function changeTenant(
  context: Context,
  reference: string,
  change: ThrottleChange | 'reset',
  act: Act,
): Promise<Limits> {
  const session = await openSession(context);
  const { registry } = session;
  const tenant = await registry.findTenant(reference);
  act.tenant = tenant;
  // A suspended tenant keeps its key and its limits for when it is resumed.
  if (!['active', 'suspended'].includes(tenant.status) || tenant.apiKeyId === undefined)
    throw new SaasError(
      'tenant_not_active',
      `tenant "${tenant.name}" is ${tenant.status}, so it has no limits to change`,
      {
        hint: `see it: saas-ecs describe-tenant ${tenant.name}`,
      },
    );
  const tiers = await registry.tiers();
  const tierThrottle = liveThrottle(context.config, tiers, tenant.tier);
  const throttle = change === 'reset' ? undefined : merge(tenant.throttle ?? tierThrottle, change);
  await runOperation<ThrottleData>(context, registry, tenant, {
    kind: 'throttle',
    title: `Changing the limits of ${tenant.name}`,
    onFailure: 'unchanged',
    steps: (claimed) => [
      {
        name: 'move-key',
        title: 'Move its key to the plan',
        // An earlier run that was killed may have been asked for other limits than this one.
        always: true,
        async run(data, tools) {
          const cell = await cellOf(registry, claimed);
          const planId = throttle
            ? await planFor(context, session, throttle, cell)
            : tierPlan(cell, tenant.tier);
          const maybeOn = new Set([...(data.maybeOn ?? []), claimed.usagePlanId ?? planId, planId]);
          data.maybeOn = [...maybeOn];
          await tools.save();
          await moveKey(context, claimed.apiKeyId ?? '', planId, data.maybeOn);
          await tools.save({ usagePlanId: planId, throttle });
        },
      },
    ],
    end: 'unchanged',
    act,
  });
  return { scope: 'tenant', name: tenant.name, ...(throttle ?? tierThrottle) };
}

interface ThrottleData {
  /** Plans that the key may be on: written down before it moves, since a run may be killed in between. */
  maybeOn: string[];
}

const merge = (current: Throttle, change: ThrottleChange): Throttle => ({
  rate: change.rate ?? current.rate,
  burst: change.burst ?? current.burst,
  quota: change.quota ?? current.quota,
});

/** Overrides with equal limits share a plan, so the 300 plans of a Region don't bound the tenants. */
async function planFor(
  context: Context,
  session: Session,
  throttle: Throttle,
  cell: CellItem,
): Promise<string> {
  const planId = await sharedPlan(context, session, throttle);
  await new UsagePlans(context.target.client).coverCell(planId, cell);
  return planId;
}

async function sharedPlan(context: Context, { registry }: Session, throttle: Throttle): Promise<string> {
  const known = await registry.plan(throttle);
  if (known) return known.usagePlanId;
  const { rate, burst, quota } = throttle;
  const name = `${context.target.app}-${context.target.environment.name}-${rate}-${burst}-${quota.limit}-${quota.period}`;
  const plans = new UsagePlans(context.target.client);
  // A run that was killed before it wrote its plan down has left one of that name.
  const usagePlanId =
    (await plans.findPlan(name)) ??
    (await plans.createPlan(name, throttle, await registry.cells(), ownerTags(context)));
  await registry.putPlan({ usagePlanId, throttle });
  return usagePlanId;
}

/** A key may be on one plan a stage only, so it leaves the old plan first; in between the tenant gets 403. */
async function moveKey(
  context: Context,
  keyId: string,
  planId: string,
  maybeOn: readonly string[],
): Promise<void> {
  const plans = new UsagePlans(context.target.client);
  for (const other of maybeOn) if (other !== planId) await plans.removeKey(other, keyId);
  await plans.addKey(planId, keyId);
}

export interface Burst {
  sent: number;
  passed: number;
  throttled: number;
  /** Neither 2xx nor 429, by status. */
  other: Record<string, number>;
  durationMs: number;
}

/** Most requests that one test sends. */
export const burstLimit = 1_000;

/** Sends a bounded burst to a URL, `atOnce` requests at a time, and counts what passed. */
export async function sendBurst(
  url: string,
  token: string,
  count: number,
  signal: AbortSignal,
  atOnce = 32,
): Promise<Burst> {
  const burst: Burst = { sent: 0, passed: 0, throttled: 0, other: {}, durationMs: 0 };
  const total = Math.min(count, burstLimit);
  const began = performance.now();
  const worker = async (): Promise<void> => {
    while (burst.sent < total && !signal.aborted) {
      burst.sent++;
      const status = await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
      })
        .then(async (response) => {
          await response.arrayBuffer();
          return response.status;
        })
        .catch(() => 0);
      if (status === 429) burst.throttled++;
      else if (status >= 200 && status < 300) burst.passed++;
      else burst.other[status] = (burst.other[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, total) }, worker));
  burst.durationMs = Math.round(performance.now() - began);
  return burst;
}
