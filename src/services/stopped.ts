/** What to tell when somebody stops watching a deployment: what goes on without him, and how to go on. */
import { setTimeout as delay } from 'node:timers/promises';
import { stackNames, withPrefix } from '../model/names.ts';
import { stopError } from '../model/stop.ts';
import type { Context } from './context.ts';
import type { Target } from './environment.ts';
import { Stacks } from './stacks.ts';

/** Who pressed Ctrl-C waits no longer than this, in milliseconds. */
const lookWithinMs = 2_000;

/** Runs `work`; when it ends because the context's signal was aborted, throws `interrupted` or `wait_timed_out` in its stead. */
export async function tellingWhatGoesOn<T>(
  context: Context,
  { what, command }: { what: string; command: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!context.signal.aborted) throw error;
    const going = await Promise.race([
      underWay(context.target).catch(() => undefined),
      delay(lookWithinMs, undefined, { ref: false }),
    ]);
    throw stopError(context.signal, what, {
      detail: `nothing was undone; ${goingOn(going)}`,
      hint: `take it up where it stopped: ${command}${environmentFlag(context)}`,
      cause: error,
    });
  }
}

/** ` --env prod`, for a command to be copied; nothing where the environment is the one taken without it. */
export function environmentFlag({ config, target }: Pick<Context, 'config' | 'target'>): string {
  const { name } = target.environment;
  return name === config.environments[0]?.name ? '' : ` --env ${name}`;
}

/** Shared stacks that CloudFormation is working on. */
async function underWay(target: Target): Promise<string[]> {
  const stacks = new Stacks(target.client);
  const names = Object.values(stackNames).map((name) => withPrefix(target.prefix, name));
  const found = await Promise.all(names.map((name) => stacks.describe(name)));
  return names.filter((_, index) => found[index]?.StackStatus?.endsWith('_IN_PROGRESS'));
}

function goingOn(stacks: readonly string[] | undefined): string {
  if (stacks === undefined) return 'what CloudFormation has begun goes on';
  if (stacks.length === 0) return 'CloudFormation is working on none of the shared stacks';
  return `CloudFormation goes on with ${stacks.join(', ')}`;
}
