import { isDeepStrictEqual } from 'node:util';
import { place, poolOwner } from '../cells.ts';
import type { Context } from '../context.ts';
import { openSession, type Session } from '../session.ts';
import { watched } from '../watched.ts';
import { ensureBootstrapped } from './bootstrap.ts';
import { publishRelease } from './release.ts';
import { type Assembly, synthesize } from './synthesize.ts';
import { type Loaded, loadToolkit, stacksNamed } from './toolkit.ts';

export interface DeployedShared {
  stacks: { name: string; status: 'deployed' | 'unchanged'; durationMs: number }[];
  release: string;
  outputs: Record<string, string>;
}

export interface StackChange {
  stack: string;
  added: string[];
  changed: string[];
  removed: string[];
}

const all = ['*'];

const steps = {
  synthesize: 'Synthesize the templates',
  bootstrap: 'Prepare the account',
  stacks: 'Deploy the stacks',
  release: 'Publish the release',
};

/** Synthesizes once, deploys what changed of the shared stacks, and publishes the tenants' templates as a release. */
export async function deployShared(context: Context): Promise<DeployedShared> {
  const { target, watch, signal } = context;
  watch({
    type: 'plan',
    title: `Deploying ${target.app} to ${target.environment.name}`,
    steps: Object.entries(steps).map(([step, title]) => ({ step, title })),
  });
  const assembly = await watched(watch, 'synthesize', steps.synthesize, () =>
    synthesize(context.config, target, signal),
  );
  const detail = (text: string): void => watch({ type: 'detail', step: 'stacks', text });
  const stacks = new Map<
    string,
    { startedAt: number; status: 'deployed' | 'unchanged'; durationMs: number }
  >();
  const loaded = await loadToolkit(target, {
    stackStarted(stack) {
      stacks.set(stack, { startedAt: performance.now(), status: 'unchanged', durationMs: 0 });
      detail(stack);
    },
    stackDone(name, changed) {
      const stack = stacks.get(name);
      if (!stack) return;
      stack.status = changed ? 'deployed' : 'unchanged';
      stack.durationMs = Math.round(performance.now() - stack.startedAt);
      detail(`${name} ${stack.status}`);
    },
    activity: (stack, text) => detail(`${stack}: ${text}`),
    working: detail,
    warned: (text) => watch({ type: 'note', text }),
  });
  await watched(watch, 'bootstrap', steps.bootstrap, () =>
    untilAborted(ensureBootstrapped(target, loaded), signal),
  );
  const deployed = await watched(watch, 'stacks', steps.stacks, () =>
    untilAborted(deployStacks(context, loaded, assembly), signal),
  );
  const session = await openSession(context);
  const { release } = await watched(watch, 'release', steps.release, async () => {
    await recordShared(context, session);
    return publishRelease(context, session, assembly);
  });
  return {
    stacks: [...stacks].map(([name, { status, durationMs }]) => ({ name, status, durationMs })),
    release: release.release,
    outputs: {
      apiUrl: target.apiUrl(session.shared.cell.restApiId, session.shared.cell.stage),
      ...Object.assign({}, ...deployed.map((stack) => stack.outputs)),
    },
  };
}

async function deployStacks(context: Context, { lib, toolkit }: Loaded, assembly: Assembly) {
  const source = await toolkit.fromAssemblyDirectory(assembly.directory);
  const { stacks } = await toolkit.deploy(source, {
    stacks: stacksNamed(lib, all),
    deploymentMethod: { method: 'direct' },
    concurrency: 4,
    assetParallelism: true,
    stackEventPollingInterval: context.target.pollMs,
  });
  return stacks;
}

/** What a deployment would change, by stack; changes nothing. */
export async function diffShared(context: Context): Promise<StackChange[]> {
  const { target, signal } = context;
  const assembly = await watched(context.watch, 'synthesize', 'Synthesize the templates', () =>
    synthesize(context.config, target, signal),
  );
  const quiet = { stackStarted() {}, stackDone() {}, activity() {}, working() {}, warned() {} };
  const { lib, toolkit } = await loadToolkit(target, quiet);
  return watched(context.watch, 'compare', 'Compare with what is deployed', async () => {
    const source = await toolkit.fromAssemblyDirectory(assembly.directory);
    const diffs = await untilAborted(
      toolkit.diff(source, { stacks: stacksNamed(lib, all), method: lib.DiffMethod.TemplateOnly() }),
      signal,
    );
    return Object.entries(diffs).map(([stack, diff]) => {
      const change: StackChange = { stack, added: [], changed: [], removed: [] };
      diff.resources.forEachDifference((logicalId, resource) => {
        const label = `${resource.newResourceType ?? resource.oldResourceType ?? 'resource'} ${logicalId}`;
        if (resource.isAddition) change.added.push(label);
        else if (resource.isRemoval) change.removed.push(label);
        else change.changed.push(label);
      });
      return change;
    });
  });
}

/** Writes into the registry what tenants will need of the shared stacks: the cell, the pool's places, its issuer, the tiers' plans. */
async function recordShared(context: Context, { registry, shared }: Session): Promise<void> {
  await registry.putCell(shared.cell);
  // CloudFormation has set a plan anew where the configuration's limits changed: what was set by hand is past.
  for (const item of await registry.tiers()) {
    const tier = context.config.tiers.find(({ name }) => name === item.tier);
    if (!tier || !isDeepStrictEqual(tier.throttle, item.configured)) await registry.deleteTier(item.tier);
  }
  if (shared.pool) {
    // The pool's target groups count against the cell's hundred, so they hold slots as tenants do.
    await place(
      registry,
      poolOwner,
      context.config.services.map((service) => service.name),
    );
    await registry.putIssuer({ issuer: shared.pool.issuer, clientId: shared.pool.clientId });
  }
}

/** The toolkit can't be cancelled: on an abort the wait ends, and what CloudFormation has begun goes on. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
