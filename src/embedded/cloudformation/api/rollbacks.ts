/** The operations that cut an update short or take a stopped one back. */
import { randomUUID } from 'node:crypto';
import {
  CancelUpdateStack$,
  type CancelUpdateStackInput,
  ContinueUpdateRollback$,
  type ContinueUpdateRollbackInput,
  RollbackStack$,
  type RollbackStackInput,
  type RollbackStackOutput,
} from '@aws-sdk/client-cloudformation';
import { type Operation, operation } from '../../platform.ts';
import type { StackOperation, StackRecord } from '../stack/records.ts';
import { validationError } from '../template/model.ts';
import { type CloudFormationContext, existingStack, stackWithId } from './service.ts';
import { remember } from './stacks.ts';

export const rollbackOperations = (context: CloudFormationContext): Operation[] => [
  operation<CancelUpdateStackInput, object>(CancelUpdateStack$, (input) => cancelUpdate(context, input)),
  operation<ContinueUpdateRollbackInput, object>(ContinueUpdateRollback$, (input) =>
    continueRollback(context, input),
  ),
  operation<RollbackStackInput, RollbackStackOutput>(RollbackStack$, (input) =>
    rollbackStack(context, input),
  ),
];

function cancelUpdate(context: CloudFormationContext, input: CancelUpdateStackInput): object {
  const stack = existingStack(context, input.StackName);
  if (stack.status !== 'UPDATE_IN_PROGRESS' || stack.operation?.phase !== 'deploy')
    throw validationError('CancelUpdateStack cannot be called from current stack status');
  context.engine.cancel(stack.id, 'User Initiated');
  return {};
}

/** Takes a stopped operation up again on its way back. */
function resumeRollback(
  { cloud, engine }: CloudFormationContext,
  stack: StackRecord,
  token: string | undefined,
  extra: Pick<StackOperation, 'previous' | 'skip'>,
  type: StackRecord['lastOperations'][number]['type'],
): StackOperation {
  const started: StackOperation = {
    id: randomUUID(),
    kind: 'rollback',
    phase: extra.previous ? 'rollback' : 'undo',
    disableRollback: false,
    retainExceptOnCreate: false,
    startedAt: cloud.clock.now(),
    ...extra,
  };
  if (token !== undefined) started.token = token;
  remember(stack, type, started);
  engine.begin(stack, started, extra.previous ? 'UPDATE_ROLLBACK_IN_PROGRESS' : 'ROLLBACK_IN_PROGRESS');
  return started;
}

function continueRollback(context: CloudFormationContext, input: ContinueUpdateRollbackInput): object {
  const stack = existingStack(context, input.StackName);
  if (input.ClientRequestToken !== undefined && stack.tokens.includes(input.ClientRequestToken)) return {};
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED' || !stack.lastStable)
    throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not continue rolling back.`);
  const extra: Pick<StackOperation, 'previous' | 'skip'> = { previous: stack.lastStable };
  if (input.ResourcesToSkip) extra.skip = [...input.ResourcesToSkip];
  resumeRollback(context, stack, input.ClientRequestToken, extra, 'CONTINUE_ROLLBACK');
  return {};
}

function rollbackStack(context: CloudFormationContext, input: RollbackStackInput): RollbackStackOutput {
  const stack = stackWithId(context, input.StackName);
  if (input.ClientRequestToken !== undefined && stack.tokens.includes(input.ClientRequestToken))
    return { StackId: stack.id };
  if (stack.status !== 'CREATE_FAILED' && stack.status !== 'UPDATE_FAILED')
    throw validationError(
      `RollbackStack: stack ${stack.name} is in ${stack.status}; it must be in CREATE_FAILED or UPDATE_FAILED`,
    );
  const extra = stack.status === 'UPDATE_FAILED' && stack.lastStable ? { previous: stack.lastStable } : {};
  const started = resumeRollback(context, stack, input.ClientRequestToken, extra, 'ROLLBACK');
  return { StackId: stack.id, OperationId: started.id };
}
