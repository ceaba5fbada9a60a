/** codebuild:startBuild, and .sync, which waits for the build's end ("Call AWS CodeBuild with Step Functions"). */

import { Interrupted } from '../interpreter/ends.ts';
import { StatesError } from '../language/errors.ts';
import type { TaskCall } from './index.ts';
import { call } from './sdk.ts';

interface StartedBuild {
  Build: { Id: string; BuildStatus: string };
}

export async function startBuild(task: TaskCall, parameters: unknown): Promise<StartedBuild> {
  // An attempt that is taken up again finds the build that it had started.
  const input = { IdempotencyToken: task.token, ...(parameters as object) };
  return (await call(task, 'codebuild', 'StartBuild', 'CodeBuild', input)) as unknown as StartedBuild;
}

/** Rejects with States.TaskFailed and the build as its cause, unless the build has succeeded. */
export async function runBuild(task: TaskCall, parameters: unknown): Promise<unknown> {
  const started = await startBuild(task, parameters);
  const id = started.Build.Id;
  task.submitted(started);
  try {
    await task.cloud.codeBuild.ended(id, task.signal);
  } catch (error) {
    // Nobody waits for it any more.
    if (!(error instanceof Interrupted))
      await call(task, 'codebuild', 'StopBuild', 'CodeBuild', { Id: id }).catch(() => {});
    throw error;
  }
  const answer = await call(task, 'codebuild', 'BatchGetBuilds', 'CodeBuild', { Ids: [id] });
  const [build] = answer['Builds'] as StartedBuild['Build'][];
  const output = { Build: build ?? started.Build };
  if (output.Build.BuildStatus !== 'SUCCEEDED')
    throw new StatesError('States.TaskFailed', JSON.stringify(output));
  return output;
}
