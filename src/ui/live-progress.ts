import type { ListrTaskWrapper, DefaultRenderer as Renderer, SimpleRenderer } from 'listr2';
import type { Output } from './output.ts';
import type { ProgressView } from './progress.ts';
import { clipped, duration } from './table.ts';

/** A step that takes longer says for how long already, in milliseconds. */
const longStepMs = 3_000;

type Task = ListrTaskWrapper<unknown, typeof Renderer, typeof SimpleRenderer>;

interface Row {
  title: string;
  task: Task | undefined;
  startedAt: number;
  /** Resolves with what is said behind the title. */
  settled: Promise<string>;
  done(suffix: string): void;
  fail(suffix: string): void;
}

/**
 * The steps as a list that is drawn over and over, on stderr. `signal`: once aborted, a step that ends was stopped
 * and has not failed.
 */
export async function liveView(output: Output, signal: AbortSignal): Promise<ProgressView> {
  const {
    DefaultRenderer,
    Listr,
    ListrDefaultRendererLogLevels: levels,
    ListrLogger,
    ProcessOutput,
  } = await import('listr2');
  const { err } = output;
  const stderr = output.terminal.stderr as NodeJS.WriteStream;
  /** By listr2's own judgement stdout decides, and a piped one would cost the person at the terminal the list. */
  class OnStderr extends DefaultRenderer {
    static override readonly nonTTY = true;
  }
  const waiting = (): string => err.dim('·');
  const rendererOptions = {
    collapseErrors: false,
    showErrorMessage: false,
    icon: { [levels.WAITING]: '·', [levels.COMPLETED_WITH_FAILED_SISTER_TASKS]: '·' },
    color: {
      [levels.PENDING]: (icon = '') => err.cyan(icon),
      [levels.COMPLETED]: (icon = '') => err.green(icon),
      [levels.FAILED]: (icon = '') => (signal.aborted ? err.yellow('■') : err.red(icon)),
      [levels.OUTPUT]: (icon = '') => err.dim(icon),
      [levels.WAITING]: waiting,
      [levels.COMPLETED_WITH_FAILED_SISTER_TASKS]: waiting,
    },
  };

  let rows = new Map<string, Row>();
  let current: Row | undefined;
  let drawn: Promise<unknown> = Promise.resolve();
  const notes: string[] = [];

  const draw = (title: string, steps: readonly { step: string; title: string }[]): void => {
    giveUp();
    const planned = new Map(steps.map((step) => [step.step, rowOf(step.title)]));
    rows = planned;
    const list = (): Promise<unknown> => {
      output.note(err.bold(title));
      return new Listr(
        [...planned.values()].map((row) => ({
          title: err.dim(row.title),
          task: async (_: unknown, task: Task) => {
            row.task = task;
            task.title = row.title;
            try {
              const suffix = await row.settled;
              task.title = `${row.title} ${err.dim(suffix)}`;
            } catch (error) {
              task.title = `${row.title} ${err.dim((error as Error).message)}`;
              throw error;
            }
          },
        })),
        {
          exitOnError: true,
          registerSignalListeners: false,
          renderer: OnStderr,
          rendererOptions: {
            ...rendererOptions,
            logger: new ListrLogger({ processOutput: new ProcessOutput(stderr, stderr) }),
          },
        },
      ).run();
    };
    // One list after the other; the step's error is told by the command, once.
    drawn = drawn.then(list).catch(() => {});
  };

  /** A command that ends early leaves steps that will never run: the list must not wait for them. */
  const giveUp = (): void => {
    for (const row of rows.values()) row.fail('');
    current = undefined;
  };

  const clock = setInterval(() => {
    if (!current?.task) return;
    const elapsed = performance.now() - current.startedAt;
    if (elapsed > longStepMs) current.task.title = `${current.title} ${err.dim(duration(elapsed))}`;
  }, 1_000);
  clock.unref();

  return {
    watch(event) {
      if (event.type === 'plan') return draw(event.title, event.steps);
      if (event.type === 'note') {
        notes.push(event.text);
        return;
      }
      const row = rows.get(event.step);
      if (!row) return;
      switch (event.type) {
        case 'step-started':
          row.startedAt = performance.now();
          current = row;
          return;
        case 'detail':
          // Listr's indentation and its pointer take six columns.
          if (row.task) row.task.output = err.dim(clipped(event.text, (stderr.columns ?? 80) - 6));
          return;
        case 'step-done':
          current = undefined;
          return row.done(event.skipped ? 'already done' : duration(event.durationMs));
        case 'step-failed':
          current = undefined;
          return row.fail(
            `${signal.aborted ? 'stopped after' : 'failed after'} ${duration(event.durationMs)}`,
          );
      }
    },
    async settle() {
      clearInterval(clock);
      giveUp();
      await drawn;
      for (const note of notes.splice(0)) output.note(err.dim(note));
    },
  };
}

function rowOf(title: string): Row {
  let done = (_: string): void => {};
  let fail = (_: string): void => {};
  const settled = new Promise<string>((resolve, reject) => {
    done = resolve;
    fail = (suffix) => reject(new Error(suffix));
  });
  settled.catch(() => {});
  return { title, task: undefined, startedAt: 0, settled, done, fail };
}
