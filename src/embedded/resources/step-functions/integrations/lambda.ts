/** lambda:invoke, and functions whose ARN is the Resource. */
import { StatesError } from '../language/errors.ts';
import type { Integration, TaskCall } from './index.ts';
import { call } from './sdk.ts';

/** The output is Lambda's answer, with the payload as JSON. */
export async function invokeFunction(task: TaskCall, parameters: unknown): Promise<unknown> {
  const { Payload, ...rest } = parameters as { Payload?: unknown };
  const answer = await call(task, 'lambda', 'Invoke', 'Lambda', {
    ...rest,
    ...(Payload !== undefined && { Payload: Buffer.from(JSON.stringify(Payload)) }),
  });
  const text = answer['Payload'];
  const payload: unknown = typeof text === 'string' && text !== '' ? JSON.parse(text) : undefined;
  if (answer['FunctionError'] !== undefined) {
    const { errorType } = Object(payload) as { errorType?: string };
    throw new StatesError(errorType ?? 'Lambda.Unknown', String(text));
  }
  return { ...answer, ...(payload !== undefined && { Payload: payload }) };
}

/** The output is what the function returned. */
export const invokeByArn =
  (functionArn: string): Integration['run'] =>
  async (task, parameters) => {
    const answer = await invokeFunction(task, { FunctionName: functionArn, Payload: parameters });
    return (answer as { Payload?: unknown }).Payload ?? null;
  };
