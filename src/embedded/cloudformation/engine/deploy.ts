/** The phase that creates and updates: brings a stack's resources to what its template says. */
import { isDeepStrictEqual } from 'node:util';
import type { Cloud } from '../../platform.ts';
import type { Incarnation, ResourceRecord, StackOutput, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import { evaluate } from '../template/intrinsics.ts';
import type { ResourceDefinition, Template } from '../template/model.ts';
import { listOf, validationError } from '../template/model.ts';
import { validateTemplate } from '../template/validate.ts';
import { changedProperties, incarnationOf, needsReplacement, reincarnate } from './incarnation.ts';
import type { Journal } from './journal.ts';
import { runInOrder } from './order.ts';
import { type ResourceDriver, reasonOf, Stopped, type Wanted } from './resources.ts';
import { activeResources, exportedValue, properProperties, StackScope } from './scope.ts';

/** How many resources of a stack come up at once. */
export const concurrency = 20;

export interface DeployContext {
  cloud: Cloud;
  repository: StackRepository;
  journal: Journal;
  driver: ResourceDriver;
  stack: StackRecord;
  controller: AbortController;
}

export interface DeployResult {
  /** Undefined when all went well; else why the stack failed. */
  failure?: string;
}

const replacementReason =
  'Requested update requires the creation of a new physical resource; hence creating one.';

/** Creates, updates and replaces, in dependency order; deletes nothing. */
export async function deployResources(context: DeployContext): Promise<DeployResult> {
  const { repository, driver, stack, controller } = context;
  const template = await repository.template(stack.template);
  const scope = deploymentScope(context, template);
  let active: Map<string, ReadonlySet<string>>;
  try {
    active = activeResources(
      template,
      validateTemplate(template, (type) => !!driver.type(type)),
      scope,
    );
  } catch (error) {
    return { failure: reasonOf(error) };
  }

  const failed: { id: string; verb: 'create' | 'update' }[] = [];
  let stopped: Stopped | undefined;
  const succeeded = await runInOrder(
    active,
    async (id) => {
      const definition = template.Resources[id];
      if (!definition) return false;
      try {
        if (await deployResource(context, scope, id, definition, active)) return true;
      } catch (error) {
        if (error instanceof Stopped) stopped = error;
        else throw error;
        return false;
      }
      const record = repository.resource(stack.id, id);
      failed.push({ id, verb: record?.status.startsWith('UPDATE') ? 'update' : 'create' });
      // The siblings under way are cancelled, as on AWS.
      controller.abort(new Error('another resource failed'));
      return false;
    },
    { concurrency, halted: () => controller.signal.aborted || stopped !== undefined },
  );
  if (stopped) throw stopped;
  if (failed.length > 0)
    return {
      failure: (['create', 'update'] as const)
        .map((verb) => ({ verb, ids: failed.filter((entry) => entry.verb === verb).map(({ id }) => id) }))
        .filter(({ ids }) => ids.length > 0)
        .map(({ verb, ids }) => `The following resource(s) failed to ${verb}: [${ids.join(', ')}]. `)
        .join('')
        .trimEnd(),
    };
  if (succeeded.size < active.size) return { failure: abortReason(controller.signal) };
  try {
    stack.outputs = evaluateOutputs(template, scope);
    checkExports(repository, stack);
  } catch (error) {
    return { failure: reasonOf(error) };
  }
  stack.imports = [...scope.imports];
  return {};
}

/** Why the whole operation was cut short. */
const abortReason = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? signal.reason.message : 'Operation cancelled';

export function deploymentScope(
  { cloud, repository, stack }: Pick<DeployContext, 'cloud' | 'repository' | 'stack'>,
  template: Template,
): StackScope {
  return new StackScope({
    cloud,
    template,
    stack,
    parameters: stack.parameters,
    exportValue: (name) => exportedValue(repository, name),
    lookup: (logicalId) => {
      const record = repository.resource(stack.id, logicalId);
      return record?.physicalId === undefined
        ? undefined
        : { physicalId: record.physicalId, attributes: record.attributes ?? {} };
    },
  });
}

async function deployResource(
  { cloud, repository, journal, driver, stack, controller }: DeployContext,
  scope: StackScope,
  id: string,
  definition: ResourceDefinition,
  active: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<boolean> {
  const { signal } = controller;
  const operationId = stack.operation?.id ?? '';
  const record = repository.resource(stack.id, id);
  const touched = record?.operationId === operationId;
  if (record && touched && record.status.endsWith('_COMPLETE')) return true;

  const wanted: Wanted = {
    type: definition.Type,
    properties: {},
    needs: [...(active.get(id) ?? [])],
    deletionPolicy: policy(definition.DeletionPolicy),
    updateReplacePolicy: policy(definition.UpdateReplacePolicy),
    metadata: definition.Metadata,
  };
  try {
    if (record && record.type !== definition.Type)
      throw validationError(
        `Update of resource type is not permitted. The new template modifies resource type of the following resources: [${id}]`,
      );
    wanted.properties = properProperties(cloud, id, definition, scope);
  } catch (error) {
    const failing = record ?? driver.record(stack, id, wanted);
    failing.operationId = operationId;
    const kind = record && record.physicalId !== undefined ? 'UPDATE' : 'CREATE';
    journal.resource(stack, failing, `${kind}_IN_PROGRESS`);
    journal.resource(stack, failing, `${kind}_FAILED`, reasonOf(error));
    return false;
  }

  if (!record) return driver.create(stack, driver.record(stack, id, wanted), signal);
  if (touched && record.status === 'CREATE_IN_PROGRESS') {
    Object.assign(record, wanted);
    return driver.resume(stack, record, signal);
  }
  if (touched && record.status === 'UPDATE_IN_PROGRESS' && record.change === 'replaced')
    return driver.resume(stack, record, signal);
  if (
    record.physicalId === undefined ||
    (record.status.startsWith('CREATE') && record.status !== 'CREATE_COMPLETE')
  ) {
    // An earlier operation failed to make it and was not rolled back.
    Object.assign(record, wanted, { operationId, change: record.before ? 'replaced' : 'created' });
    return driver.resume(stack, record, signal);
  }
  return updateResource({ repository, journal, driver, stack }, record, wanted, signal);
}

async function updateResource(
  { repository, journal, driver, stack }: Pick<DeployContext, 'repository' | 'journal' | 'driver' | 'stack'>,
  record: ResourceRecord,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<boolean> {
  const operationId = stack.operation?.id ?? '';
  const handler = driver.type(record.type);
  // A resource whose update failed or was cut off may be anywhere between the two: it is updated again.
  const unsure = !record.status.endsWith('_COMPLETE');
  const previous = unsure && record.before ? record.before.properties : record.properties;
  const changed = changedProperties(previous, wanted.properties);
  const tagsChanged =
    stack.operation?.previous !== undefined && !isDeepStrictEqual(stack.operation.previous.tags, stack.tags);
  const metadataChanged = !isDeepStrictEqual(record.metadata, wanted.metadata);
  const before: Incarnation = record.before ?? incarnationOf(record);
  record.operationId = operationId;

  if (needsReplacement(record.type, handler, changed)) {
    const old = incarnationOf(record);
    if (record.change === 'unchanged' || record.change === 'updated') record.before = before;
    else record.discards = [...(record.discards ?? []), old];
    record.change = record.change === 'created' ? 'created' : 'replaced';
    const fresh = driver.record(stack, record.logicalId, wanted);
    reincarnate(record, incarnationOf(fresh));
    return driver.create(stack, record, signal, 'UPDATE', replacementReason);
  }
  const apply = changed.length > 0 || unsure || (tagsChanged && handler?.update !== undefined);
  if (!apply && !metadataChanged) {
    Object.assign(record, wanted);
    repository.saveResource(record);
    return true;
  }
  if (record.change === 'unchanged') {
    record.before = before;
    record.change = 'updated';
  }
  Object.assign(record, wanted);
  if (apply) return driver.update(stack, record, previous, signal);
  journal.resource(stack, record, 'UPDATE_IN_PROGRESS');
  journal.resource(stack, record, 'UPDATE_COMPLETE');
  return true;
}

const policy = (value: unknown): string =>
  listOf(typeof value === 'string' ? value : undefined)[0] ?? 'Delete';

/** Outputs whose condition holds, as text. */
export function evaluateOutputs(template: Template, scope: StackScope): StackOutput[] {
  const outputs: StackOutput[] = [];
  for (const [key, definition] of Object.entries(template.Outputs)) {
    if (!scope.includes(definition)) continue;
    const value = evaluate(definition.Value, scope);
    if (value === undefined) continue;
    if (typeof value === 'object')
      throw validationError(
        `Template format error: The Value field of every Outputs member must evaluate to a String. (output ${key})`,
      );
    const output: StackOutput = { key, value: String(value) };
    if (definition.Description !== undefined) output.description = definition.Description;
    const name = definition.Export ? evaluate(definition.Export.Name, scope) : undefined;
    if (name !== undefined) output.exportName = String(name);
    outputs.push(output);
  }
  return outputs;
}

/** Export names are unique in a Region, and an export that others import can neither change nor go. */
function checkExports(repository: StackRepository, stack: StackRecord): void {
  const others = repository.existing().filter((other) => other.id !== stack.id);
  for (const output of stack.outputs) {
    if (output.exportName === undefined) continue;
    const holder = others.find((other) =>
      other.outputs.some((entry) => entry.exportName === output.exportName),
    );
    if (holder)
      throw validationError(
        `Export with name ${output.exportName} is already exported by stack ${holder.name}. Cannot create or update the export`,
      );
  }
  for (const old of stack.operation?.previous?.outputs ?? []) {
    if (old.exportName === undefined) continue;
    const now = stack.outputs.find((output) => output.exportName === old.exportName);
    if (now?.value === old.value) continue;
    const users = importersOf(repository, old.exportName).filter((user) => user.id !== stack.id);
    if (users.length > 0)
      throw validationError(
        `Cannot ${now ? 'update' : 'delete'} export ${old.exportName} as it is in use by ${users.map((user) => user.name).join(' and ')}`,
      );
  }
}

/** Existing stacks that import an export. */
export const importersOf = (repository: StackRepository, name: string): StackRecord[] =>
  repository.existing().filter((stack) => stack.imports.includes(name));
