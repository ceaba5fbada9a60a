/** Executions: starting, ending and describing them, and taking them up again after a restart. */
import { randomUUID } from 'node:crypto';
import {
  DescribeExecution$,
  type DescribeExecutionInput,
  DescribeStateMachineForExecution$,
  GetExecutionHistory$,
  type GetExecutionHistoryInput,
  ListExecutions$,
  type ListExecutionsInput,
  StartExecution$,
  type StartExecutionInput,
  StopExecution$,
  type StopExecutionInput,
} from '@aws-sdk/client-sfn';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type Call, type Cloud, type Operation, operation } from '../../platform.ts';
import { decodeToken, encodeToken } from '../pages.ts';
import { createHistoryLog, withoutData } from './history-log.ts';
import { Aborted, Interrupted } from './interpreter/ends.ts';
import { type ExecutionHost, Run } from './interpreter/run.ts';
import type { StateMachineDefinition } from './language/definition.ts';
import type { ExecutionRecord, StateMachineRecord, StepFunctionsState } from './state.ts';

/** Ended executions of a state machine that can still be read; Step Functions keeps them for 90 days. */
const keptExecutions = 200;
/** Bytes ("Quotas": 256 KiB). */
const maxInput = 262_144;

export type Executions = ReturnType<typeof createExecutions>;

