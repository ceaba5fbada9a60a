/**
 * What an operation tells whoever watches it. The services emit; a terminal, a log or a test renders. Events are
 * plain JSON, so that `--output ndjson` can print them.
 */
export type ProgressEvent =
  /** The steps to come, in order; they run one after the other. `operationId`: by which others can watch it. */
  | { type: 'plan'; title: string; operationId?: string; steps: { step: string; title: string }[] }
  | { type: 'step-started'; step: string; title: string }
  /** `skipped`: an earlier run of the same operation had done it, or there was nothing to do. */
  | { type: 'step-done'; step: string; title: string; durationMs: number; skipped: boolean }
  | { type: 'step-failed'; step: string; title: string; durationMs: number; reason: string }
  /** Something that moves inside the current step: a resource that came up, a wait that goes on. */
  | { type: 'detail'; step: string; text: string }
  /** Worth knowing, not a failure. */
  | { type: 'note'; text: string };

export type Watch = (event: ProgressEvent) => void;

export interface StepReport {
  name: string;
  status: 'done' | 'skipped';
  durationMs: number;
}
