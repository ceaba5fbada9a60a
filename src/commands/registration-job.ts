/** What the control plane's jobs run: the request is in the environment, and nobody is asked. */
import { ExitCode, SaasError } from '../model/error.ts';
import type { Context } from '../services/context.ts';
import {
  type JobRequest,
  jobRequest,
  offboardRegistered,
  onboardRegistered,
} from '../services/control-plane/job.ts';
import type { Invocation } from './invocation.ts';

const jobs: Record<
  'onboard' | 'offboard',
  (context: Context, request: JobRequest) => Promise<{ name: string }>
> = { onboard: onboardRegistered, offboard: offboardRegistered };

export async function registrationJob(cli: Invocation, kind: string): Promise<void> {
  if (kind !== 'onboard' && kind !== 'offboard')
    throw new SaasError('bad_usage', `"${kind}" is no job`, {
      hint: 'use onboard or offboard',
      exitCode: ExitCode.usage,
    });
  const request = jobRequest(process.env);
  const done = await cli.run((context) => jobs[kind](context, request));
  cli.output.result(done, () => `registration ${request.registrationId}: ${kind} of ${done.name} is done`);
}
