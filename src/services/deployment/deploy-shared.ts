import { isDeepStrictEqual } from 'node:util';
import { SaasError } from '../../model/error.ts';
import { cellStackName, stackNames, withPrefix } from '../../model/names.ts';
import { type Act, audited } from '../audit/audited.ts';
import { toSaasError } from '../aws-errors.ts';
import { furtherCells, updateCell } from '../cells/growth.ts';
import { place, poolOwner } from '../cells/placement.ts';
import type { Context } from '../context.ts';
import { tenantConfig } from '../control-plane/steps.ts';
import { type EnvironmentLease, holdingEnvironment } from '../environment-lease.ts';
import type { ReleaseItem } from '../registry/registry.ts';
import { openSession, type Session } from '../session.ts';
import { registryTableOf } from '../shared-outputs.ts';
import { describeEvent } from '../stack-events.ts';
import { FailureWatch } from '../stack-failure.ts';
import { environmentFlag } from '../stopped.ts';
import { watched } from '../watched.ts';
import { ensureBootstrapped } from './bootstrap.ts';
import { refuseOtherControlPlane } from './control-plane-kind.ts';
import { diffCells } from './diff-cells.ts';
import { publishRelease } from './release.ts';
import { type Assembly, synthesize } from './synthesize.ts';
import { runToolkit } from './toolkit.ts';
import type { StackChange, ToolkitEvent } from './toolkit-protocol.ts';

export interface DeployedShared {
  stacks: { name: string; status: 'deployed' | 'unchanged'; durationMs: number }[];
  release: string;
  outputs: Record<string, string>;
}

const steps = {
  synthesize: 'Synthesize the templates',
  bootstrap: 'Prepare the account',
  stacks: 'Deploy the stacks',
  release: 'Publish the release',
};

export interface DeployOptions {
  /** What {@link reviewShared} synthesized and somebody approved; undefined: synthesize now. */
  assembly?: Assembly | undefined;
  /** Somebody agreed to bootstrapping the account. */
  bootstrap?: boolean | undefined;
}

/**
 * Synthesizes once, deploys what changed of the shared stacks, and publishes the tenants' templates as a release. Throws
 * `environment_busy` while another run changes the shared stacks, and `control_plane_differs`.
 */
export async function deployShared(context: Context, options: DeployOptions = {}): Promise<DeployedShared> {
  return audited(context, { action: 'deploy-shared', parameters: {} }, (act) =>
    holdingEnvironment(context, 'deploy-shared', (lease) =>
      deploy({ ...context, signal: lease.signal }, options, act, lease),
    ),
  );
}

async function deploy(
  context: Context,
  options: DeployOptions,
  act: Act,
  lease: EnvironmentLease,
): Promise<DeployedShared> {
  const { target, watch, signal } = context;
  await lease.claim(await registryTableOf(target));
  await refuseOtherControlPlane(context);
  watch({
    type: 'plan',
    title: `Deploying ${target.app} to ${target.environment.name}`,
    steps: Object.entries(steps)
      .filter(([step]) => !options.assembly || step !== 'synthesize')
      .map(([step, title]) => ({ step, title })),
  });
  const assembly =
    options.assembly ??
    (await watched(watch, 'synthesize', steps.synthesize, () => synthesize(context.config, target, signal)));
  const detail = (text: string): void => watch({ type: 'detail', step: 'stacks', text });
  const stacks = new Map<
    string,
    { startedAt: number; status: 'deployed' | 'unchanged'; durationMs: number }
  >();
  const failures = new FailureWatch(target.client, environmentFlag(context));
  const onEvent = async (event: ToolkitEvent): Promise<void> => {
    switch (event.type) {
      case 'stack-started':
        stacks.set(event.stack, { startedAt: performance.now(), status: 'unchanged', durationMs: 0 });
        detail(event.stack);
        break;
      case 'stack-done': {
        const stack = stacks.get(event.stack);
        if (!stack) break;
        stack.status = event.changed ? 'deployed' : 'unchanged';
        stack.durationMs = Math.round(performance.now() - stack.startedAt);
        detail(`${event.stack} ${stack.status}`);
        // The first deployment has a registry only now, and so has another one that began at the same time.
        if (event.stack === withPrefix(target.prefix, stackNames.controlPlane))
          await lease.claim(await registryTableOf(target));
        break;
      }
      case 'activity':
        failures.see(event.event);
        detail(`${event.stack}: ${event.text}`);
        break;
      case 'working':
        detail(event.text);
        break;
      case 'warned':
        watch({ type: 'note', text: event.text });
        break;
    }
  };
  const run = { target, signal, onEvent };
  await watched(watch, 'bootstrap', steps.bootstrap, () =>
    ensureBootstrapped(context, run, options.bootstrap ?? false),
  );
  const deployed = await watched(watch, 'stacks', steps.stacks, () =>
    runToolkit<{ outputs: Record<string, string> }[]>(
      { action: 'deploy', assembly: assembly.directory, pollMs: target.pollMs },
      run,
    ).catch((error: unknown) => failures.explain(toSaasError(error))),
  );
  const session = await openSession(context);
  const { release } = await watched(watch, 'release', steps.release, async () => {
    await recordShared(context, session);
    return publishRelease(context, session, assembly);
  });
  act.parameters = { release: release.release };
  const cells = await updateFurtherCells(context, session, release);
  return {
    stacks: [
      ...[...stacks].map(([name, { status, durationMs }]) => ({ name, status, durationMs })),
      ...cells,
    ],
    release: release.release,
    outputs: {
      apiUrl: target.apiUrl(session.shared.cell.restApiId, session.shared.cell.stage),
      ...Object.assign({}, ...deployed.map((stack) => stack.outputs)),
    },
  };
}