export function createExecutions(cloud: Cloud, state: StepFunctionsState) {
  const running = new Map<string, { run: Run; done: Promise<void> }>();
  const log = createHistoryLog(cloud, state);

  const host: ExecutionHost = {
    cloud,
    save(execution) {
      // A state machine that is deleted takes its executions with it.
      if (state.executions.has(execution.arn)) state.executions.put(execution.arn, execution);
    },
    record(execution, event) {
      if (!state.executions.has(execution.arn)) return;
      state.putEvent(execution.arn, event);
      log(execution, event);
    },
    changed(execution) {
      host.save(execution);
      cloud.events.emit({
        source: 'aws.states',
        detailType: 'Step Functions Execution Status Change',
        resources: [execution.arn],
        detail: eventDetail(execution),
      });
      if (execution.status !== 'RUNNING') prune(execution.stateMachineArn);
    },
  };

  const prune = (stateMachineArn: string): void => {
    const ended = state.executionsOf(stateMachineArn).filter(({ status }) => status !== 'RUNNING');
    for (const old of ended.slice(keptExecutions)) state.forget(old);
  };

  const go = (execution: ExecutionRecord): void => {
    const run = new Run(host, execution);
    // The caller hears of it before it begins.
    const done = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => run.run())
      .finally(() => running.delete(execution.arn));
    running.set(execution.arn, { run, done });
  };

  const start = (machine: StateMachineRecord, given: StartExecutionInput): ExecutionRecord => {
    const name = given.name ?? randomUUID();
    const input = given.input ?? '{}';
    if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/]{1,80}$/.test(name))
      throw new AwsError('InvalidName', `Invalid Name: '${name}'`);
    if (Buffer.byteLength(input) > maxInput)
      throw new AwsError(
        'InvalidExecutionInput',
        'Invalid State Machine Execution Input: it is larger than 256 KiB',
      );
    let parsed: unknown;
    try {
      parsed = parseJson(input);
    } catch (error) {
      throw new AwsError(
        'InvalidExecutionInput',
        `Invalid State Machine Execution Input: '${(error as Error).message}'`,
      );
    }
    const arn = state.executionArn(machine.name, name);
    const known = state.executions.get(arn);
    if (known?.status === 'RUNNING' && known.input === input) return known;
    if (known) throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    const { StartAt } = JSON.parse(machine.definition) as StateMachineDefinition;
    const execution: ExecutionRecord = {
      arn,
      name,
      stateMachineArn: machine.arn,
      definition: machine.definition,
      roleArn: machine.roleArn,
      input,
      status: 'RUNNING',
      started: cloud.clock.now(),
      events: 1,
      root: { state: StartAt, input: parsed, event: 1 },
    };
    state.executions.put(arn, execution);
    host.record(execution, {
      id: 1,
      previousEventId: 0,
      timestamp: new Date(execution.started),
      type: 'ExecutionStarted',
      executionStartedEventDetails: { input, inputDetails: { truncated: false }, roleArn: machine.roleArn },
    });
    host.changed(execution);
    go(execution);
    return execution;
  };

  /** Resolves when it has ended. */
  const abort = async (executionArn: string, error?: string, cause?: string): Promise<void> => {
    const under = running.get(executionArn);
    under?.run.end(new Aborted(error, cause));
    await under?.done;
  };

  const onExecution = <Input extends { executionArn: string | undefined }, Output>(
    schema: unknown,
    action: string,
    handler: (input: Input, call: Call) => Output | Promise<Output>,
  ): Operation =>
    operation(schema, handler, {
      access: ({ executionArn = '' }) => [{ action: `states:${action}`, resource: executionArn }],
    });
  const onMachine = <Input extends { stateMachineArn?: string | undefined }, Output>(
    schema: unknown,
    action: string,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ stateMachineArn = '' }) => [{ action: `states:${action}`, resource: stateMachineArn }],
    });

  const operations: Operation[] = [
    onMachine(StartExecution$, 'StartExecution', (input: StartExecutionInput) => {
      const { arn, started } = start(state.machine(input.stateMachineArn), input);
      return { executionArn: arn, startDate: started };
    }),
    onExecution(StopExecution$, 'StopExecution', async (input: StopExecutionInput) => {
      const execution = state.execution(input.executionArn);
      await abort(execution.arn, input.error, input.cause);
      return { stopDate: execution.stopped };
    }),
    onExecution(DescribeExecution$, 'DescribeExecution', (input: DescribeExecutionInput) => {
      const execution = state.execution(input.executionArn);
      const { output } = execution;
      return {
        ...summary(execution),
        input: execution.input,
        inputDetails: { included: true },
        ...(output !== undefined && { output, outputDetails: { included: true } }),
        error: execution.error,
        cause: execution.cause,
        redriveCount: 0,
        redriveStatus: 'NOT_REDRIVABLE',
        redriveStatusReason: 'The embedded cloud redrives no executions',
      };
    }),
    onExecution(
      DescribeStateMachineForExecution$,
      'DescribeStateMachineForExecution',
      (input: { executionArn: string | undefined }) => {
        const execution = state.execution(input.executionArn);
        const { definition, roleArn, stateMachineArn } = execution;
        return {
          stateMachineArn,
          name: stateMachineArn.split(':').at(-1),
          definition,
          roleArn,
          updateDate: state.machine(stateMachineArn).created,
        };
      },
    ),
    onMachine(ListExecutions$, 'ListExecutions', (input: ListExecutionsInput) => {
      const machine = state.machine(input.stateMachineArn);
      const found = state
        .executionsOf(machine.arn)
        .filter(({ status }) => input.statusFilter === undefined || status === input.statusFilter);
      const page = paged(found, ({ arn }) => arn, input.maxResults, input.nextToken);
      return { executions: page.items.map(summary), nextToken: page.nextToken };
    }),
    onExecution(GetExecutionHistory$, 'GetExecutionHistory', (input: GetExecutionHistoryInput) => {
      const events = state.eventsOf(state.execution(input.executionArn));
      if (input.reverseOrder) events.reverse();
      const page = paged(events, ({ id }) => String(id), input.maxResults, input.nextToken);
      return {
        events: input.includeExecutionData === false ? page.items.map(withoutData) : page.items,
        nextToken: page.nextToken,
      };
    }),
  ];

  return {
    operations,
    /** Ends what runs of a state machine, and forgets all of its executions. */
    async remove(stateMachineArn: string): Promise<void> {
      const all = state.executionsOf(stateMachineArn);
      await Promise.all(all.map(({ arn }) => abort(arn)));
      for (const execution of all) state.forget(execution);
    },
    resume(): void {
      for (const execution of state.executions.values()) if (execution.status === 'RUNNING') go(execution);
    },
    async stop(): Promise<void> {
      for (const { run } of running.values()) run.end(new Interrupted());
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

const summary = (execution: ExecutionRecord) => ({
  executionArn: execution.arn,
  stateMachineArn: execution.stateMachineArn,
  name: execution.name,
  status: execution.status,
  startDate: execution.started,
  stopDate: execution.stopped,
});

/** Dates are milliseconds ("Step Functions events" of EventBridge). */
const eventDetail = (execution: ExecutionRecord): Record<string, unknown> => ({
  ...summary(execution),
  stopDate: execution.stopped ?? null,
  stateMachineVersionArn: null,
  stateMachineAliasArn: null,
  input: execution.input,
  inputDetails: { included: true },
  output: execution.output ?? null,
  outputDetails: execution.output === undefined ? null : { included: true },
  error: execution.error ?? null,
  cause: execution.cause ?? null,
});

/** A list in whatever order, from the item after the token's. */
function paged<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  max: number | undefined,
  token: string | undefined,
): { items: T[]; nextToken: string | undefined } {
  const size = max || 100;
  const key = token === undefined ? undefined : decodeToken(token, 'InvalidToken');
  const from = key === undefined ? 0 : items.findIndex((item) => keyOf(item) === key) + 1;
  const page = items.slice(from, from + size);
  const last = page.at(-1);
  return {
    items: page,
    nextToken: last !== undefined && from + size < items.length ? encodeToken(keyOf(last)) : undefined,
  };
}
