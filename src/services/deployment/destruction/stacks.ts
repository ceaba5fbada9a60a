import type { Stack, StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { SaasError } from '../../../model/error.ts';
import { stackNames, withPrefix } from '../../../model/names.ts';
import type { Context } from '../../context.ts';
import { Stacks, type WatchOptions } from '../../stacks.ts';
import { Buckets } from './buckets.ts';
import { LogGroups } from './log-groups.ts';
import { ownershipOf, tagOf, tenantTag } from './ownership.ts';

export interface OwnStack {
  name: string;
  id: string;
  /** CloudFormation's word for how it is. */
  status: string;
  /** Of a silo. */
  tenantId?: string;
}

/** The stack of the images, and those after it, go when no task runs any more. */
const imageRank = 4;

/** Readers go before those that they read from, and cells before the network that they are in. */
function rankOf(prefix: string | undefined, { name, tenantId }: OwnStack): number {
  if (tenantId !== undefined) return 0;
  if (name.startsWith(withPrefix(prefix, 'cell-'))) return imageRank + 1;
  const order = ['pool', 'sharedCluster', 'coreAppPlane', 'sharedInfra', 'controlPlane'] as const;
  const at = order.findIndex((key) => withPrefix(prefix, stackNames[key]) === name);
  // What else carries the tags may need any of them.
  return at === -1 ? 1 : ([2, 3, imageRank, imageRank + 2, imageRank + 3][at] ?? 1);
}
/** True for stacks that go after the images: nothing that still runs needs an image by then. */
export const goesAfterImages = (prefix: string | undefined, stack: OwnStack): boolean =>
  rankOf(prefix, stack) >= imageRank;

/**
 * The environment's stacks by their tags, in the order in which they go; nested ones go with their parents. `foreign`
 * are names that this environment would use and another owner has.
 */
export async function findStacks({
  target,
}: Pick<Context, 'target'>): Promise<{ own: OwnStack[]; foreign: string[] }> {
  const ownership = ownershipOf({ target });
  const ourNames = new Set(Object.values(stackNames).map((name) => withPrefix(target.prefix, name)));
  const own: OwnStack[] = [];
  const foreign: string[] = [];
  for (const stack of await new Stacks(target.client).all()) {
    if (stack.ParentId !== undefined) continue;
    const name = stack.StackName ?? '';
    if (!ownership.has(stack.Tags)) {
      if (ourNames.has(name)) foreign.push(name);
      continue;
    }
    refuseProtected(stack);
    const tenantId = tagOf(stack.Tags, tenantTag);
    own.push({
      name,
      id: stack.StackId ?? name,
      status: stack.StackStatus ?? '',
      ...(tenantId !== undefined && { tenantId }),
    });
  }
  own.sort(
    (a, b) => rankOf(target.prefix, a) - rankOf(target.prefix, b) || a.name.localeCompare(b.name, 'en'),
  );
  return { own, foreign };
}

function refuseProtected({ StackName: name = '', EnableTerminationProtection: isProtected }: Stack): void {
  if (!isProtected) return;
  throw new SaasError('stack_protected', `the stack "${name}" has termination protection`, {
    detail: 'nothing was deleted',
    hint: `if it may go: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${name}`,
  });
}

export interface StackContents {
  /** Physical ids of all that the stacks hold. */
  held: ReadonlySet<string>;
  /** Of those, the ones that go with their stack. */
  going: ReadonlySet<string>;
}

export async function contentsOf(
  { target }: Pick<Context, 'target'>,
  stacks: readonly OwnStack[],
): Promise<StackContents> {
  const client = new Stacks(target.client);
  const held = new Set<string>();
  const staying = new Set<string>();
  for (const { id } of stacks) {
    const kept = keptBy(await client.template(id));
    for (const resource of await client.resources(id)) {
      const { PhysicalResourceId: physicalId, LogicalResourceId: logicalId = '' } = resource;
      if (!physicalId) continue;
      held.add(physicalId);
      // A bucket's policy goes and has the id of its bucket, which may stay.
      if (!kept || kept.has(logicalId)) staying.add(physicalId);
    }
  }
  return { held, going: new Set([...held].filter((id) => !staying.has(id))) };
}

/** Logical ids of what a template keeps when its stack goes; undefined when it can't be read. */
function keptBy(template: string): Set<string> | undefined {
  // Ours are JSON, as the CDK writes them.
  if (!template.trimStart().startsWith('{')) return undefined;
  const { Resources = {} } = JSON.parse(template) as {
    Resources?: Record<string, { DeletionPolicy?: string }>;
  };
  return new Set(
    Object.keys(Resources).filter((id) => /^Retain/.test(Resources[id]?.DeletionPolicy ?? 'Delete')),
  );
}

/**
 * Deletes a stack in whatever state it is, with the logs that AWS's services keep for it. What stands in the way is
 * tried to be helped: a bucket is emptied, and what still can't be deleted the second time is left behind, which
 * CloudFormation allows for a stack whose deletion failed. Gives what was left behind, in words.
 */
export async function removeStack(
  { target, signal }: Context,
  { id, name }: OwnStack,
  onEvent: NonNullable<WatchOptions['onEvent']>,
): Promise<string[]> {
  const stacks = new Stacks(target.client);
  const logs = new LogGroups(target.client);
  const options = { signal, onEvent };
  const loggers = await stacks.resources(id);
  await logs.removeMadeFor(loggers);
  let left: string[] = [];
  if (!(await isRemoved(stacks, id, options))) {
    const buckets = new Buckets(target.client);
    for (const { ResourceType, PhysicalResourceId } of await stuckIn(stacks, id))
      if (ResourceType === 'AWS::S3::Bucket' && PhysicalResourceId)
        await buckets.empty(PhysicalResourceId, signal);
    if (!(await isRemoved(stacks, id, options))) {
      const stuck = await stuckIn(stacks, id);
      await stacks.remove(id, {
        ...options,
        retain: stuck.map(({ LogicalResourceId = '' }) => LogicalResourceId),
      });
      left = stuck.map(
        ({ ResourceType, PhysicalResourceId, ResourceStatusReason }) =>
          `${ResourceType} ${PhysicalResourceId ?? ''} of ${name}: ${ResourceStatusReason ?? 'it could not be deleted'}`,
      );
    }
  }
  // Functions that took part in the deletion have logged on.
  await logs.removeMadeFor(loggers);
  return left;
}

/** False when something in the stack could not be deleted. */
async function isRemoved(stacks: Stacks, id: string, options: WatchOptions): Promise<boolean> {
  try {
    await stacks.remove(id, options);
    return true;
  } catch (error) {
    if (!(error instanceof SaasError) || error.code !== 'stack_failed') throw error;
    // Without a resource to leave behind there is no further way.
    if ((await stuckIn(stacks, id)).length === 0) throw error;
    return false;
  }
}

async function stuckIn(stacks: Stacks, id: string): Promise<StackResourceSummary[]> {
  return (await stacks.resources(id)).filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_FAILED');
}
