/** Runs calls inside a tenant: a task of its own task definition, with its role, its network and its image. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  type ContainerDefinition,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  type Service as EcsService,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { built } from '../../../model/installation.ts';
import type { Service } from '../../../model/service.ts';
import type { Context } from '../../context.ts';
import type { Subject } from '../estate.ts';
import {
  type Call,
  type CallResult,
  type Plan,
  planVariable,
  type QueryCall,
  type ScriptResult,
} from './plan.ts';

/** Characters of overrides that ECS admits (API reference of TaskOverride), less what JSON adds. */
const overridesLimit = 8_192 - 700;
/** Milliseconds for a task to start, do its calls and print them; Fargate alone takes up to a minute to start one. */
const longest = 180_000;

export interface TaskFacts {
  service: EcsService;
  container: ContainerDefinition;
  taskDefinition: string;
  taskRoleArn: string | undefined;
  executionRoleArn: string | undefined;
  environment: Readonly<Record<string, string>>;
}

/** What a service of a tenant runs as. */
export async function taskFacts(context: Context, subject: Subject, service: Service): Promise<TaskFacts> {
  const ecs = new ECSClient(context.target.client);
  const { services = [] } = await ecs.send(
    new DescribeServicesCommand({
      cluster: subject.cluster,
      services: [subject.services[service.name] ?? service.name],
    }),
  );
  const [found] = services;
  const taskDefinition = found?.taskDefinition;
  if (!found || taskDefinition === undefined)
    throw new Error(`the service ${service.name} of ${subject.name} does not run`);
  const { taskDefinition: described } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
  const container = described?.containerDefinitions?.find(({ name }) => name === service.name);
  if (!container) throw new Error(`the task of ${service.name} has no container of that name`);
  return {
    service: found,
    container,
    taskDefinition,
    taskRoleArn: described?.taskRoleArn,
    executionRoleArn: described?.executionRoleArn,
    environment: Object.fromEntries(
      (container.environment ?? []).map(({ name = '', value = '' }) => [name, value]),
    ),
  };
}

/** Addresses at which a service's tasks listen. */
export async function doorsOf(context: Context, subject: Subject, service: Service): Promise<string[]> {
  const ecs = new ECSClient(context.target.client);
  const { cluster } = subject;
  const { taskArns: tasks = [] } = await ecs.send(
    new ListTasksCommand({ cluster, serviceName: subject.services[service.name] ?? service.name }),
  );
  if (tasks.length === 0) return [];
  const described = await ecs.send(new DescribeTasksCommand({ cluster, tasks: tasks.slice(0, 100) }));
  return (described.tasks ?? []).flatMap((task) => {
    const host = task.attachments
      ?.flatMap(({ details = [] }) => details)
      .find(({ name }) => name === 'privateIPv4Address')?.value;
    return host === undefined ? [] : [`http://${host}:${service.port}`];
  });
}

let script: Promise<string> | undefined;

/** The probe script as one line of JavaScript, packed: half of what ECS admits is for the plan. */
async function command(service: Service): Promise<string[]> {
  script ??= readFile(built('services', 'verify', 'inside', 'script.cjs')).then((source) => {
    const packed = gzipSync(source, { level: 9 }).toString('base64');
    return `eval(require('zlib').gunzipSync(Buffer.from('${packed}','base64')).toString())`;
  });
  // The built-in images' entry point is Node.js; of another's nothing is known.
  return [...(service.image.startsWith('builtin:') ? [] : ['node']), '-e', await script];
}

const encoded = (plan: Plan): string => gzipSync(JSON.stringify(plan), { level: 9 }).toString('base64');

/** As few tasks as their overrides' limit allows; calls of one group stay together, with the sessions that they use. */
function planned(calls: readonly Call[], room: number): { plan: Plan; calls: Call[] }[] {
  const sessions = calls.filter((call): call is QueryCall => 'keep' in call && call.keep !== undefined);
  const others = calls.filter((call) => !sessions.includes(call as QueryCall));
  const used = new Set(others.map(({ as }) => as));
  const make = (some: readonly Call[], first: boolean): { plan: Plan; calls: Call[] } => {
    const needed = new Set(some.map(({ as }) => as));
    // One that nobody goes on with is a call like any other.
    const kept = sessions.filter(({ keep }) => needed.has(keep) || (first && !used.has(keep)));
    const all = [...kept, ...some];
    return {
      calls: all,
      plan: { run: randomUUID().slice(0, 8), calls: all.map(({ sent: _, expect: __, ...call }) => call) },
    };
  };
  const split = (some: readonly Call[], first: boolean): { plan: Plan; calls: Call[] }[] => {
    const one = make(some, first);
    if (some.length <= 1 || encoded(one.plan).length <= room) return [one];
    const half = Math.ceil(some.length / 2);
    return [...split(some.slice(0, half), first), ...split(some.slice(half), false)];
  };
  return split(others, true);
}

