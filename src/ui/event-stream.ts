/**
 * The events of `--output ndjson`: one JSON document a line on stdout, and the envelope of `--output json` last. The
 * shapes are part of the command line's contract; fields may be added, none goes and none changes its meaning.
 */
import type { ProgressEvent } from '../model/progress.ts';

/** Says every 15 seconds that a step goes on, for whoever ends a job that falls silent. */
export interface Heartbeat {
  type: 'heartbeat';
  step: string;
  title: string;
  elapsedMs: number;
}

/** One finding of `doctor`, as it comes. */
export interface Finding {
  type: 'check';
  name: string;
  status: 'PASS' | 'WARN' | 'FAIL';
  detail: string;
  hint: string | null;
}

export type StreamEvent = ProgressEvent | Heartbeat | Finding;

export const schemaVersion = 1;

/** An event as its line says it; `at` is when it was told. */
export function lineOf({ type, ...rest }: StreamEvent, at: Date): Record<string, unknown> {
  return { schemaVersion, event: type, ...rest, at: at.toISOString() };
}
