/** The phases that delete and go back: cleanup, rollback, deletion of a stack. */
import type { Incarnation, ResourceRecord } from '../stack/records.ts';
import { concurrency, type DeployContext } from './deploy.ts';
import { incarnationOf, reincarnate } from './incarnation.ts';
import { reversed, runInOrder } from './order.ts';
import { Stopped } from './resources.ts';

interface Doomed {
  record: ResourceRecord;
  incarnation: Incarnation;
  /** Left alone by its policy or on request. */
  keep: boolean;
}

/**
 * Deletes things, those that need others first. A thing that another one still needs, because deleting that failed,
 * stays. Gives the logical ids whose deletion failed.
 */
async function removeAll(
  { driver, stack, controller }: DeployContext,
  doomed: readonly Doomed[],
  removed: (entry: Doomed) => void,
): Promise<string[]> {
  const nodes = new Map(doomed.map((entry, index) => [`${entry.record.logicalId}#${index}`, entry]));
  const byLogicalId = new Map<string, string[]>();
  for (const [node, { record }] of nodes)
    byLogicalId.set(record.logicalId, [...(byLogicalId.get(record.logicalId) ?? []), node]);
  const needs = new Map(
    [...nodes].map(([node, { incarnation }]) => [
      node,
      new Set(incarnation.needs.flatMap((id) => byLogicalId.get(id) ?? [])),
    ]),
  );
  const failed: string[] = [];
  let stopped: Stopped | undefined;
  const work = async (node: string): Promise<boolean> => {
    const entry = nodes.get(node);
    if (!entry) return true;
    const { record, incarnation, keep } = entry;
    if (keep) driver.skip(stack, record, incarnation);
    else
      try {
        if (!(await driver.remove(stack, record, incarnation, controller.signal))) {
          failed.push(record.logicalId);
          return false;
        }
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
        stopped = error;
        return false;
      }
    removed(entry);
    return true;
  };
  const halted = () => stopped !== undefined;
  const graph = reversed(needs);
  const gone = await runInOrder(graph, work, { concurrency, halted });
  // Things of two templates may need each other in a circle; then there is no order to keep.
  if (!stopped && failed.length === 0 && gone.size < nodes.size)
    await runInOrder(
      new Map([...graph.keys()].filter((node) => !gone.has(node)).map((node) => [node, new Set<string>()])),
      work,
      { concurrency, halted },
    );
  if (stopped) throw stopped;
  return failed;
}

const keptByPolicy = (policy: string): boolean => policy === 'Retain' || policy === 'RetainExceptOnCreate';

/** After an update: deletes what was replaced or is no longer in the template. Failures are shown and let go. */
export async function cleanUp(context: DeployContext): Promise<void> {
  const { repository, stack } = context;
  const operationId = stack.operation?.id;
  const doomed: Doomed[] = [];
  for (const record of repository.resourcesOf(stack.id)) {
    if (record.operationId !== operationId)
      doomed.push({ record, incarnation: record, keep: keptByPolicy(record.deletionPolicy) });
    else if (record.change === 'replaced' && record.before)
      doomed.push({ record, incarnation: record.before, keep: keptByPolicy(record.updateReplacePolicy) });
    for (const incarnation of record.discards ?? []) doomed.push({ record, incarnation, keep: false });
  }
  await removeAll(context, doomed, ({ record, incarnation }) => settle(context, record, incarnation));
  for (const record of repository.resourcesOf(stack.id)) {
    if (record.operationId !== operationId) repository.removeResource(record);
    else stabilize(context, record);
  }
}

