import type { StackEvent } from '@aws-sdk/client-cloudformation';
import type { PermissionChanges } from './permissions.ts';

/** What the command asks of the toolkit's process; one request a process. */
export type ToolkitRequest =
  /** `environment`: `aws://<account>/<region>`. */
  | { action: 'bootstrap'; environment: string }
  | { action: 'deploy'; assembly: string; pollMs: number }
  | { action: 'diff'; assembly: string };

export interface StackChange {
  stack: string;
  added: string[];
  changed: string[];
  removed: string[];
  permissions: PermissionChanges;
}

export type ToolkitEvent =
  | { type: 'stack-started'; stack: string }
  /** Stacks that depend on it begin once whoever listens is done with this. */
  | { type: 'stack-done'; stack: string; changed: boolean }
  /** A resource of a stack reached a new state. */
  | {
      type: 'activity';
      stack: string;
      text: string;
      event: Pick<
        StackEvent,
        'ResourceType' | 'ResourceStatus' | 'ResourceStatusReason' | 'PhysicalResourceId'
      >;
    }
  /** Something else that is under way: an image that is built, an asset that is published. */
  | { type: 'working'; text: string }
  | { type: 'warned'; text: string };

/** The command's answer to a message that the toolkit's process waits with. */
export interface ToolkitAnswer {
  heard: ToolkitMessage['type'];
}

export type ToolkitMessage =
  | ToolkitEvent
  | { type: 'done'; result: unknown }
  | { type: 'failed'; name: string; message: string; stack: string };
