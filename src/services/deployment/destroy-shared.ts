import { SaasError } from '../../model/error.ts';
import { stackNames, withPrefix } from '../../model/names.ts';
import type { Context } from '../context.ts';
import { openSession, ownerTags } from '../session.ts';
import { describeEvent } from '../stack-events.ts';
import { Stacks } from '../stacks.ts';
import { watched } from '../watched.ts';

export interface DestroyPlan {
  /** In the order in which they go. */
  stacks: string[];
}

export interface DestroyedShared {
  stacks: { name: string; status: 'deleted'; durationMs: number }[];
  /** Resources that hold data and stay, as `<stack>: <type> <name>`. */
  kept: string[];
}

/** Readers go before those that they read from. */
const order = ['pool', 'sharedCluster', 'coreAppPlane', 'sharedInfra', 'controlPlane'] as const;

/**
 * Which stacks would go. Throws `tenants_left` while a tenant lives, and `foreign_stack` when a stack of that name
 * belongs to something else.
 */
export async function planDestruction(context: Context): Promise<DestroyPlan> {
  const { target } = context;
  const stacks = new Stacks(target.client);
  const found: string[] = [];
  for (const key of order) {
    const name = withPrefix(target.prefix, stackNames[key]);
    const stack = await stacks.describe(name);
    if (!stack) continue;
    const tags = new Map((stack.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    const foreign = Object.entries(ownerTags(context)).find(([key_, value]) => tags.get(key_) !== value);
    if (foreign)
      throw new SaasError(
        'foreign_stack',
        `the stack "${name}" does not belong to ${target.app} in ${target.environment.name}`,
        {
          detail: `its tag ${foreign[0]} is "${tags.get(foreign[0]) ?? ''}", not "${foreign[1]}"`,
          hint: 'use another environment, or a prefix in saas-ecs.yaml',
        },
      );
    found.push(name);
  }
  const registry = await openSession(context).then(
    (session) => session.registry,
    (error: unknown) => {
      // A destruction that was interrupted may have taken the parameters away already.
      if (error instanceof SaasError && error.code === 'not_deployed') return undefined;
      throw error;
    },
  );
  const left = registry ? await registry.tenants({ limit: 10 }) : { items: [], nextToken: undefined };
  if (left.items.length > 0)
    throw new SaasError(
      'tenants_left',
      `${left.nextToken ? 'more than ' : ''}${left.items.length} tenants are still there`,
      {
        detail: left.items.map((tenant) => `${tenant.name} (${tenant.tier}, ${tenant.status})`).join('\n'),
        hint: 'offboard them first: saas-ecs offboard NAME --confirm NAME',
      },
    );
  return { stacks: found };
}

/** Deletes the shared stacks, one after the other. Data (registry, artifacts, pool tables and users) stays. */
export async function destroyShared(context: Context, plan: DestroyPlan): Promise<DestroyedShared> {
  const { target, watch, signal } = context;
  const stacks = new Stacks(target.client);
  const kept: string[] = [];
  const done: DestroyedShared['stacks'] = [];
  watch({
    type: 'plan',
    title: `Taking down ${target.app} in ${target.environment.name}`,
    steps: plan.stacks.map((stack) => ({ step: stack, title: `Delete ${stack}` })),
  });
  for (const name of plan.stacks) {
    const startedAt = performance.now();
    await watched(watch, name, `Delete ${name}`, () =>
      stacks.remove(name, {
        signal,
        onEvent(event) {
          if (event.ResourceStatus === 'DELETE_SKIPPED')
            kept.push(`${name}: ${event.ResourceType} ${event.PhysicalResourceId}`);
          const text = describeEvent(event);
          if (text !== undefined) watch({ type: 'detail', step: name, text });
        },
      }),
    );
    done.push({ name, status: 'deleted', durationMs: Math.round(performance.now() - startedAt) });
  }
  return { stacks: done, kept };
}