/** Going back after a failed update: in-place changes are undone, replaced things take their place again. */
export async function rollBack(context: DeployContext): Promise<string[]> {
  const { repository, driver, journal, stack, controller } = context;
  const changed = repository
    .resourcesOf(stack.id)
    .filter((record) => record.before && (record.change === 'updated' || record.change === 'replaced'));
  const graph = new Map(changed.map((record) => [record.logicalId, new Set(record.before?.needs ?? [])]));
  const failed: string[] = [];
  let stopped: Stopped | undefined;
  await runInOrder(
    graph,
    async (logicalId) => {
      const record = repository.resource(stack.id, logicalId);
      const before = record?.before;
      if (!record || !before) return true;
      if (stack.operation?.skip?.includes(logicalId)) {
        delete record.before;
        record.change = 'unchanged';
        journal.resource(stack, record, 'UPDATE_COMPLETE', 'Skipped by ContinueUpdateRollback');
        return true;
      }
      if (record.change === 'replaced') {
        const replacement = incarnationOf(record);
        reincarnate(record, before);
        record.discards = [...(record.discards ?? []), replacement];
        restored(record);
        journal.resource(stack, record, 'UPDATE_COMPLETE');
        return true;
      }
      const attempted = record.properties;
      const { physicalId } = record;
      reincarnate(record, before);
      if (physicalId !== undefined) record.physicalId = physicalId;
      record.before = before;
      try {
        if (!(await driver.update(stack, record, attempted, controller.signal))) {
          failed.push(logicalId);
          return false;
        }
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
        stopped = error;
        return false;
      }
      // What the handler made on the way and gave up again is gone already, or is the thing itself.
      record.discards = (record.discards ?? []).filter((entry) => entry.physicalId !== record.physicalId);
      restored(record);
      repository.saveResource(record);
      return true;
    },
    { concurrency, halted: () => stopped !== undefined },
  );
  if (stopped) throw stopped;
  return failed;
}

function restored(record: ResourceRecord): void {
  delete record.before;
  record.change = 'unchanged';
}

/** After a rollback: deletes what the failed update had made. */
export async function cleanUpRollback(context: DeployContext): Promise<void> {
  const { repository, stack } = context;
  const doomed: Doomed[] = [];
  for (const record of repository.resourcesOf(stack.id)) {
    if (record.change === 'created')
      doomed.push({ record, incarnation: record, keep: record.deletionPolicy === 'Retain' });
    for (const incarnation of record.discards ?? []) doomed.push({ record, incarnation, keep: false });
  }
  await removeAll(context, doomed, ({ record, incarnation }) => settle(context, record, incarnation));
  for (const record of repository.resourcesOf(stack.id)) {
    if (record.change === 'created') repository.removeResource(record);
    else stabilize(context, record);
  }
}

/** Deletes all resources of a stack. Gives the logical ids that stay because deleting them failed. */
export async function removeStackResources(
  context: DeployContext,
  reason: 'delete' | 'undo',
): Promise<string[]> {
  const { repository, stack } = context;
  const operation = stack.operation;
  const keeps = (record: ResourceRecord): boolean => {
    if (operation?.retain?.includes(record.logicalId)) return true;
    if (reason === 'delete') return keptByPolicy(record.deletionPolicy);
    return record.deletionPolicy === 'Retain' && !operation?.retainExceptOnCreate;
  };
  const doomed: Doomed[] = [];
  for (const record of repository.resourcesOf(stack.id)) {
    if (record.status === 'DELETE_COMPLETE' || record.status === 'DELETE_SKIPPED') continue;
    doomed.push({ record, incarnation: record, keep: keeps(record) });
    if (record.change === 'replaced' && record.before)
      doomed.push({ record, incarnation: record.before, keep: keptByPolicy(record.updateReplacePolicy) });
    for (const incarnation of record.discards ?? []) doomed.push({ record, incarnation, keep: false });
  }
  return removeAll(context, doomed, (entry) => {
    settle(context, entry.record, entry.incarnation);
    if (entry.incarnation === entry.record && entry.keep) {
      entry.record.status = 'DELETE_SKIPPED';
      repository.saveResource(entry.record);
    }
  });
}

/** Notes that a superseded thing is gone, so that it is not deleted again after a restart. */
function settle({ repository }: DeployContext, record: ResourceRecord, incarnation: Incarnation): void {
  if (incarnation === record) return;
  if (record.before === incarnation) delete record.before;
  else record.discards = (record.discards ?? []).filter((entry) => entry !== incarnation);
  repository.saveResource(record);
}

/** The stack is stable again: there is nothing to go back to. */
function stabilize({ repository }: DeployContext, record: ResourceRecord): void {
  delete record.before;
  delete record.discards;
  record.change = 'unchanged';
  repository.saveResource(record);
}
