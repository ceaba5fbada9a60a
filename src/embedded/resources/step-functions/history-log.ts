/** What executions do, in the log groups that their state machine names. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { Cloud } from '../../platform.ts';
import type { ExecutionRecord, StepFunctionsState } from './state.ts';

const fatal = new Set(['ExecutionFailed', 'ExecutionAborted', 'ExecutionTimedOut']);
const failure = /(Failed|TimedOut|Aborted)$|^FailStateEntered$/;

/** Writes an event down where the state machine's log level asks for it. */
export function createHistoryLog(cloud: Cloud, state: StepFunctionsState) {
  return (execution: ExecutionRecord, event: HistoryEvent): void => {
    const machine = state.machines.get(execution.stateMachineArn);
    if (!machine || machine.logging.level === 'OFF' || machine.logging.groups.length === 0) return;
    const { level, includeExecutionData, groups } = machine.logging;
    const type = event.type ?? '';
    if (level === 'FATAL' && !fatal.has(type)) return;
    if (level === 'ERROR' && !failure.test(type)) return;
    const shown = includeExecutionData ? event : withoutData(event);
    const [, details] = Object.entries(shown).find(([name]) => name.endsWith('EventDetails')) ?? [];
    const line = JSON.stringify({
      id: String(event.id),
      type,
      details: details ?? {},
      previous_event_id: String(event.previousEventId),
      event_timestamp: String(event.timestamp?.getTime()),
      execution_arn: execution.arn,
    });
    const day = new Date(execution.started).toISOString().slice(0, 10);
    for (const group of groups) cloud.logs.append(group, `states/${machine.name}/${day}`, [line]);
  };
}

const data = new Set(['input', 'output', 'parameters', 'inputDetails', 'outputDetails', 'error', 'cause']);

/** An event without what the execution worked on. */
export const withoutData = (event: HistoryEvent): HistoryEvent =>
  Object.fromEntries(
    Object.entries(event).map(([name, value]) =>
      name.endsWith('EventDetails')
        ? [name, Object.fromEntries(Object.entries(value as object).filter(([field]) => !data.has(field)))]
        : [name, value],
    ),
  ) as unknown as HistoryEvent;
