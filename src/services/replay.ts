import type { Watch } from '../model/progress.ts';
import type { Operation } from './lease.ts';

/** Turns what an operation's record says, read again and again, into the events that its own process told. */
export class Replay {
  readonly #watch: Watch;
  #planned = false;
  #started: string | undefined;
  readonly #done = new Set<string>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** To be given every state that was read, in order. */
  show(title: string, operationId: string, record: Pick<Operation, 'done' | 'steps' | 'failure'>): void {
    const { steps, done, failure } = record;
    if (!steps) return;
    if (!this.#planned) {
      this.#planned = true;
      this.#watch({
        type: 'plan',
        title,
        operationId,
        steps: steps.map((step) => ({ step: step.name, title: step.title })),
      });
    }
    for (const { name, title, startedAt, durationMs = 0 } of steps) {
      const step = { step: name, title };
      if (this.#done.has(name)) continue;
      const isDone = done.includes(name);
      if (!isDone && startedAt === undefined && failure?.step !== name) return;
      if (this.#started !== name) this.#watch({ type: 'step-started', ...step });
      this.#started = name;
      if (isDone) {
        this.#done.add(name);
        this.#watch({ type: 'step-done', ...step, durationMs, skipped: false });
        continue;
      }
      if (failure?.step === name)
        this.#watch({
          type: 'step-failed',
          ...step,
          durationMs:
            startedAt === undefined ? 0 : Math.max(0, Date.parse(failure.at) - Date.parse(startedAt)),
          reason: failure.reason,
        });
      return;
    }
  }

  /** Something that moves inside the step that is under way. */
  detail(text: string): void {
    if (this.#started !== undefined && !this.#done.has(this.#started))
      this.#watch({ type: 'detail', step: this.#started, text });
  }
}
