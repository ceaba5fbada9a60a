/**
 * What an operation tells whoever watches it. The services emit; a terminal, a log or a test renders. Events are
 * plain JSON, so `--output ndjson` can print them as they are.
 */
export type ProgressEvent =
  /** The steps to come, in order; they run one after the other. */
  | { type: 'plan'; title: string; steps: { step: string; title: string }[] }
  | { type: 'step-started'; step: string; title: string }
  /** `skipped`: an earlier run of the same operation had done it. */
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

/** Runs one named step under a watcher: start, then done or failed with the time it took. */
export async function watched<T>(
  watch: Watch,
  step: string,
  title: string,
  run: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const durationMs = (): number => Math.round(performance.now() - startedAt);
  watch({ type: 'step-started', step, title });
  try {
    const result = await run();
    watch({ type: 'step-done', step, title, durationMs: durationMs(), skipped: false });
    return result;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    watch({ type: 'step-failed', step, title, durationMs: durationMs(), reason });
    throw error;
  }
}