/** Makes the calls as the tenant's task; gives a result for each, by call. Throws when a task could not be run. */
export async function runInside(
  context: Context,
  subject: Subject,
  service: Service,
  calls: readonly Call[],
  signal: AbortSignal,
): Promise<Map<Call, CallResult>> {
  const facts = await taskFacts(context, subject, service);
  const words = await command(service);
  const room = overridesLimit - words.reduce((sum, word) => sum + word.length, 0);
  const results = new Map<Call, CallResult>();
  await Promise.all(
    planned(calls, room).map(async (part) => {
      for (const result of await runPart(context, subject, service, facts, words, part.plan, signal)) {
        const call = part.calls[result.i];
        if (call) results.set(call, { ...result, call });
      }
    }),
  );
  return results;
}

async function runPart(
  context: Context,
  subject: Subject,
  service: Service,
  facts: TaskFacts,
  words: string[],
  plan: Plan,
  signal: AbortSignal,
): Promise<ScriptResult[]> {
  const ecs = new ECSClient(context.target.client);
  const { cluster } = subject;
  const { service: like } = facts;
  const { tasks = [], failures = [] } = await ecs.send(
    new RunTaskCommand({
      cluster,
      taskDefinition: facts.taskDefinition,
      startedBy: 'saas-ecs verify',
      ...(like.capacityProviderStrategy?.length
        ? { capacityProviderStrategy: like.capacityProviderStrategy }
        : { launchType: like.launchType ?? 'FARGATE' }),
      ...(like.networkConfiguration && { networkConfiguration: like.networkConfiguration }),
      overrides: {
        containerOverrides: [
          {
            name: service.name,
            command: words,
            environment: [{ name: planVariable, value: encoded(plan) }],
          },
        ],
      },
    }),
  );
  const task = tasks[0]?.taskArn;
  if (task === undefined)
    throw new Error(`no task could be started: ${failures.map(({ reason }) => reason).join(', ')}`);
  try {
    return await readBack(context, ecs, { cluster, task, facts, service, plan, signal });
  } catch (error) {
    await ecs
      .send(new StopTaskCommand({ cluster, task, reason: 'the verification did not wait for it' }))
      .catch(() => {});
    throw error;
  }
}

/** Reads the script's lines from the task's log stream until its last. */
async function readBack(
  context: Context,
  ecs: ECSClient,
  run: { cluster: string; task: string; facts: TaskFacts; service: Service; plan: Plan; signal: AbortSignal },
): Promise<ScriptResult[]> {
  const logs = new CloudWatchLogsClient(context.target.client);
  const options = run.facts.container.logConfiguration?.options ?? {};
  const stream = {
    logGroupName: options['awslogs-group'] ?? '',
    logStreamName: `${options['awslogs-stream-prefix']}/${run.service.name}/${run.task.split('/').at(-1)}`,
  };
  const until = Date.now() + longest;
  const mark = `verify ${run.plan.run} `;
  let stoppedAt: number | undefined;
  for (;;) {
    const lines = await linesOf(logs, stream, mark);
    if (lines.some((line) => line['done'] !== undefined))
      return lines.filter((line) => 'i' in line) as unknown as ScriptResult[];
    const failed = lines.find((line) => line['failed'] !== undefined);
    if (failed) throw new Error(`the task ${run.service.name} failed: ${String(failed['failed'])}`);
    // Log lines come a moment after the task's end.
    if (stoppedAt !== undefined && Date.now() - stoppedAt > 10 * context.target.pollMs + 1_000)
      throw new Error(await whyItStopped(ecs, run));
    if (Date.now() > until)
      throw new Error(`the task of ${run.service.name} printed nothing in ${longest / 1_000} s`);
    await delay(context.target.pollMs, undefined, { signal: run.signal });
    const { tasks = [] } = await ecs.send(
      new DescribeTasksCommand({ cluster: run.cluster, tasks: [run.task] }),
    );
    if (stoppedAt === undefined && (tasks[0] === undefined || tasks[0].lastStatus === 'STOPPED'))
      stoppedAt = Date.now();
  }
}

async function whyItStopped(ecs: ECSClient, run: { cluster: string; task: string }): Promise<string> {
  const { tasks = [] } = await ecs.send(
    new DescribeTasksCommand({ cluster: run.cluster, tasks: [run.task] }),
  );
  const reasons = [tasks[0]?.stoppedReason, ...(tasks[0]?.containers ?? []).map(({ reason }) => reason)];
  return `not attacked from inside, the task stopped without a word: ${reasons.filter(Boolean).join('; ') || 'no reason given'}`;
}

async function linesOf(
  logs: CloudWatchLogsClient,
  stream: { logGroupName: string; logStreamName: string },
  mark: string,
): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  let nextToken: string | undefined;
  for (;;) {
    try {
      const page = await logs.send(
        new GetLogEventsCommand({
          ...stream,
          startFromHead: true,
          ...(nextToken !== undefined && { nextToken }),
        }),
      );
      for (const { message = '' } of page.events ?? [])
        if (message.startsWith(mark))
          lines.push(JSON.parse(message.slice(mark.length)) as Record<string, unknown>);
      // The end is where a token leads to itself.
      if (page.nextForwardToken === undefined || page.nextForwardToken === nextToken) return lines;
      nextToken = page.nextForwardToken;
    } catch (error) {
      // The stream begins with its first line.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return lines;
      throw error;
    }
  }
}
