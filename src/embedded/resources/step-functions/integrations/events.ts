/** events:putEvents ("Add EventBridge events with Step Functions"). */
import { StatesError } from '../language/errors.ts';
import type { TaskCall } from './index.ts';
import { call } from './sdk.ts';

interface Entry {
  Detail?: unknown;
  Resources?: string[];
}

/** The detail may be an object; each entry also names the execution and its state machine. */
export async function putEvents(task: TaskCall, parameters: unknown): Promise<unknown> {
  const { Entries = [], ...rest } = parameters as { Entries?: Entry[] };
  const { arn, stateMachineArn } = task.execution;
  const output = await call(task, 'events', 'PutEvents', 'EventBridge', {
    ...rest,
    Entries: Entries.map((entry) => ({
      ...entry,
      Detail: typeof entry.Detail === 'string' ? entry.Detail : JSON.stringify(entry.Detail),
      Resources: [...(entry.Resources ?? []), arn, stateMachineArn],
    })),
  });
  if (output['FailedEntryCount'] !== 0)
    throw new StatesError('EventBridge.FailedEntry', JSON.stringify(output));
  return output;
}
