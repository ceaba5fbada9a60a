/** Change sets: a plan that is kept, shown, and carried out or thrown away. */
import { randomUUID } from 'node:crypto';
import {
  type ChangeSetSummary,
  CreateChangeSet$,
  type CreateChangeSetInput,
  type CreateChangeSetOutput,
  DeleteChangeSet$,
  type DeleteChangeSetInput,
  DescribeChangeSet$,
  type DescribeChangeSetInput,
  type DescribeChangeSetOutput,
  ExecuteChangeSet$,
  type ExecuteChangeSetInput,
  ListChangeSets$,
  type ListChangeSetsInput,
  type ListChangeSetsOutput,
  type ResourceChange,
} from '@aws-sdk/client-cloudformation';
import { AwsError, arn, type Operation, operation } from '../../platform.ts';
import { planUpdate } from '../engine/plan.ts';
import { reasonOf } from '../engine/resources.ts';
import type { ChangeSetRecord, StackRecord } from '../stack/records.ts';
import { validationError } from '../template/model.ts';
import { describeParameter } from '../template/parameters.ts';
import { requireRole } from './access.ts';
import {
  type CloudFormationContext,
  existingStack,
  page,
  required,
  type Submission,
  submit,
} from './service.ts';
import { beginUpdate, createOperation, modelOf, newStack, requireUpdatable } from './stacks.ts';

const noChanges =
  "The submitted information didn't contain changes. Submit different information to create a change set.";
const earlyValidation =
  'The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.';
const pageSize = 100;

export const changeSetOperations = (context: CloudFormationContext): Operation[] => [
  operation<CreateChangeSetInput, CreateChangeSetOutput>(CreateChangeSet$, (input) =>
    createChangeSet(context, input),
  ),

  operation<DescribeChangeSetInput, DescribeChangeSetOutput>(DescribeChangeSet$, (input) => {
    const changeSet = findChangeSet(context, input.ChangeSetName, input.StackName);
    const { items, next } = page(changeSet.changes, input.NextToken, pageSize);
    return {
      ...summarize(changeSet),
      Parameters: changeSet.parameters.map(describeParameter),
      NotificationARNs: changeSet.notificationArns,
      RollbackConfiguration: {},
      Capabilities: changeSet.capabilities as DescribeChangeSetOutput['Capabilities'],
      Tags: changeSet.tags,
      ...(changeSet.onStackFailure === undefined ? {} : { OnStackFailure: changeSet.onStackFailure }),
      ...(changeSet.deploymentConfig === undefined ? {} : { DeploymentConfig: changeSet.deploymentConfig }),
      Changes: items.map((change) => ({
        Type: 'Resource' as const,
        ResourceChange: input.IncludePropertyValues ? change : withoutValues(change),
      })),
      ...next,
    };
  }),

  operation<ListChangeSetsInput, ListChangeSetsOutput>(ListChangeSets$, (input) => {
    const stack = existingStack(context, input.StackName);
    const listed = context.repository.changeSetsOf(stack.id).filter((changeSet) => !isExecuted(changeSet));
    const { items, next } = page(listed, input.NextToken, pageSize);
    return { Summaries: items.map(summarize), ...next };
  }),

  operation<DeleteChangeSetInput, object>(DeleteChangeSet$, (input) => {
    const name = required(input.ChangeSetName, 'changeSetName');
    const byId = context.repository.changeSet(name);
    const stack = byId ? undefined : existingStack(context, input.StackName);
    const changeSet = byId ?? (stack && named(context, stack, name));
    // Deleting one that is not there succeeds, as on AWS.
    if (changeSet) context.repository.removeChangeSet(changeSet);
    return {};
  }),

  operation<ExecuteChangeSetInput, object>(ExecuteChangeSet$, (input) => executeChangeSet(context, input)),
];

const isExecuted = (changeSet: ChangeSetRecord): boolean => changeSet.execution.startsWith('EXECUTE_');

const named = (
  { repository }: CloudFormationContext,
  stack: StackRecord,
  name: string,
): ChangeSetRecord | undefined =>
  repository.changeSetsOf(stack.id).findLast((changeSet) => changeSet.name === name);

