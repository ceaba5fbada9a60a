/**
 * The CDK's toolkit library in a process of its own, told what to do over IPC. It is large, prints what Docker
 * prints, reads its endpoint and credentials from the process's environment and can't be cancelled: here none of
 * that reaches the command.
 */
import type { IIoHost, IoMessage, IoRequest, StackActivity, StackSelector } from '@aws-cdk/toolkit-lib';
import { describeEvent } from '../stack-events.ts';
import { permissionChanges } from './permissions.ts';
import type { StackChange, ToolkitAnswer, ToolkitMessage, ToolkitRequest } from './toolkit-protocol.ts';

// Listened to before the long import, so that it is not missed.
const asked = new Promise<ToolkitRequest>((resolve) => process.once('message', resolve));
const lib = await import('@aws-cdk/toolkit-lib');

const send = (message: ToolkitMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });

/** Returns once the command is done with the message; several are answered in their order. */
const tell = (message: ToolkitMessage): Promise<void> =>
  new Promise((resolve) => {
    answered.push(resolve);
    void send(message);
  });
const answered: (() => void)[] = [];

/** Codes are the toolkit's message registry (docs.aws.amazon.com/cdk/api/toolkit-lib/message-registry). */
const host: IIoHost = {
  async notify(message: IoMessage<unknown>) {
    switch (message.code) {
      case 'CDK_TOOLKIT_I5100': {
        const { stack } = message.data as { stack: { stackName: string } };
        return send({ type: 'stack-started', stack: stack.stackName });
      }
      case 'CDK_TOOLKIT_I5502':
        return activity(message.data as StackActivity);
      case 'CDK_TOOLKIT_I5900': {
        const done = message.data as { noOp?: boolean; stackArn?: string };
        return tell({
          type: 'stack-done',
          stack: done.stackArn?.split('/')[1] ?? '',
          changed: done.noOp !== true,
        });
      }
      case 'CDK_TOOLKIT_I5210':
      case 'CDK_TOOLKIT_I5220': {
        const { asset } = message.data as { asset: { displayName?: (long: boolean) => string } };
        const verb = message.code === 'CDK_TOOLKIT_I5210' ? 'building' : 'publishing';
        return send({ type: 'working', text: `${verb} ${asset.displayName?.(true) ?? 'an asset'}` });
      }
      default:
        if (message.level === 'warn') await send({ type: 'warned', text: message.message });
    }
  },
  /** The command confirmed the deployment before it began; nothing else is asked through here. */
  async requestResponse<T>(request: IoRequest<unknown, T>): Promise<T> {
    return request.code === 'CDK_TOOLKIT_I5060' ? (true as T) : request.defaultResponse;
  },
};

/** The construct's path says more than a logical id; its first part is the stack, its last the CloudFormation resource. */
async function activity({ event, metadata }: StackActivity): Promise<void> {
  const name = metadata?.constructPath.split('/').slice(1, -1).join(' / ') || event.LogicalResourceId;
  const text = describeEvent(event, name);
  if (text === undefined) return;
  const { ResourceType, ResourceStatus, ResourceStatusReason, PhysicalResourceId } = event;
  await send({
    type: 'activity',
    stack: event.StackName ?? '',
    text,
    event: { ResourceType, ResourceStatus, ResourceStatusReason, PhysicalResourceId },
  });
}

const toolkit = new lib.Toolkit({ ioHost: host, emojis: false, color: false });
const everyStack: StackSelector = { strategy: lib.StackSelectionStrategy.ALL_STACKS };

async function perform(request: ToolkitRequest): Promise<unknown> {
  switch (request.action) {
    case 'bootstrap':
      await toolkit.bootstrap(lib.BootstrapEnvironments.fromList([request.environment]), {
        parameters: lib.BootstrapStackParameters.withExisting({
          cloudFormationExecutionPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'],
        }),
      });
      return undefined;
    case 'deploy': {
      const { stacks } = await toolkit.deploy(await toolkit.fromAssemblyDirectory(request.assembly), {
        stacks: everyStack,
        deploymentMethod: { method: 'direct' },
        concurrency: 4,
        assetParallelism: true,
        stackEventPollingInterval: request.pollMs,
      });
      return stacks.map(({ stackName, outputs }) => ({ stackName, outputs }));
    }
    case 'diff': {
      const diffs = await toolkit.diff(await toolkit.fromAssemblyDirectory(request.assembly), {
        stacks: everyStack,
        method: lib.DiffMethod.TemplateOnly(),
      });
      return Object.entries(diffs).map(([stack, diff]) => {
        const change: StackChange = {
          stack,
          added: [],
          changed: [],
          removed: [],
          permissions: permissionChanges(diff),
        };
        diff.resources.forEachDifference((logicalId, resource) => {
          const label = `${resource.newResourceType ?? resource.oldResourceType ?? 'resource'} ${logicalId}`;
          if (resource.isAddition) change.added.push(label);
          else if (resource.isRemoval) change.removed.push(label);
          else change.changed.push(label);
        });
        return change;
      });
    }
  }
}

// The command's end is this process's end; what CloudFormation has begun goes on.
process.on('disconnect', () => process.exit(1));
process.on('message', (answer: ToolkitAnswer) => {
  if (answer.heard === 'stack-done') answered.shift()?.();
});
try {
  const request = await asked;
  await send({ type: 'done', result: await perform(request) });
} catch (error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  await send({ type: 'failed', name, message, stack: stack ?? '' });
}
process.exit(0);
