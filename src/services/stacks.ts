/** Tenants' CloudFormation stacks: create, watch, delete, and say why one failed. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Capability,
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  ListStackResourcesCommand,
  type Stack,
  type StackEvent,
  type StackResourceSummary,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';
import { ExplainedError } from './explain/chain.ts';
import { ServiceEvidence } from './explain/service-evidence.ts';
import { HealthGate, type Unhealthy } from './health-gate.ts';

export interface StackRequest {
  name: string;
  templateUrl: string;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  /**
   * Express mode: CloudFormation goes on without waiting for what it made to be ready, and rolls back all the same when
   * something can't be made (docs.aws.amazon.com, "Deploy CloudFormation stacks faster with express mode"). For stacks
   * whose services the health gate then waits for.
   */
  express: boolean;
  /** What CloudFormation makes the stack with, and deletes it later; else the caller's own permissions. */
  roleArn?: string;
}

export interface WatchOptions {
  signal: AbortSignal;
  /** Called for each resource that reached a new state, in order. */
  onEvent?: (event: StackEvent) => void;
  /** Told what is waited for once the stack is complete. */
  onDetail?: (text: string) => void;
}

export interface RemoveOptions extends WatchOptions {
  /** Logical ids to leave behind; CloudFormation takes them for a stack whose deletion failed, and for no other. */
  retain?: readonly string[];
}

const pollMs = { first: 100, most: 3_000 };

export class Stacks {
  readonly #options: ClientOptions;
  readonly #client: CloudFormationClient;
  constructor(options: ClientOptions) {
    this.#options = options;
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
   * Makes sure that the stack is there, complete, and its services healthy: creates it, waits for one that is under
   * way, replaces one that an earlier failure left, and brings one whose services ECS gave up to what is requested. Gives
   * its outputs. Throws `stack_failed` with the first failed event, or with what the services' tasks died of.
   */
  async ensure(request: StackRequest, options: WatchOptions): Promise<Record<string, string>> {
    let created = await this.#create(request);
    let stack = created === undefined ? await this.describe(request.name) : undefined;
    // One that is on its way out is an earlier run's that was to be replaced.
    if (stack && (isRolledBack(stack.StackStatus) || stack.StackStatus === 'DELETE_IN_PROGRESS')) {
      await this.remove(request.name, options);
      stack = undefined;
    }
    if (!stack) created ??= await this.#create(request);
    // The name alone where another operator was first, whose stack it is then.
    const id = created ?? stack?.StackId ?? request.name;
    // An update that was rolled back left what was there before it: not what is requested, unless that is the same.
    const asItWas = stack?.StackStatus === 'UPDATE_ROLLBACK_COMPLETE' && !(await this.#update(request));
    let outputs = stack && asItWas ? outputsOf(stack) : await this.#complete(request.name, id, options);
    const gate = new HealthGate(this.#options);
    let failed = await gate.wait(outputs, options);
    // What was there already may be an earlier run's that failed here, and what is requested now may mend it.
    if (failed.length > 0 && stack) {
      if (await this.#update(request)) outputs = await this.#complete(request.name, id, options);
      else await gate.retry(failed);
      failed = await gate.wait(outputs, options);
    }
    if (failed.length > 0) throw await this.#unhealthy(request.name, failed);
    return outputs;
  }

  /** Gives the stack's id; undefined when there is one of that name. */
  async #create(request: StackRequest): Promise<string | undefined> {
    try {
      const { StackId } = await this.#client.send(new CreateStackCommand(inputOf(request)));
      return StackId ?? request.name;
    } catch (error) {
      if (error instanceof Error && error.name === 'AlreadyExistsException') return undefined;
      throw error;
    }
  }

  /**
   * Brings a stack that is there to a template and parameters, and waits until it rests. True when that changed
   * something. Throws `stack_failed` with the first failed event.
   */
  async update(request: StackRequest, options: WatchOptions): Promise<boolean> {
    // One that is under way takes no further update.
    await this.#watch(request.name, { signal: options.signal });
    const changes = await this.#update(request);
    if (changes) await this.#complete(request.name, request.name, options);
    return changes;
  }

  /** False when the stack is as requested already. */
  async #update(request: StackRequest): Promise<boolean> {
    try {
      await this.#client.send(new UpdateStackCommand(inputOf(request)));
      return true;
    } catch (error) {
      if (error instanceof Error && /No updates are to be performed/.test(error.message)) return false;
      throw error;
    }
  }

  /** Waits for the stack; gives its outputs. */
  async #complete(name: string, id: string, options: WatchOptions): Promise<Record<string, string>> {
    const done = await this.#watch(id, options);
    if (done.StackStatus !== 'CREATE_COMPLETE' && done.StackStatus !== 'UPDATE_COMPLETE')
      throw await this.#failure(name, done);
    return outputsOf(done);
  }

  /** Deletes the stack and waits until it is gone. Throws `stack_failed` when something could not be deleted. */
  async remove(name: string, options: RemoveOptions): Promise<void> {
    let stack = await this.describe(name);
    // A stack that is being changed can't be deleted.
    if (stack && /^(UPDATE|ROLLBACK|IMPORT)_\w*IN_PROGRESS$/.test(stack.StackStatus ?? ''))
      stack = await this.#watch(stack.StackId ?? name, options);
    if (!stack) return;
    // By id: once deleted, a stack is found by its id alone.
    await this.#client.send(
      new DeleteStackCommand({
        StackName: stack.StackId ?? name,
        ...(options.retain && { RetainResources: [...options.retain] }),
      }),
    );
    const done = await this.#watch(stack.StackId ?? name, options);
    if (done.StackStatus !== 'DELETE_COMPLETE') throw await this.#failure(name, done);
  }

