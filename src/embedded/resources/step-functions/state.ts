/** Step Functions' records: state machines, executions with the place where each of their branches is, and their history. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Tags } from '../tags.ts';

export interface StateMachineRecord {
  name: string;
  arn: string;
  /** JSON text */
  definition: string;
  roleArn: string;
  revisionId: string;
  logging: LoggingSettings;
  tracing: boolean;
  tags: Tags;
  /** Milliseconds */
  created: number;
}

export interface LoggingSettings {
  level: 'ALL' | 'ERROR' | 'FATAL' | 'OFF';
  includeExecutionData: boolean;
  /** Names */
  groups: string[];
}

export interface ExecutionRecord {
  arn: string;
  name: string;
  stateMachineArn: string;
  /** As they were when it started. */
  definition: string;
  roleArn: string;
  /** JSON text */
  input: string;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  /** Milliseconds */
  started: number;
  stopped?: number;
  /** JSON text */
  output?: string;
  error?: string | undefined;
  cause?: string | undefined;
  /** The newest event's id. */
  events: number;
  root: Branch;
}

/** Where one line of an execution is: the whole of it, a branch of a Parallel state, an iteration of a Map state. */
export interface Branch {
  /** The current state. */
  state: string;
  /** That state's raw input. */
  input: unknown;
  /** The event that comes before the next one. */
  event: number;
  /** Present once the state is entered. */
  entered?: Entered;
  done?: { output: unknown };
  /** What the history says of an iteration. */
  told?: 'started' | 'succeeded';
}

export interface Entered {
  /** Milliseconds */
  at: number;
  event: number;
  /** Milliseconds; when the attempt under way began. */
  attemptAt: number;
  /** Stands for the attempt in calls that take an idempotency token. */
  token: string;
  /** How far the attempt's task has come. */
  task?: 'scheduled' | 'submitted';
  /** By the retrier's index. */
  retries: Record<number, number>;
  /** Milliseconds; the next attempt begins then. */
  retryAt?: number;
  /** Milliseconds; a Wait state's end. */
  until?: number;
  /** Of a Parallel or Map state. */
  branches?: Branch[];
}

export type StepFunctionsState = ReturnType<typeof openState>;

export function openState(cloud: Cloud) {
  const machines = cloud.store.collection<StateMachineRecord>('states.machines');
  const executions = cloud.store.collection<ExecutionRecord>('states.executions');
  const history = cloud.store.collection<HistoryEvent>('states.history');
  const eventKey = (execution: string, id: number): string => `${execution}#${id}`;
  return {
    machines,
    executions,
    machineArn: (name: string): string => arn(cloud, 'states', `stateMachine:${name}`),
    executionArn: (machine: string, name: string): string =>
      arn(cloud, 'states', `execution:${machine}:${name}`),
    /** Throws AwsError StateMachineDoesNotExist. */
    machine(stateMachineArn: string | undefined): StateMachineRecord {
      const found = machines.get(stateMachineArn ?? '');
      if (!found)
        throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${stateMachineArn}'`);
      return found;
    },
    /** Throws AwsError ExecutionDoesNotExist. */
    execution(executionArn: string | undefined): ExecutionRecord {
      const found = executions.get(executionArn ?? '');
      if (!found) throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      return found;
    },
    /** Newest first. */
    executionsOf: (stateMachineArn: string): ExecutionRecord[] =>
      executions
        .values()
        .filter((execution) => execution.stateMachineArn === stateMachineArn)
        .reverse(),
    putEvent(execution: string, event: HistoryEvent): void {
      history.put(eventKey(execution, event.id ?? 0), event);
    },
    /** In order. */
    eventsOf: (execution: ExecutionRecord): HistoryEvent[] =>
      Array.from(
        { length: execution.events },
        (_, index) => history.get(eventKey(execution.arn, index + 1)) ?? [],
      ).flat(),
    forget(execution: ExecutionRecord): void {
      for (let id = 1; id <= execution.events; id++) history.delete(eventKey(execution.arn, id));
      executions.delete(execution.arn);
    },
  };
}
