import type { Watch } from '../model/progress.ts';

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
