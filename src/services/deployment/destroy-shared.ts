import { SaasError } from '../../model/error.ts';
import { type Act, endingOf, record } from '../audit/audited.ts';
import { AuditLog } from '../audit/log.ts';
import type { Context } from '../context.ts';
import { holdingEnvironment } from '../environment-lease.ts';
import { RegistryTable } from '../registry/table.ts';
import { registryTableOf } from '../shared-outputs.ts';
import { describeEvent } from '../stack-events.ts';
import { environmentFlag } from '../stopped.ts';
import { watched } from '../watched.ts';
import { type Belonging, kindsOf, told } from './destruction/belongings.ts';
import { removeImages } from './destruction/images.ts';
import { each } from './destruction/pages.ts';
import { goesAfterImages, type OwnStack, removeStack } from './destruction/stacks.ts';
import { type Survey, survey } from './destruction/survey.ts';
import { offboardAll } from './destruction/tenants.ts';

export interface DestroyOptions {
  /** Offboard the tenants that live, without export. */
  includeTenants: boolean;
  /** Delete what would outlive the stacks: registry, pool tables and users, artifacts, key secret. */
  deleteData: boolean;
}

/** What would go, and what would be kept. */
export type DestructionPlan = Survey;

export interface DestroyedShared {
  /** Names of the tenants that were offboarded. */
  tenants: string[];
  stacks: { name: string; status: 'deleted'; durationMs: number }[];
  /** What else was deleted, in words. */
  deleted: string[];
  /** What holds data and stays. */
  kept: Pick<Belonging, 'kind' | 'name' | 'size'>[];
  /** What should be gone and is not, in words; empty when all went well. */
  left: string[];
}

/**
 * Looks at what is there: no note of an earlier run is needed. Throws `tenants_left` while a tenant lives that is not
 * to go, and `stack_protected`.
 */
export async function planDestruction(context: Context, options: DestroyOptions): Promise<DestructionPlan> {
  const plan = await survey(context);
  if (!options.includeTenants) refuseTenants(plan, environmentFlag(context));
  return plan;
}

export const isNothing = ({ tenants, stacks, limits, logs, images }: DestructionPlan): boolean =>
  [tenants, stacks, limits, logs, images].every((of) => of.length === 0);

function refuseTenants({ tenants, stacks }: DestructionPlan, flag: string): void {
  const orphans = stacks.filter(({ tenantId }) => tenantId !== undefined);
  const count = tenants.length + orphans.length;
  if (count === 0) return;
  const most = 10;
  const lines = [
    ...tenants.map(({ name, tier, status }) => `${name} (${tier}, ${status})`),
    ...orphans.map(({ name, status }) => `the stack ${name} (${status}), of a tenant that no registry knows`),
  ];
  throw new SaasError(
    'tenants_left',
    count === 1 ? '1 tenant is still there' : `${count} tenants are still there`,
    {
      detail: [...lines.slice(0, most), ...(count > most ? [`and ${count - most} more`] : [])].join('\n'),
      hint: `offboard them first: saas-ecs offboard NAME --confirm NAME${flag}; or all of them, without export: saas-ecs destroy-shared --include-tenants${flag}`,
    },
  );
}

interface Step {
  step: string;
  title: string;
  run(): Promise<void>;
}

/**
 * Takes down what a plan lists: tenants first, then the stacks, those that need others before these, and what
 * belongs to no stack; data last, and only when asked. Then looks again. Killed at any point and run again with a new
 * plan, it goes on. Throws `environment_busy` while another run changes the shared stacks.
 */
export async function destroyShared(
  context: Context,
  options: DestroyOptions,
  plan: DestructionPlan,
): Promise<DestroyedShared> {
  const table = await registryTableOf(context.target);
  return holdingEnvironment(context, 'destroy-shared', async (lease) => {
    await lease.claim(table ?? plan.registries[0]);
    return recorded({ ...context, signal: lease.signal }, options, plan, table);
  });
}

