/** How operations are spoken of: what they are called, and the command that goes on with one. */
import type { SaasError } from '../model/error.ts';
import { stopError } from '../model/stop.ts';
import type { Context } from './context.ts';
import type { OperationKind } from './lease.ts';
import { environmentFlag } from './stopped.ts';

const nouns: Record<OperationKind, string> = {
  onboard: 'onboarding',
  offboard: 'offboarding',
  throttle: 'change of limits',
  upgrade: 'upgrade',
  move: 'move',
  suspend: 'suspension',
  resume: 'resumption',
};

/** `the onboarding of "acme"` */
export const operationNoun = (kind: OperationKind, name: string): string => `the ${nouns[kind]} of "${name}"`;

/** How to take an operation up that nobody works on: a command line where one does it, else words. */
export function resumeCommand(
  context: Pick<Context, 'config' | 'target'>,
  kind: OperationKind,
  name: string,
  flags = '',
): string {
  const rest = `${flags && ` ${flags}`}${environmentFlag(context)}`;
  if (kind === 'onboard') return `saas-ecs onboard --resume ${name}${rest}`;
  if (kind === 'offboard') return `saas-ecs offboard ${name} --confirm ${name}${rest}`;
  if (kind === 'suspend') return `saas-ecs suspend ${name} --confirm ${name}${rest}`;
  if (kind === 'resume') return `saas-ecs resume ${name}${rest}`;
  return `run the same ${kind} command again`;
}

/** The error of an operation whose own process was told to stop, or to wait no longer. */
export const stoppedOperation = (
  context: Context,
  kind: OperationKind,
  name: string,
  flags?: string,
): SaasError =>
  stopError(context.signal, operationNoun(kind, name), {
    detail: 'nothing was undone; what CloudFormation has begun goes on',
    hint: `take it up where it stopped: ${resumeCommand(context, kind, name, flags)}`,
  });
