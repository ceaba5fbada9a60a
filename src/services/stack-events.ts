import type { StackEvent } from '@aws-sdk/client-cloudformation';

const states: Record<string, string> = {
  CREATE_IN_PROGRESS: 'creating',
  CREATE_COMPLETE: 'created',
  CREATE_FAILED: 'failed',
  UPDATE_IN_PROGRESS: 'updating',
  UPDATE_COMPLETE: 'updated',
  UPDATE_FAILED: 'failed',
  DELETE_IN_PROGRESS: 'deleting',
  DELETE_COMPLETE: 'deleted',
  DELETE_FAILED: 'could not be deleted',
  DELETE_SKIPPED: 'kept',
};

/**
 * Says in words what a stack event means: `ECS service Orders created`. Undefined for events of the stack itself.
 * `name` is a better one than the logical id, where there is one.
 */
export function describeEvent(event: StackEvent, name?: string): string | undefined {
  const state = states[event.ResourceStatus ?? ''];
  if (state === undefined || event.ResourceType === 'AWS::CloudFormation::Stack') return undefined;
  const [, service = '', type = ''] = (event.ResourceType ?? '').split('::');
  const kind = spaced(type).toLowerCase();
  const reason = event.ResourceStatus?.endsWith('_FAILED') ? `: ${event.ResourceStatusReason ?? ''}` : '';
  return `${service} ${kind} ${name ?? readable(event.LogicalResourceId ?? '', kind)} ${state}${reason}`;
}

/** `TargetGroup` -> `Target Group`. */
const spaced = (words: string): string => words.replace(/([a-z])([A-Z])/g, '$1 $2');

/**
 * What a logical id says that its kind doesn't. The CDK makes one of the construct's path and eight digits:
 * `AppServicesOrdersService021BD5A8`, an ECS service, is `Orders`.
 */
function readable(logicalId: string, kind: string): string {
  const words = spaced(logicalId.replace(/[0-9A-F]{8}$/, '')).split(' ');
  const said = kind.split(' ');
  if (words[0] === 'App' && words.length > 1) words.shift();
  while (words.length > 1 && said.includes(words.at(-1)?.toLowerCase() ?? '')) words.pop();
  if (words.length > 1 && words[0]?.toLowerCase() === `${said.at(-1)}s`) words.shift();
  return words.join(' ');
}
