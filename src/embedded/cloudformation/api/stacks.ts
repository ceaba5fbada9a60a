/** The operations that begin a stack operation: create, update, delete, roll back. */
import { randomUUID } from 'node:crypto';
import {
  CreateStack$,
  type CreateStackInput,
  type CreateStackOutput,
  DeleteStack$,
  type DeleteStackInput,
  type StackStatus,
  UpdateStack$,
  type UpdateStackInput,
  type UpdateStackOutput,
  UpdateTerminationProtection$,
  type UpdateTerminationProtectionInput,
  type UpdateTerminationProtectionOutput,
} from '@aws-sdk/client-cloudformation';
import { AwsError, arn, type Operation, operation } from '../../platform.ts';
import { planUpdate } from '../engine/plan.ts';
import type { StackModel, StackOperation, StackRecord } from '../stack/records.ts';
import { validationError } from '../template/model.ts';
import { requireRole } from './access.ts';
import { type CloudFormationContext, existingStack, required, type Submission, submit } from './service.ts';

/** Quota of stacks in an account and Region (docs.aws.amazon.com, "AWS CloudFormation quotas"). */
export const stackLimit = 2000;

export const stackOperations = (context: CloudFormationContext): Operation[] => [
  operation<CreateStackInput, CreateStackOutput>(CreateStack$, (input) => createStack(context, input)),
  operation<UpdateStackInput, UpdateStackOutput>(UpdateStack$, (input) => updateStack(context, input)),
  operation<DeleteStackInput, object>(DeleteStack$, (input) => deleteStack(context, input)),
  operation<UpdateTerminationProtectionInput, UpdateTerminationProtectionOutput>(
    UpdateTerminationProtection$,
    (input) => {
      const stack = existingStack(context, input.StackName);
      stack.terminationProtection = input.EnableTerminationProtection ?? false;
      context.repository.save(stack);
      return { StackId: stack.id };
    },
  ),
];

/** What a new stack is given, by a call, a change set or its parent. */
export type NewStack = Pick<CreateStackInput, 'StackName'> &
  Partial<CreateStackInput> & {
    parent?: StackRecord;
  };

