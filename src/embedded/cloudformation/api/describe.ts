/** The operations that show stacks, their resources, events, outputs and exports. */
import {
  DescribeEvents$,
  type DescribeEventsInput,
  type DescribeEventsOutput,
  DescribeStackEvents$,
  type DescribeStackEventsInput,
  type DescribeStackEventsOutput,
  DescribeStackResource$,
  type DescribeStackResourceInput,
  type DescribeStackResourceOutput,
  DescribeStackResources$,
  type DescribeStackResourcesInput,
  type DescribeStackResourcesOutput,
  DescribeStacks$,
  type DescribeStacksInput,
  type DescribeStacksOutput,
  ListExports$,
  type ListExportsInput,
  type ListExportsOutput,
  ListImports$,
  type ListImportsInput,
  type ListImportsOutput,
  ListStackResources$,
  type ListStackResourcesInput,
  type ListStackResourcesOutput,
  ListStacks$,
  type ListStacksInput,
  type ListStacksOutput,
  type OperationEvent,
  type ResourceStatus,
  type Stack,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import { type Operation, operation } from '../../platform.ts';
import { importersOf } from '../engine/deploy.ts';
import type { EventRecord, ResourceRecord, StackRecord } from '../stack/records.ts';
import { validationError } from '../template/model.ts';
import { describeParameter } from '../template/parameters.ts';
import { findChangeSet } from './change-sets.ts';
import { type CloudFormationContext, existingStack, page, required, stackWithId } from './service.ts';

const pageSize = 100;

export const describeOperations = (context: CloudFormationContext): Operation[] => [
  operation<DescribeStacksInput, DescribeStacksOutput>(DescribeStacks$, (input) => {
    if (input.StackName !== undefined)
      return { Stacks: [describeStack(stackWithId(context, input.StackName))] };
    const { items, next } = page(context.repository.existing().reverse(), input.NextToken, pageSize);
    return { Stacks: items.map(describeStack), ...next };
  }),

  operation<ListStacksInput, ListStacksOutput>(ListStacks$, (input) => {
    const wanted = input.StackStatusFilter;
    const stacks = context.repository
      .all()
      .filter((stack) => !wanted?.length || wanted.includes(stack.status));
    const { items, next } = page(stacks.reverse(), input.NextToken, pageSize);
    return { StackSummaries: items.map(summarizeStack), ...next };
  }),

  operation<DescribeStackEventsInput, DescribeStackEventsOutput>(DescribeStackEvents$, (input) => {
    const name = required(input.StackName, 'stackName');
    const stack = context.repository.find(name);
    if (!stack) throw validationError(`Stack [${name}] does not exist`);
    const events = [...context.repository.eventsOf(stack.id)].reverse();
    const { items, next } = page(events, eventPosition(events, input.NextToken), pageSize);
    return {
      StackEvents: items.map((event) => describeEvent(stack, event)),
      ...eventToken(events, next.NextToken),
    };
  }),

  operation<DescribeEventsInput, DescribeEventsOutput>(DescribeEvents$, (input) => {
    const found = operationEvents(context, input);
    const { items, next } = page(found, input.NextToken, pageSize);
    return { OperationEvents: items, ...next };
  }),

  operation<DescribeStackResourceInput, DescribeStackResourceOutput>(DescribeStackResource$, (input) => {
    const stack = describedStack(context, input.StackName);
    const record = context.repository.resource(
      stack.id,
      required(input.LogicalResourceId, 'logicalResourceId'),
    );
    if (!record)
      throw validationError(`Resource ${input.LogicalResourceId} does not exist for stack ${stack.name}`);
    return {
      StackResourceDetail: {
        ...stackNames(stack),
        ...summarizeResource(record),
        ...(record.metadata === undefined ? {} : { Metadata: JSON.stringify(record.metadata) }),
      },
    };
  }),

  operation<DescribeStackResourcesInput, DescribeStackResourcesOutput>(DescribeStackResources$, (input) => {
    const { StackName: name, PhysicalResourceId: physicalId, LogicalResourceId: logicalId } = input;
    if ((name === undefined) === (physicalId === undefined))
      throw validationError('Either StackName or PhysicalResourceId must be specified, but not both.');
    let stack: StackRecord | undefined;
    if (name !== undefined) stack = stackWithId(context, name);
    else {
      const [owner] = context.repository.resourcesByPhysicalId(physicalId ?? '');
      if (owner) stack = context.repository.find(owner.stackId);
      if (!stack) throw validationError(`Stack for ${physicalId} does not exist`);
    }
    const shown = stack;
    return {
      StackResources: context.repository
        .resourcesOf(shown.id)
        .filter((record) => logicalId === undefined || record.logicalId === logicalId)
        .slice(0, 100)
        .map(({ at, ...record }) => {
          const { LastUpdatedTimestamp, ...rest } = summarizeResource({ at, ...record });
          return { ...stackNames(shown), ...rest, Timestamp: LastUpdatedTimestamp };
        }),
    };
  }),

  operation<ListStackResourcesInput, ListStackResourcesOutput>(ListStackResources$, (input) => {
    const stack = stackWithId(context, input.StackName);
    const { items, next } = page(context.repository.resourcesOf(stack.id), input.NextToken, pageSize);
    return { StackResourceSummaries: items.map(summarizeResource), ...next };
  }),

  operation<ListExportsInput, ListExportsOutput>(ListExports$, (input) => {
    const exported = context.repository
      .existing()
      .flatMap((stack) =>
        stack.outputs
          .filter((output) => output.exportName !== undefined)
          .map((output) => ({ ExportingStackId: stack.id, Name: output.exportName, Value: output.value })),
      );
    const { items, next } = page(exported, input.NextToken, pageSize);
    return { Exports: items, ...next };
  }),

  operation<ListImportsInput, ListImportsOutput>(ListImports$, (input) => {
    const name = required(input.ExportName, 'exportName');
    const users = importersOf(context.repository, name).map((stack) => stack.name);
    if (users.length === 0) throw validationError(`Export '${name}' is not imported by any stack.`);
    const { items, next } = page(users, input.NextToken, pageSize);
    return { Imports: items, ...next };
  }),
];

const describedStack = (context: CloudFormationContext, name: string | undefined): StackRecord => {
  const stack = context.repository.find(required(name, 'stackName'));
  if (!stack) throw validationError(`Stack '${name}' does not exist`);
  return stack;
};

const stackNames = (stack: StackRecord) => ({ StackName: stack.name, StackId: stack.id });

const date = (at: number): Date => new Date(at);

export function describeStack(stack: StackRecord): Stack {
  const described: Stack = {
    ...stackNames(stack),
    CreationTime: date(stack.createdAt),
    StackStatus: stack.status,
    RollbackConfiguration: {},
    DisableRollback: stack.disableRollback,
    NotificationARNs: stack.notificationArns,
    Parameters: stack.parameters.map(describeParameter),
    Tags: stack.tags,
    EnableTerminationProtection: stack.terminationProtection,
    DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
    LastOperations: stack.lastOperations.map(({ type, id }) => ({ OperationType: type, OperationId: id })),
  };
  // While it is being created a stack shows no outputs.
  if (stack.outputs.length > 0)
    described.Outputs = stack.outputs.map((output) => ({
      OutputKey: output.key,
      OutputValue: output.value,
      ...(output.description === undefined ? {} : { Description: output.description }),
      ...(output.exportName === undefined ? {} : { ExportName: output.exportName }),
    }));
  if (stack.capabilities.length > 0) described.Capabilities = stack.capabilities as Stack['Capabilities'];
  if (stack.description !== undefined) described.Description = stack.description;
  if (stack.reason !== undefined) described.StackStatusReason = stack.reason;
  if (stack.changeSetId !== undefined) described.ChangeSetId = stack.changeSetId;
  if (stack.roleArn !== undefined) described.RoleARN = stack.roleArn;
  if (stack.timeoutInMinutes !== undefined) described.TimeoutInMinutes = stack.timeoutInMinutes;
  if (stack.deploymentConfig !== undefined) described.DeploymentConfig = stack.deploymentConfig;
  if (stack.updatedAt !== undefined) described.LastUpdatedTime = date(stack.updatedAt);
  if (stack.deletedAt !== undefined) described.DeletionTime = date(stack.deletedAt);
  if (stack.parentId !== undefined) described.ParentId = stack.parentId;
  if (stack.rootId !== undefined) described.RootId = stack.rootId;
  return described;
}

function summarizeStack(stack: StackRecord) {
  return {
    ...stackNames(stack),
    TemplateDescription: stack.description,
    CreationTime: date(stack.createdAt),
    LastUpdatedTime: stack.updatedAt === undefined ? undefined : date(stack.updatedAt),
    DeletionTime: stack.deletedAt === undefined ? undefined : date(stack.deletedAt),
    StackStatus: stack.status,
    StackStatusReason: stack.reason,
    ParentId: stack.parentId,
    RootId: stack.rootId,
    DriftInformation: { StackDriftStatus: 'NOT_CHECKED' as const },
  };
}

function summarizeResource(record: ResourceRecord) {
  return {
    LogicalResourceId: record.logicalId,
    PhysicalResourceId: record.physicalId,
    ResourceType: record.type,
    LastUpdatedTimestamp: date(record.at),
    ResourceStatus: record.status,
    ResourceStatusReason: record.reason,
    DriftInformation: { StackResourceDriftStatus: 'NOT_CHECKED' as const },
  };
}

function describeEvent(stack: StackRecord, event: EventRecord): StackEvent {
  return {
    ...stackNames(stack),
    EventId: event.id,
    LogicalResourceId: event.logicalId,
    PhysicalResourceId: event.physicalId ?? '',
    ResourceType: event.type,
    Timestamp: date(event.at),
    ResourceStatus: event.status as ResourceStatus,
    ...(event.reason === undefined ? {} : { ResourceStatusReason: event.reason }),
    ...(event.token === undefined ? {} : { ClientRequestToken: event.token }),
    ...(event.operationId === undefined ? {} : { OperationId: event.operationId }),
  };
}

/** New events come in at the front while someone pages: the token is the id of the next page's first event. */
function eventPosition(events: readonly EventRecord[], token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  return String(events.findIndex((event) => event.id === token));
}

function eventToken(events: readonly EventRecord[], position: string | undefined): { NextToken?: string } {
  const event = position === undefined ? undefined : events[Number(position)];
  return event ? { NextToken: event.id } : {};
}

/** Newest first; with a change set, what was wrong with the properties in it. */
function operationEvents(context: CloudFormationContext, input: DescribeEventsInput): OperationEvent[] {
  if (input.ChangeSetName !== undefined) {
    const changeSet = findChangeSet(context, input.ChangeSetName, input.StackName);
    return changeSet.problems.map(({ logicalId, type, path, message }, index) => ({
      EventId: `${changeSet.id}/${index}`,
      StackId: changeSet.stackId,
      OperationType: 'CREATE_CHANGESET' as const,
      OperationStatus: 'FAILED' as const,
      EventType: 'VALIDATION_ERROR' as const,
      LogicalResourceId: logicalId,
      ResourceType: type,
      Timestamp: date(changeSet.createdAt),
      ValidationFailureMode: 'FAIL' as const,
      ValidationName: 'PROPERTY_VALIDATION',
      ValidationStatus: 'FAILED' as const,
      ValidationStatusReason: message,
      ValidationPath: `/Resources/${logicalId}/Properties${path.slice(1)}`,
    }));
  }
  const stack = existingStack(context, input.StackName);
  return [...context.repository.eventsOf(stack.id)]
    .reverse()
    .filter((event) => input.OperationId === undefined || event.operationId === input.OperationId)
    .filter((event) => !input.Filters?.FailedEvents || event.status.endsWith('_FAILED'))
    .map((event) => ({
      ...describeEvent(stack, event),
      EventType: event.status.endsWith('_FAILED')
        ? ('PROVISIONING_ERROR' as const)
        : ('STACK_EVENT' as const),
    }));
}
