/** Tenants' CloudFormation stacks: create, watch, delete, and say why one failed. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  type Stack,
  type StackEvent,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';

export interface StackRequest {
  name: string;
  templateUrl: string;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  /** What CloudFormation makes the stack with, and deletes it later; else the caller's own permissions. */
  roleArn?: string;
}

export interface WatchOptions {
  signal: AbortSignal;
  /** Called for each resource that reached a new state, in order. */
  onEvent?: (event: StackEvent) => void;
}

const pollMs = { first: 100, most: 3_000 };

export class Stacks {
  readonly #client: CloudFormationClient;
  constructor(options: ClientOptions) {
    this.#client = new CloudFormationClient(options);
  }

  /** The stack, or undefined when there is none of that name. */
  async describe(name: string): Promise<Stack | undefined> {
    try {
      const { Stacks } = await this.#client.send(new DescribeStacksCommand({ StackName: name }));
      return Stacks?.[0];
    } catch (error) {
      if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message))
        return undefined;
      throw error;
    }
  }

  /**
   * Makes sure that the stack is there and complete: creates it, waits for one that is under way, and replaces one
   * that an earlier failure left. Gives its outputs. Throws `stack_failed` with the first failed event.
   */
  async ensure(request: StackRequest, options: WatchOptions): Promise<Record<string, string>> {
    let stack = await this.describe(request.name);
    // One that is on its way out is an earlier run's that was to be replaced.
    if (stack && (isRolledBack(stack.StackStatus) || stack.StackStatus === 'DELETE_IN_PROGRESS')) {
      await this.remove(request.name, options);
      stack = undefined;
    }
    let token = stack?.StackId;
    if (!stack) {
      const { StackId } = await this.#client.send(
        new CreateStackCommand({
          StackName: request.name,
          // Else a request that the client repeats, its answer being lost, finds its own stack in the way.
          ClientRequestToken: randomUUID(),
          TemplateURL: request.templateUrl,
          Parameters: Object.entries(request.parameters).map(([ParameterKey, ParameterValue]) => ({
            ParameterKey,
            ParameterValue,
          })),
          Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
          Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
          ...(request.roleArn !== undefined && { RoleARN: request.roleArn }),
        }),
      );
      token = StackId;
    }
    const done = await this.#watch(token ?? request.name, options);
    if (done.StackStatus !== 'CREATE_COMPLETE' && done.StackStatus !== 'UPDATE_COMPLETE')
      throw await this.#failure(request.name, done);
    return outputsOf(done);
  }

  /** Deletes the stack and waits until it is gone. Throws `stack_failed` when something could not be deleted. */
  async remove(name: string, options: WatchOptions): Promise<void> {
    const stack = await this.describe(name);
    if (!stack) return;
    // By id: once deleted, a stack is found by its id alone.
    await this.#client.send(new DeleteStackCommand({ StackName: stack.StackId ?? name }));
    const done = await this.#watch(stack.StackId ?? name, options);
    if (done.StackStatus !== 'DELETE_COMPLETE') throw await this.#failure(name, done);
  }

  async resources(name: string): Promise<StackResourceSummary[]> {
    const resources: StackResourceSummary[] = [];
    let NextToken: string | undefined;
    do {
      const page: {
        StackResourceSummaries?: StackResourceSummary[] | undefined;
        NextToken?: string | undefined;
      } = await this.#client.send(
        new ListStackResourcesCommand({ StackName: name, ...(NextToken && { NextToken }) }),
      );
      resources.push(...(page.StackResourceSummaries ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return resources;
  }

  /** Polls until the stack rests, more slowly the longer it takes, and hands on the events as they come. */
  async #watch(stackId: string, options: WatchOptions): Promise<Stack> {
    const seen = new Set<string>();
    const since = Date.now() - 60_000;
    for (let wait = pollMs.first; ; wait = Math.min(wait * 1.3, pollMs.most)) {
      const { Stacks } = await this.#client.send(new DescribeStacksCommand({ StackName: stackId }));
      const stack = Stacks?.[0];
      if (!stack) throw new SaasError('stack_failed', `stack "${stackId}" has vanished`);
      if (options.onEvent) {
        const { StackEvents = [] } = await this.#client.send(
          new DescribeStackEventsCommand({ StackName: stackId }),
        );
        for (const event of StackEvents.reverse()) {
          const id = event.EventId ?? '';
          if (seen.has(id) || (event.Timestamp?.getTime() ?? 0) < since) continue;
          seen.add(id);
          options.onEvent(event);
        }
      }
      if (!stack.StackStatus?.endsWith('_IN_PROGRESS')) return stack;
      await delay(wait, undefined, { signal: options.signal });
    }
  }

  /** All events of a stack, newest first; a rollback alone can fill a page. */
  async #events(stackId: string): Promise<StackEvent[]> {
    const events: StackEvent[] = [];
    let NextToken: string | undefined;
    do {
      const page: { StackEvents?: StackEvent[] | undefined; NextToken?: string | undefined } =
        await this.#client.send(
          new DescribeStackEventsCommand({ StackName: stackId, ...(NextToken && { NextToken }) }),
        );
      events.push(...(page.StackEvents ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return events;
  }

  async #failure(name: string, stack: Stack): Promise<SaasError> {
    const events = await this.#events(stack.StackId ?? name);
    const failed = events
      .reverse()
      .find(
        (event) =>
          event.ResourceStatus?.endsWith('_FAILED') &&
          event.PhysicalResourceId !== stack.StackId &&
          !/cancelled/i.test(event.ResourceStatusReason ?? ''),
      );
    const what = failed
      ? `${failed.LogicalResourceId} (${failed.ResourceType})`
      : (stack.StackStatus ?? 'unknown');
    const reason = failed?.ResourceStatusReason ?? stack.StackStatusReason ?? 'CloudFormation gave no reason';
    return new SaasError('stack_failed', `stack "${name}" failed at ${what}: ${firstLine(reason)}`, {
      detail: reason,
      hint: 'repair the cause, then run the same command again; a tenant can be removed with offboard',
    });
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text;

const isRolledBack = (status: string | undefined): boolean =>
  status === 'ROLLBACK_COMPLETE' ||
  status === 'ROLLBACK_FAILED' ||
  status === 'CREATE_FAILED' ||
  status === 'DELETE_FAILED';

export function outputsOf(stack: Stack): Record<string, string> {
  return Object.fromEntries(
    (stack.Outputs ?? []).map((output) => [output.OutputKey ?? '', output.OutputValue ?? '']),
  );
}