  /** The template as it was given. */
  async template(name: string): Promise<string> {
    const { TemplateBody = '' } = await this.#client.send(
      new GetTemplateCommand({ StackName: name, TemplateStage: 'Original' }),
    );
    return TemplateBody;
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

  /** Every stack of the account and Region that is not deleted. */
  async all(): Promise<Stack[]> {
    const stacks: Stack[] = [];
    let NextToken: string | undefined;
    do {
      const page: { Stacks?: Stack[] | undefined; NextToken?: string | undefined } = await this.#client.send(
        new DescribeStacksCommand({ ...(NextToken && { NextToken }) }),
      );
      stacks.push(...(page.Stacks ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return stacks;
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

  async #unhealthy(name: string, failed: readonly Unhealthy[]): Promise<SaasError> {
    const services = new ServiceEvidence(this.#options);
    const evidence = await Promise.all(failed.map(({ arn }) => services.of(arn).catch(() => [])));
    const [first] = failed;
    return new ExplainedError(
      'stack_failed',
      `stack "${name}" is there, and its service "${first?.service}" does not run: ${first?.reason}`,
      evidence.flat(),
      {
        detail: failed.map(({ service, reason }) => `${service}: ${reason}`).join('\n'),
        hint: 'repair the cause, then run the same command again; a tenant can be removed with offboard',
      },
    );
  }

  /**
   * The first resource that failed in a stack's last operation, with the reason; of a nested stack, the one in it.
   * What was cancelled on its account has not failed.
   */
  async firstFailure(stackId: string): Promise<StackEvent | undefined> {
    const failed = firstFailed(await this.#events(stackId), stackId);
    const { ResourceType, PhysicalResourceId: nested } = failed ?? {};
    if (ResourceType !== 'AWS::CloudFormation::Stack' || !nested?.startsWith('arn:')) return failed;
    return (await this.firstFailure(nested)) ?? failed;
  }

  async #failure(name: string, stack: Stack): Promise<SaasError> {
    const failed = await this.firstFailure(stack.StackId ?? name);
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

const inputOf = ({ name, templateUrl, parameters, tags, express, roleArn }: StackRequest) => ({
  StackName: name,
  // Else a request that the client repeats, its answer being lost, finds its own stack in the way.
  ClientRequestToken: randomUUID(),
  TemplateURL: templateUrl,
  Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  })),
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'] satisfies Capability[],
  ...(roleArn !== undefined && { RoleARN: roleArn }),
  ...(express && { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: false } as const }),
});

/** `newestFirst`: all events of the stack. */
function firstFailed(newestFirst: readonly StackEvent[], stackId: string): StackEvent | undefined {
  let first: StackEvent | undefined;
  for (const event of newestFirst) {
    const { PhysicalResourceId, ResourceStatus = '', ResourceStatusReason = '' } = event;
    if (PhysicalResourceId === stackId) {
      // Where the last operation began; what failed before it is past, but for a deletion that cleaned up after it.
      if (/^(CREATE|UPDATE|IMPORT)_IN_PROGRESS$/.test(ResourceStatus)) break;
      if (ResourceStatus === 'DELETE_IN_PROGRESS' && first) break;
    } else if (ResourceStatus.endsWith('_FAILED') && !/cancelled/i.test(ResourceStatusReason)) first = event;
  }
  return first;
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