/** A stack's record before its first operation; it is not stored yet. Throws for bad and taken names. */
export function newStack(
  { cloud, repository }: CloudFormationContext,
  input: NewStack,
  submission: Submission,
): StackRecord {
  const name = required(input.StackName, 'stackName');
  if (!/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(name))
    throw validationError(
      `1 validation error detected: Value '${name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
    );
  if (repository.find(name)) throw new AwsError('AlreadyExistsException', `Stack [${name}] already exists`);
  if (repository.existing().length >= stackLimit)
    throw new AwsError('LimitExceededException', `Limit for stack has been exceeded: ${stackLimit}`);
  const stack: StackRecord = {
    id: arn(cloud, 'cloudformation', `stack/${name}/${randomUUID()}`),
    name,
    status: 'REVIEW_IN_PROGRESS',
    ...modelOf(submission, input.Tags ?? []),
    capabilities: [...(input.Capabilities ?? [])],
    notificationArns: [...(input.NotificationARNs ?? [])],
    disableRollback: input.DisableRollback ?? input.DeploymentConfig?.DisableRollback ?? false,
    terminationProtection: input.EnableTerminationProtection ?? false,
    createdAt: cloud.clock.now(),
    lastOperations: [],
    tokens: [],
  };
  if (input.RoleARN !== undefined) stack.roleArn = input.RoleARN;
  if (input.TimeoutInMinutes !== undefined) stack.timeoutInMinutes = input.TimeoutInMinutes;
  if (input.DeploymentConfig !== undefined) stack.deploymentConfig = input.DeploymentConfig;
  if (input.parent) {
    stack.parentId = input.parent.id;
    stack.rootId = input.parent.rootId ?? input.parent.id;
  }
  return stack;
}

export function modelOf(submission: Submission, tags: StackModel['tags']): StackModel {
  const description = submission.template.Description;
  return {
    template: submission.digest,
    ...(description === undefined ? {} : { description }),
    parameters: submission.parameters,
    tags: [...tags],
    outputs: [],
    imports: [],
  };
}

async function createStack(
  context: CloudFormationContext,
  input: CreateStackInput,
): Promise<CreateStackOutput> {
  const token = input.ClientRequestToken;
  const known = context.repository.find(required(input.StackName, 'stackName'));
  if (known && token !== undefined && known.tokens.includes(token)) return { StackId: known.id };
  if (known && known.deletedAt === undefined)
    throw new AwsError('AlreadyExistsException', `Stack [${known.name}] already exists`);
  if (input.DisableRollback !== undefined && input.OnFailure !== undefined)
    throw validationError('You can specify either DisableRollback or OnFailure, but not both.');
  requireRole(context, input.RoleARN);
  const submission = await submit(context, input);
  const stack = newStack(context, input, submission);
  const started = createOperation(context, stack, input);
  context.engine.begin(stack, started, 'CREATE_IN_PROGRESS');
  return { StackId: stack.id, OperationId: started.id };
}

/** The operation that creates a stack's resources. */
export function createOperation(
  { cloud }: CloudFormationContext,
  stack: StackRecord,
  input: Pick<CreateStackInput, 'ClientRequestToken' | 'OnFailure' | 'RetainExceptOnCreate'>,
): StackOperation {
  const started: StackOperation = {
    id: randomUUID(),
    kind: 'create',
    phase: 'deploy',
    disableRollback: stack.disableRollback,
    retainExceptOnCreate: input.RetainExceptOnCreate ?? false,
    startedAt: cloud.clock.now(),
  };
  if (input.ClientRequestToken !== undefined) started.token = input.ClientRequestToken;
  if (input.OnFailure !== undefined) started.onFailure = input.OnFailure;
  remember(stack, 'CREATE_STACK', started);
  return started;
}

/** Notes an operation as the stack's last one. */
export const remember = (
  stack: StackRecord,
  type: StackRecord['lastOperations'][number]['type'],
  { id }: StackOperation,
): void => {
  stack.lastOperations = [{ type, id }, ...stack.lastOperations].slice(0, 3);
};

const updatable: ReadonlySet<StackStatus> = new Set([
  'CREATE_COMPLETE',
  'CREATE_FAILED',
  'UPDATE_COMPLETE',
  'UPDATE_FAILED',
  'UPDATE_ROLLBACK_COMPLETE',
  'IMPORT_COMPLETE',
  'IMPORT_ROLLBACK_COMPLETE',
]);

/** Throws unless the stack's status admits an update. */
export function requireUpdatable(stack: StackRecord): void {
  if (!updatable.has(stack.status))
    throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
}

async function updateStack(
  context: CloudFormationContext,
  input: UpdateStackInput,
): Promise<UpdateStackOutput> {
  const stack = existingStack(context, input.StackName);
  const token = input.ClientRequestToken;
  if (token !== undefined && stack.tokens.includes(token)) return { StackId: stack.id };
  requireUpdatable(stack);
  requireRole(context, input.RoleARN);
  const submission = await submit(context, input, stack);
  const plan = await planUpdate(context, stack, submission, input.Tags ?? stack.tags);
  if (plan.empty && stack.status !== 'UPDATE_FAILED' && stack.status !== 'CREATE_FAILED') {
    if (submission.digest !== stack.template) context.repository.dropTemplate(submission.digest);
    throw validationError('No updates are to be performed.');
  }
  // The plan took a moment: another call may have come first.
  requireUpdatable(stack);
  const started = beginUpdate(context, stack, submission, input);
  return { StackId: stack.id, OperationId: started.id };
}

/** Gives a stack its new model and starts the update; for UpdateStack, change sets and nested stacks. */
export function beginUpdate(
  { cloud, engine }: CloudFormationContext,
  stack: StackRecord,
  submission: Submission,
  input: Pick<
    UpdateStackInput,
    | 'Tags'
    | 'Capabilities'
    | 'NotificationARNs'
    | 'RoleARN'
    | 'DisableRollback'
    | 'DeploymentConfig'
    | 'ClientRequestToken'
    | 'RetainExceptOnCreate'
  >,
): StackOperation {
  const previous: StackModel = {
    template: stack.template,
    ...(stack.description === undefined ? {} : { description: stack.description }),
    parameters: stack.parameters,
    tags: stack.tags,
    outputs: stack.outputs,
    imports: stack.imports,
  };
  const started: StackOperation = {
    id: randomUUID(),
    kind: 'update',
    phase: 'deploy',
    disableRollback: input.DisableRollback ?? input.DeploymentConfig?.DisableRollback ?? false,
    retainExceptOnCreate: input.RetainExceptOnCreate ?? false,
    startedAt: cloud.clock.now(),
  };
  // A stack whose creation failed has nothing to go back to; one stopped in the middle of an update has what was before.
  if (stack.status === 'UPDATE_FAILED') started.previous = stack.lastStable ?? previous;
  else if (stack.status !== 'CREATE_FAILED') started.previous = previous;
  if (input.ClientRequestToken !== undefined) started.token = input.ClientRequestToken;
  delete stack.description;
  // Outputs and imports stay until the new ones are known.
  Object.assign(stack, modelOf(submission, input.Tags ?? stack.tags), {
    outputs: previous.outputs,
    imports: previous.imports,
  });
  if (input.Capabilities) stack.capabilities = [...input.Capabilities];
  if (input.NotificationARNs) stack.notificationArns = [...input.NotificationARNs];
  if (input.RoleARN !== undefined) stack.roleArn = input.RoleARN;
  if (input.DeploymentConfig !== undefined) stack.deploymentConfig = input.DeploymentConfig;
  stack.updatedAt = cloud.clock.now();
  remember(stack, 'UPDATE_STACK', started);
  engine.begin(stack, started, 'UPDATE_IN_PROGRESS');
  return started;
}

function deleteStack(context: CloudFormationContext, input: DeleteStackInput): object {
  const { repository } = context;
  const stack = repository.find(required(input.StackName, 'stackName'));
  // Deleting what is not there succeeds, as on AWS.
  if (!stack || stack.deletedAt !== undefined || stack.status === 'DELETE_IN_PROGRESS') return {};
  if (stack.terminationProtection)
    throw validationError(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
  if (stack.parentId !== undefined && repository.find(stack.parentId)?.deletedAt === undefined)
    throw validationError(
      `Stack [${stack.name}] is a nested stack: delete its parent, or take it out of the parent's template`,
    );
  if (input.RetainResources?.length && stack.status !== 'DELETE_FAILED')
    throw validationError(
      `Invalid operation on stack [${stack.id}]. Specify resources to retain only when the stack is in DELETE_FAILED state.`,
    );
  const running = stack.operation;
  if (running && running.kind !== 'create' && !(running.phase === 'undo'))
    throw validationError(`Stack [${stack.name}] cannot be deleted while in status ${stack.status}`);
  beginDelete(context, stack, input).catch((error: unknown) => {
    context.cloud.log(`cloudformation: deletion of ${stack.name} did not begin: ${String(error)}`);
  });
  return {};
}

/** Starts deleting a stack; one that is still being created is cut short first. Resolves when deletion has begun. */
export async function beginDelete(
  { cloud, engine }: CloudFormationContext,
  stack: StackRecord,
  input: Pick<DeleteStackInput, 'RetainResources' | 'ClientRequestToken'> = {},
): Promise<void> {
  const begin = (): void => {
    if (stack.deletedAt !== undefined || stack.operation) return;
    const started: StackOperation = {
      id: randomUUID(),
      kind: 'delete',
      phase: 'delete',
      disableRollback: false,
      retainExceptOnCreate: false,
      startedAt: cloud.clock.now(),
    };
    if (input.RetainResources) started.retain = [...input.RetainResources];
    if (input.ClientRequestToken !== undefined) started.token = input.ClientRequestToken;
    remember(stack, 'DELETE_STACK', started);
    engine.begin(stack, started, 'DELETE_IN_PROGRESS');
  };
  if (!stack.operation) {
    begin();
    return;
  }
  stack.operation.disableRollback = true;
  delete stack.operation.onFailure;
  if (stack.operation.phase === 'deploy') engine.cancel(stack.id, 'Stack deletion requested');
  await engine.settled(stack.id);
  begin();
}