async function recorded(
  context: Context,
  options: DestroyOptions,
  plan: DestructionPlan,
  table: string | undefined,
): Promise<DestroyedShared> {
  const { includeTenants, deleteData } = options;
  const act: Act = { action: 'destroy-shared', parameters: { includeTenants, deleteData } };
  // Nothing names the registry once its stack is gone, and with the data it goes itself.
  const log = table === undefined ? undefined : new AuditLog(new RegistryTable(context.target.client, table));
  if (log) await record(context, act, ['begun', null], log);
  try {
    const destroyed = await takeDown(context, options, plan);
    const failed = destroyed.left.length > 0;
    if (log && (failed || !deleteData))
      await record(context, act, failed ? ['failed', 'something_left'] : ['done', null], log);
    return destroyed;
  } catch (error) {
    if (log) await record(context, act, endingOf(context, error), log);
    throw error;
  }
}

async function takeDown(
  context: Context,
  options: DestroyOptions,
  plan: DestructionPlan,
): Promise<DestroyedShared> {
  const { target, watch, signal } = context;
  const done: DestroyedShared = { tenants: [], stacks: [], deleted: [], kept: [], left: [] };
  const kinds = Object.values(kindsOf(target.client)).flat();
  const remove = (step: string, belongings: readonly Belonging[]): Promise<void> =>
    each(belongings, 4, signal, async (belonging) => {
      await kinds.find(({ kind }) => kind === belonging.kind)?.remove(belonging, signal);
      done.deleted.push(told(belonging));
      watch({ type: 'detail', step, text: told(belonging) });
    });
  const removal = (stack: OwnStack): Step => ({
    step: stack.name,
    title: `Delete ${stack.name}`,
    async run() {
      const startedAt = performance.now();
      const left = await removeStack(context, stack, (event) => {
        const text = describeEvent(event);
        if (text !== undefined) watch({ type: 'detail', step: stack.name, text });
      });
      done.left.push(...left);
      const durationMs = Math.round(performance.now() - startedAt);
      done.stacks.push({ name: stack.name, status: 'deleted', durationMs });
    },
  });
  const late = (stack: OwnStack): boolean => goesAfterImages(target.prefix, stack);
  const isThere = (of: readonly unknown[], step: Step): Step[] => (of.length === 0 ? [] : [step]);
  const steps: Step[] = [
    ...isThere(plan.tenants, {
      step: 'tenants',
      title: 'Offboard the tenants',
      async run() {
        await offboardAll(context, 'tenants', plan.tenants);
        done.tenants.push(...plan.tenants.map(({ name }) => name));
      },
    }),
    ...isThere(plan.limits, {
      step: 'limits',
      title: 'Delete API keys and usage plans',
      run: () => remove('limits', plan.limits),
    }),
    ...plan.stacks.filter((stack) => !late(stack)).map(removal),
    ...isThere(plan.images, {
      step: 'images',
      title: 'Delete the images',
      async run() {
        await removeImages(target.client, plan.images);
        done.deleted.push(...plan.images.map((uri) => `image ${uri}`));
      },
    }),
    // Once the control plane's stack is gone a new deployment may begin: what bears a name of old must be gone by then.
    ...isThere(plan.logs, {
      step: 'logs',
      title: 'Delete the log groups',
      run: () => remove('logs', plan.logs),
    }),
    ...plan.stacks.filter(late).map(removal),
    ...(options.deleteData
      ? isThere(plan.data, {
          step: 'data',
          title: 'Delete the data',
          run: () => remove('data', plan.data),
        })
      : []),
    {
      step: 'verify',
      title: 'Check what is left',
      async run() {
        const now = await survey(context);
        done.left.push(...unexpected(now, options));
        if (!options.deleteData)
          done.kept = now.data.map(({ kind, name, size }) => ({
            kind,
            name,
            ...(size !== undefined && { size }),
          }));
      },
    },
  ];
  watch({
    type: 'plan',
    title: `Taking down ${target.app} in ${target.environment.name}`,
    steps: steps.map(({ step, title }) => ({ step, title })),
  });
  for (const { step, title, run } of steps) {
    signal.throwIfAborted();
    await watched(watch, step, title, run);
  }
  return done;
}

/** What a destruction leaves nothing of. */
function unexpected(
  { tenants, stacks, limits, logs, images, data }: Survey,
  { deleteData }: DestroyOptions,
): string[] {
  return [
    ...tenants.map(({ name }) => `tenant ${name}`),
    ...stacks.map(({ name, status }) => `stack ${name} (${status})`),
    ...[...limits, ...logs, ...(deleteData ? data : [])].map(told),
    ...images.map((uri) => `image ${uri}`),
  ];
}
