/** The CDK's toolkit library behind one small door: it is large, so it is loaded when a deployment really begins. */
import type {
  IIoHost,
  IoMessage,
  IoRequest,
  StackActivity,
  StackSelector,
  Toolkit,
} from '@aws-cdk/toolkit-lib';
import type { Target } from '../environment.ts';
import { describeEvent } from '../stack-events.ts';

export interface ToolkitEvents {
  stackStarted(stack: string): void;
  stackDone(stack: string, changed: boolean): void;
  /** A resource of a stack reached a new state. */
  activity(stack: string, text: string): void;
  /** Something else that is under way: an image that is built, an asset that is published. */
  working(text: string): void;
  warned(text: string): void;
}

export interface Loaded {
  toolkit: Toolkit;
  lib: typeof import('@aws-cdk/toolkit-lib');
}

/**
 * The toolkit answers to the process's environment alone, so the target's endpoint, Region and credentials are put
 * there; nothing else of this process reads them.
 */
export async function loadToolkit(target: Target, events: ToolkitEvents): Promise<Loaded> {
  Object.assign(process.env, target.processEnvironment);
  const lib = await import('@aws-cdk/toolkit-lib');
  return { lib, toolkit: new lib.Toolkit({ ioHost: hostOf(events), emojis: false, color: false }) };
}

/** Codes are the toolkit's message registry (docs.aws.amazon.com/cdk/api/toolkit-lib/message-registry). */
function hostOf(events: ToolkitEvents): IIoHost {
  return {
    async notify(message: IoMessage<unknown>) {
      switch (message.code) {
        case 'CDK_TOOLKIT_I5100':
          return events.stackStarted((message.data as { stack: { stackName: string } }).stack.stackName);
        case 'CDK_TOOLKIT_I5502':
          return activity(message.data as StackActivity, events);
        case 'CDK_TOOLKIT_I5900': {
          const done = message.data as { noOp?: boolean; stackArn?: string };
          return events.stackDone(done.stackArn?.split('/')[1] ?? '', done.noOp !== true);
        }
        case 'CDK_TOOLKIT_I5210':
        case 'CDK_TOOLKIT_I5220': {
          const { asset } = message.data as {
            asset: { displayName?: (long: boolean) => string; id?: unknown };
          };
          return events.working(
            `${message.code === 'CDK_TOOLKIT_I5210' ? 'building' : 'publishing'} ${asset.displayName?.(true) ?? 'an asset'}`,
          );
        }
        default:
          if (message.level === 'warn') events.warned(message.message);
      }
    },
    /**
     * Deployments are confirmed by the command before they begin, so the toolkit's own questions get yes; a
     * destruction is never asked through here.
     */
    async requestResponse<T>(request: IoRequest<unknown, T>): Promise<T> {
      return typeof request.defaultResponse === 'boolean' && request.code === 'CDK_TOOLKIT_I5060'
        ? (true as T)
        : request.defaultResponse;
    },
  };
}

/** The construct's path says more than a logical id; its first part is the stack, its last the CloudFormation resource. */
function activity({ event, metadata }: StackActivity, events: ToolkitEvents): void {
  const name = metadata?.constructPath.split('/').slice(1, -1).join(' / ') || event.LogicalResourceId;
  const text = describeEvent(event, name);
  if (text !== undefined) events.activity(event.StackName ?? '', text);
}

export const stacksNamed = (lib: Loaded['lib'], patterns: string[]): StackSelector => ({
  strategy: lib.StackSelectionStrategy.PATTERN_MATCH,
  patterns,
});
