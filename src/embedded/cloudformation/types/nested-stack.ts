/** AWS::CloudFormation::Stack: a stack of its own whose operations its parent begins and waits for. */
import type { Capability, Parameter } from '@aws-sdk/client-cloudformation';
import type { Properties, ResourceContext, ResourceState } from '../../platform.ts';
import { type CloudFormationContext, type Submission, submit } from '../api/service.ts';
import { beginDelete, beginUpdate, createOperation, newStack } from '../api/stacks.ts';
import { planUpdate } from '../engine/plan.ts';
import type { StackRecord } from '../stack/records.ts';
import { isObject, validationError } from '../template/model.ts';
import type { ResumableResourceType } from './registry.ts';

/** The handler; `service` is looked at when it is called, since the engine itself needs the types. */
export function nestedStackType(service: () => CloudFormationContext): ResumableResourceType {
  const submission = async (
    context: ResourceContext,
    properties: Properties,
    stack?: StackRecord,
  ): Promise<Submission> => {
    const parent = service().repository.find(context.stackId);
    return submit(
      service(),
      {
        TemplateURL: String(properties['TemplateURL']),
        Parameters: parametersOf(properties),
        Capabilities: (parent?.capabilities ?? []) as Capability[],
      },
      stack,
    );
  };

  const settled = async (context: ResourceContext, stack: StackRecord): Promise<void> => {
    const { engine } = service();
    const cancel = (): void => engine.cancel(stack.id, 'Resource creation cancelled by its parent stack');
    context.signal.addEventListener('abort', cancel, { once: true });
    await engine.settled(stack.id);
    context.signal.removeEventListener('abort', cancel);
  };

  const stateOf = (stack: StackRecord): ResourceState => ({
    physicalId: stack.id,
    attributes: Object.fromEntries(stack.outputs.map((output) => [`Outputs.${output.key}`, output.value])),
  });

  const outcome = (stack: StackRecord): ResourceState => {
    if (stack.status === 'CREATE_COMPLETE' || stack.status === 'UPDATE_COMPLETE') return stateOf(stack);
    const first = service()
      .repository.eventsOf(stack.id)
      .find((event) => event.operationId === stack.lastOperations[0]?.id && event.status.endsWith('_FAILED'));
    throw new Error(
      `Embedded stack ${stack.id} was not successfully ${stack.updatedAt === undefined ? 'created' : 'updated'}: ${first?.reason ?? stack.reason ?? stack.status}`,
    );
  };

  const find = (physicalId: string): StackRecord => {
    const stack = service().repository.find(physicalId);
    if (!stack || stack.deletedAt !== undefined)
      throw validationError(`Stack [${physicalId}] does not exist`);
    return stack;
  };

  const tagsOf = (context: ResourceContext, properties: Properties) => {
    const own = Array.isArray(properties['Tags'])
      ? (properties['Tags'] as { Key: string; Value: string }[])
      : [];
    const inherited = Object.entries(context.tags).map(([Key, Value]) => ({ Key, Value }));
    return [...inherited.filter(({ Key }) => !own.some((tag) => tag.Key === Key)), ...own];
  };

  return {
    async create(context, properties) {
      const { engine, repository } = service();
      const parent = repository.find(context.stackId);
      const submitted = await submission(context, properties);
      const stack = newStack(
        service(),
        {
          StackName: context.physicalName(128),
          Tags: tagsOf(context, properties),
          Capabilities: (parent?.capabilities ?? []) as Capability[],
          // Its parent decides what becomes of a failure; half a nested stack is of no use to it.
          DisableRollback: parent?.operation?.disableRollback ?? false,
          ...(parent ? { parent } : {}),
        },
        submitted,
      );
      const minutes = properties['TimeoutInMinutes'];
      if (minutes !== undefined) stack.timeoutInMinutes = Number(minutes);
      engine.begin(stack, createOperation(service(), stack, {}), 'CREATE_IN_PROGRESS');
      context.initiated?.(stack.id);
      await settled(context, stack);
      return outcome(stack);
    },
    async update(context, physicalId, properties) {
      const stack = find(physicalId);
      await settled(context, stack);
      const submitted = await submission(context, properties, stack);
      const tags = tagsOf(context, properties);
      const plan = await planUpdate(service(), stack, submitted, tags);
      if (plan.empty) return stateOf(stack);
      const parent = service().repository.find(context.stackId);
      beginUpdate(service(), stack, submitted, {
        Tags: tags,
        DisableRollback: parent?.operation?.disableRollback ?? false,
      });
      await settled(context, stack);
      return outcome(stack);
    },
    async resume(context, physicalId) {
      const stack = find(physicalId);
      await settled(context, stack);
      return outcome(stack);
    },
    async delete(_context, physicalId) {
      const { engine, repository } = service();
      const stack = repository.find(physicalId);
      if (!stack || stack.deletedAt !== undefined) return;
      if (stack.operation?.kind !== 'delete') await beginDelete(service(), stack);
      await engine.settled(stack.id);
      if (repository.find(physicalId)?.deletedAt === undefined)
        throw new Error(
          `Embedded stack ${stack.id} was not successfully deleted: ${stack.reason ?? stack.status}`,
        );
    },
  };
}

function parametersOf(properties: Properties): Parameter[] {
  const given = properties['Parameters'];
  if (!isObject(given)) return [];
  return Object.entries(given).map(([ParameterKey, value]) => ({
    ParameterKey,
    ParameterValue: Array.isArray(value) ? value.join(',') : String(value),
  }));
}