/** By ARN, or by name and stack. Throws AwsError ChangeSetNotFound. */
export function findChangeSet(
  context: CloudFormationContext,
  nameOrId: string | undefined,
  stackName: string | undefined,
): ChangeSetRecord {
  const wanted = required(nameOrId, 'changeSetName');
  const byId = context.repository.changeSet(wanted);
  if (byId) return byId;
  if (!wanted.startsWith('arn:') && stackName === undefined)
    throw validationError('StackName must be specified if ChangeSetName is not specified as an ARN.');
  const stack = stackName === undefined ? undefined : existingStack(context, stackName);
  const found = stack && named(context, stack, wanted);
  if (!found) throw new AwsError('ChangeSetNotFound', `ChangeSet [${wanted}] does not exist`, 404);
  return found;
}

function summarize(changeSet: ChangeSetRecord): ChangeSetSummary {
  return {
    ChangeSetId: changeSet.id,
    ChangeSetName: changeSet.name,
    StackId: changeSet.stackId,
    StackName: changeSet.stackName,
    Status: changeSet.status,
    ...(changeSet.reason === undefined ? {} : { StatusReason: changeSet.reason }),
    ExecutionStatus: changeSet.execution,
    CreationTime: new Date(changeSet.createdAt),
    ...(changeSet.description === undefined ? {} : { Description: changeSet.description }),
    IncludeNestedStacks: changeSet.includeNestedStacks,
    ImportExistingResources: changeSet.importExistingResources,
  };
}

function withoutValues({ BeforeContext: _b, AfterContext: _a, ...change }: ResourceChange): ResourceChange {
  return {
    ...change,
    Details: (change.Details ?? []).map((detail) => {
      const { BeforeValue: _before, AfterValue: _after, ...target } = detail.Target ?? {};
      return { ...detail, Target: target };
    }),
  };
}