/** The further cells get the release's routes and plans too; a failure leaves the release published, and the next run goes on. */
async function updateFurtherCells(
  context: Context,
  session: Session,
  release: ReleaseItem,
): Promise<DeployedShared['stacks']> {
  const { target, watch, signal } = context;
  const cells = await furtherCells(session);
  if (cells.length === 0) return [];
  const title = (cell: string): string => `Update ${cell}`;
  watch({
    type: 'plan',
    title: 'Bringing further cells to the release',
    steps: cells.map(({ name }) => ({ step: name, title: title(name) })),
  });
  const done: DeployedShared['stacks'] = [];
  for (const { name } of cells) {
    const startedAt = performance.now();
    const changed = await watched(watch, name, title(name), () =>
      updateCell(context, session, release, name, {
        signal,
        onEvent(event) {
          const text = describeEvent(event);
          if (text !== undefined) watch({ type: 'detail', step: name, text });
        },
      }),
    );
    done.push({
      name: cellStackName(target.prefix, name),
      status: changed ? 'deployed' : 'unchanged',
      durationMs: Math.round(performance.now() - startedAt),
    });
  }
  return done;
}

/** What a deployment would change, by stack, and the templates that would be deployed; changes nothing. */
export async function reviewShared(
  context: Context,
): Promise<{ assembly: Assembly; changes: StackChange[] }> {
  const { target, signal, watch } = context;
  await refuseOtherControlPlane(context);
  const titles = { synthesize: steps.synthesize, compare: 'Compare with what is deployed' };
  watch({
    type: 'plan',
    title: `What would change in ${target.environment.name}`,
    steps: Object.entries(titles).map(([step, title]) => ({ step, title })),
  });
  const assembly = await watched(watch, 'synthesize', titles.synthesize, () =>
    synthesize(context.config, target, signal),
  );
  const changes = await watched(watch, 'compare', titles.compare, async () => [
    ...(await runToolkit<StackChange[]>(
      { action: 'diff', assembly: assembly.directory },
      { target, signal },
    )),
    ...(await openSession(context).then(
      (session) => diffCells(context, session, assembly),
      (error: unknown) => {
        if (error instanceof SaasError && error.code === 'not_deployed') return [];
        throw error;
      },
    )),
  ]);
  return { assembly, changes };
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
      shared.cell.name,
    );
    await registry.putIssuer({ issuer: shared.pool.issuer, clientId: shared.pool.clientId });
    const { restApiId, stage } = shared.cell;
    await registry.putSharedTenantConfig(tenantConfig(context.target.apiUrl(restApiId, stage), shared.pool));
  }
}
