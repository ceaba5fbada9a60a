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
export function describeEvent(event: StackEvent, name = event.LogicalResourceId): string | undefined {
  const state = states[event.ResourceStatus ?? ''];
  if (state === undefined || event.ResourceType === 'AWS::CloudFormation::Stack') return undefined;
  const [, service = '', kind = ''] = (event.ResourceType ?? '').split('::');
  const reason = event.ResourceStatus?.endsWith('_FAILED') ? `: ${event.ResourceStatusReason ?? ''}` : '';
  return `${service} ${spaced(kind)} ${name ?? ''} ${state}${reason}`;
}

/** `TargetGroup` -> `target group`. */
const spaced = (kind: string): string => kind.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