async function createChangeSet(
  context: CloudFormationContext,
  input: CreateChangeSetInput,
): Promise<CreateChangeSetOutput> {
  const { repository, cloud } = context;
  const name = required(input.ChangeSetName, 'changeSetName');
  if (!/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(name))
    throw validationError(
      `1 validation error detected: Value '${name}' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
    );
  requireRole(context, input.RoleARN);
  const type = input.ChangeSetType ?? 'UPDATE';
  if (type === 'IMPORT' || input.ResourcesToImport?.length)
    throw validationError('The embedded cloud does not import resources into stacks.');
  const stackName = required(input.StackName, 'stackName');
  const known = repository.find(stackName);
  const existing = known?.deletedAt === undefined ? known : undefined;
  const reviewed = existing?.status === 'REVIEW_IN_PROGRESS';
  if (type === 'CREATE' && existing && !reviewed)
    throw validationError(
      `Stack [${existing.name}] already exists and cannot be created again with the changeSet [${name}].`,
    );
  if (type === 'UPDATE' && (!existing || reviewed))
    throw validationError(`Stack [${stackName}] does not exist`);
  const taken = existing && named(context, existing, name);
  if (taken && !isExecuted(taken)) {
    if (input.ClientToken !== undefined && taken.token === input.ClientToken)
      return { Id: taken.id, StackId: taken.stackId };
    throw new AwsError(
      'AlreadyExistsException',
      `ChangeSet ${name} cannot be created because it already exists`,
    );
  }
  if (existing && !reviewed) requireUpdatable(existing);
  const submission = await submit(context, input, reviewed ? undefined : existing);
  const stack = existing ?? reviewStack(context, input, submission);
  if (taken) repository.removeChangeSet(taken);

  const changeSet: ChangeSetRecord = {
    id: arn(cloud, 'cloudformation', `changeSet/${name}/${randomUUID()}`),
    name,
    stackId: stack.id,
    stackName: stack.name,
    type,
    status: 'CREATE_COMPLETE',
    execution: 'AVAILABLE',
    createdAt: cloud.clock.now(),
    template: submission.digest,
    parameters: submission.parameters,
    tags: [...(input.Tags ?? (reviewed ? [] : stack.tags))],
    capabilities: [...(input.Capabilities ?? [])],
    notificationArns: [...(input.NotificationARNs ?? [])],
    includeNestedStacks: input.IncludeNestedStacks ?? false,
    importExistingResources: input.ImportExistingResources ?? false,
    changes: [],
    problems: [],
  };
  if (input.Description !== undefined) changeSet.description = input.Description;
  if (input.RoleARN !== undefined) changeSet.roleArn = input.RoleARN;
  if (input.ClientToken !== undefined) changeSet.token = input.ClientToken;
  if (input.OnStackFailure !== undefined) changeSet.onStackFailure = input.OnStackFailure;
  if (input.DeploymentConfig !== undefined) changeSet.deploymentConfig = input.DeploymentConfig;
  await fill(context, changeSet, stack, submission);
  repository.saveChangeSet(changeSet);
  return { Id: changeSet.id, StackId: stack.id };
}

async function fill(
  context: CloudFormationContext,
  changeSet: ChangeSetRecord,
  stack: StackRecord,
  submission: Submission,
): Promise<void> {
  const fail = (reason: string): void => {
    changeSet.status = 'FAILED';
    changeSet.execution = 'UNAVAILABLE';
    changeSet.reason = reason;
  };
  try {
    const plan = await planUpdate(context, stack, submission, changeSet.tags);
    changeSet.changes = plan.changes;
    changeSet.problems = plan.problems;
    if (plan.problems.length > 0) fail(earlyValidation);
    else if (plan.empty && !stack.status.endsWith('_FAILED')) fail(noChanges);
  } catch (error) {
    fail(reasonOf(error));
  }
}

/** A stack that so far is nothing but the change set that may create it. */
function reviewStack(
  context: CloudFormationContext,
  input: CreateChangeSetInput,
  submission: Submission,
): StackRecord {
  const stack = newStack(context, { ...input, StackName: input.StackName }, submission);
  Object.assign(stack, { template: '', parameters: [], tags: [] });
  context.engine.journal.stack(stack, 'REVIEW_IN_PROGRESS', 'User Initiated');
  return stack;
}

async function executeChangeSet(
  context: CloudFormationContext,
  input: ExecuteChangeSetInput,
): Promise<object> {
  const { repository, engine } = context;
  const changeSet = findChangeSet(context, input.ChangeSetName, input.StackName);
  const stack = existingStack(context, changeSet.stackId);
  const token = input.ClientRequestToken;
  if (token !== undefined && stack.tokens.includes(token)) return {};
  if (changeSet.execution !== 'AVAILABLE')
    throw new AwsError(
      'InvalidChangeSetStatus',
      `ChangeSet [${changeSet.id}] cannot be executed in its current execution status of [${changeSet.execution}]`,
    );
  const submission: Submission = {
    digest: changeSet.template,
    template: await repository.template(changeSet.template),
    parameters: changeSet.parameters,
  };
  stack.changeSetId = changeSet.id;
  const requestToken = token === undefined ? {} : { ClientRequestToken: token };
  if (stack.status === 'REVIEW_IN_PROGRESS') {
    Object.assign(stack, modelOf(submission, changeSet.tags));
    stack.capabilities = changeSet.capabilities;
    stack.notificationArns = changeSet.notificationArns;
    stack.disableRollback = input.DisableRollback ?? changeSet.deploymentConfig?.DisableRollback ?? false;
    if (changeSet.deploymentConfig) stack.deploymentConfig = changeSet.deploymentConfig;
    if (changeSet.roleArn !== undefined) stack.roleArn = changeSet.roleArn;
    const started = createOperation(context, stack, {
      ...requestToken,
      RetainExceptOnCreate: input.RetainExceptOnCreate,
      OnFailure: input.DisableRollback ? undefined : changeSet.onStackFailure,
    });
    engine.begin(stack, started, 'CREATE_IN_PROGRESS');
  } else {
    requireUpdatable(stack);
    beginUpdate(context, stack, submission, {
      ...requestToken,
      Tags: changeSet.tags,
      Capabilities: changeSet.capabilities as CreateChangeSetInput['Capabilities'],
      NotificationARNs: changeSet.notificationArns,
      RoleARN: changeSet.roleArn,
      DisableRollback: input.DisableRollback,
      DeploymentConfig: changeSet.deploymentConfig,
      RetainExceptOnCreate: input.RetainExceptOnCreate,
    });
  }
  changeSet.execution = 'EXECUTE_COMPLETE';
  repository.saveChangeSet(changeSet);
  // The others were made against a stack that is no longer.
  for (const other of repository.changeSetsOf(stack.id))
    if (other.id !== changeSet.id) repository.removeChangeSet(other);
  return {};
}
