/** Further cells: one is added when no cell has room, and each release brings them up to date. */
import { isDeepStrictEqual } from 'node:util';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { SaasError } from '../../model/error.ts';
import {
  type CellOutputs,
  cellName,
  cellNameParameter,
  cellNumber,
  cellParameterPath,
  cellStackName,
  firstCell,
} from '../../model/names.ts';
import type { Context } from '../context.ts';
import { holdingEnvironment } from '../environment-lease.ts';
import type { CellItem, ReleaseItem } from '../registry/registry.ts';
import { ownerTags, type Session } from '../session.ts';
import { type StackRequest, Stacks, type WatchOptions } from '../stacks.ts';
import { UsagePlans } from '../usage-plans.ts';
import { type Placement, place } from './placement.ts';

/**
 * A place for a tenant, in a cell that is there or in one that is added for it. Throws as {@link place} does, and
 * `stack_failed` when a cell can't be made. Waits for whoever adds a cell or deploys; throws `environment_busy` when the
 * environment is being taken down.
 */
export async function findRoom(
  context: Context,
  session: Session,
  tenant: { tenantId: string; cell?: string },
  release: ReleaseItem,
  options: WatchOptions,
): Promise<Placement> {
  for (;;) {
    const placement = await place(session.registry, tenant.tenantId, release.routed, tenant.cell);
    if (placement) return placement;
    const seen = await session.registry.cells();
    await holdingEnvironment(context, 'add-cell', async (lease) => {
      await lease.claim(session.shared.registryTable, (holder) =>
        context.watch({
          type: 'note',
          text: `every cell is full, and the shared stacks are being changed ${holder}: waiting for the end of that`,
        }),
      );
      // Whoever was waited for may have added one.
      const cells = await session.registry.cells();
      if (cells.length === seen.length)
        await addCell(context, session, release, { ...options, signal: lease.signal });
    });
  }
}

/**
 * Adds the next cell, under the environment's lease. A run that takes up what an earlier one left adds the same one:
 * the cell is in the registry only once it is complete.
 */
async function addCell(
  context: Context,
  session: Session,
  release: ReleaseItem,
  options: WatchOptions,
): Promise<void> {
  const { registry } = session;
  const numbers = (await registry.cells()).map(({ name }) => cellNumber(name));
  const name = cellName(Math.max(0, ...numbers) + 1);
  const stacks = new Stacks(context.target.client);
  await stacks.ensure(requestFor(context, session, release, name), options);
  const cell = await readCell(context, name);
  // The stack has the configuration's limits; what was set by hand since holds in every cell.
  const plans = new UsagePlans(context.target.client);
  for (const { tier, throttle, configured } of await registry.tiers()) {
    const plan = cell.usagePlans[tier];
    if (plan !== undefined && !isDeepStrictEqual(throttle, configured))
      await plans.updatePlan(plan, throttle);
  }
  await registry.putCell(cell);
}

/** The cells that are stacks of their own. */
export async function furtherCells({ registry }: Session): Promise<CellItem[]> {
  return (await registry.cells()).filter(({ name }) => name !== firstCell);
}

/** Brings a further cell to a release: its routes and its tiers' plans. True when that changed something. */
export async function updateCell(
  context: Context,
  session: Session,
  release: ReleaseItem,
  name: string,
  options: WatchOptions,
): Promise<boolean> {
  const changed = await new Stacks(context.target.client).update(
    requestFor(context, session, release, name),
    options,
  );
  await session.registry.putCell(await readCell(context, name));
  return changed;
}

function requestFor(
  context: Context,
  { shared }: Session,
  { cellTemplate }: ReleaseItem,
  name: string,
): StackRequest {
  const { target } = context;
  return {
    name: cellStackName(target.prefix, name),
    templateUrl: target.objectUrl(shared.artifactsBucket, cellTemplate),
    parameters: { [cellNameParameter]: name },
    tags: ownerTags(context),
    // A load balancer takes minutes until it answers, and no gate waits for it.
    express: false,
    ...(shared.cellStackRoleArn !== undefined && { roleArn: shared.cellStackRoleArn }),
  };
}

async function readCell({ target }: Context, name: string): Promise<CellItem> {
  const path = cellParameterPath(target.app, target.environment.name, name);
  const { Parameter } = await new SSMClient(target.client).send(new GetParameterCommand({ Name: path }));
  if (Parameter?.Value === undefined)
    throw new SaasError('cell_incomplete', `the stack of ${name} has not written ${path}`, {
      hint: 'run the same command again',
    });
  return JSON.parse(Parameter.Value) as CellOutputs;
}
