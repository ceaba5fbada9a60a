/**
 * Shows an operation as it goes: a live list on a terminal, plain lines with a heartbeat elsewhere. It always draws
 * on stderr, so a result can be piped.
 */
import type { ListrTaskWrapper } from 'listr2';
import type { ProgressEvent } from '../model/progress.ts';
import type { Output } from './output.ts';
import { duration } from './table.ts';

export interface ProgressView {
  watch(event: ProgressEvent): void;
  /** Resolves when what is drawn is final; to be called before anything else is written. */
  settle(): Promise<void>;
}

export async function progressView(output: Output): Promise<ProgressView> {
  const { stderr, env } = output.terminal;
  if (output.format === 'ndjson') return { watch: (event) => output.event(event), settle: async () => {} };
  return stderr.isTTY && !env['CI'] && env['TERM'] !== 'dumb' ? liveView(output) : plainView(output);
}

const heartbeatMs = 15_000;

function plainView(output: Output): ProgressView {
  let current: { title: string; since: number; last: string } | undefined;
  const beat = setInterval(() => {
    if (!current) return;
    const elapsed = duration(performance.now() - current.since);
    output.note(`  still: ${current.title} (${elapsed})${current.last ? `: ${current.last}` : ''}`);
  }, heartbeatMs);
  beat.unref();
  return {
    watch(event) {
      switch (event.type) {
        case 'plan':
          return output.note(event.title);
        case 'step-started':
          current = { title: event.title, since: performance.now(), last: '' };
          return;
        case 'step-done':
          current = undefined;
          return output.note(
            `  done: ${event.title} (${event.skipped ? 'nothing to do' : duration(event.durationMs)})`,
          );
        case 'step-failed':
          current = undefined;
          return output.note(`  failed: ${event.title} (${duration(event.durationMs)})`);
        case 'detail':
          if (current) current.last = event.text;
          return;
        case 'note':
          return output.note(event.text);
      }
    },
    async settle() {
      clearInterval(beat);
    },
  };
}

interface Row {
  title: string;
  task: ListrTaskWrapper<unknown, never, never> | undefined;
  settled: Promise<void>;
  done(): void;
  fail(): void;
}

async function liveView(output: Output): Promise<ProgressView> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const stderr = output.terminal.stderr as NodeJS.WriteStream;
  const rows = new Map<string, Row>();
  let drawn: Promise<unknown> = Promise.resolve();

  const draw = (title: string, steps: { step: string; title: string }[]): void => {
    output.note(output.err.bold(title));
    rows.clear();
    for (const step of steps) {
      let done = (): void => {};
      let fail = (): void => {};
      const settled = new Promise<void>((resolve, reject) => {
        done = resolve;
        fail = () => reject(new Error(step.title));
      });
      settled.catch(() => {});
      rows.set(step.step, { title: step.title, task: undefined, settled, done, fail });
    }
    const list = new Listr(
      [...rows.values()].map((row) => ({
        title: row.title,
        task: (_: unknown, task: unknown) => {
          row.task = task as Row['task'];
          return row.settled;
        },
      })),
      {
        exitOnError: true,
        registerSignalListeners: false,
        rendererOptions: {
          logger: new ListrLogger({ processOutput: new ProcessOutput(stderr, stderr) }),
          collapseErrors: false,
          showErrorMessage: false,
          suffixSkips: false,
        },
      },
    );
    // The step's error is reported by the command, once.
    drawn = list.run().catch(() => {});
  };

  return {
    watch(event) {
      if (event.type === 'plan') return draw(event.title, event.steps);
      if (event.type === 'note') return;
      const row = rows.get(event.step);
      if (!row) return;
      switch (event.type) {
        case 'detail':
          if (row.task) row.task.output = output.err.dim(event.text.slice(0, (stderr.columns ?? 80) - 6));
          return;
        case 'step-done':
          if (row.task)
            row.task.title = `${row.title} ${output.err.dim(event.skipped ? 'already done' : duration(event.durationMs))}`;
          return row.done();
        case 'step-failed':
          return row.fail();
      }
    },
    async settle() {
      // A command that ends early leaves steps that will never run: the list must not wait for them.
      for (const row of rows.values()) row.fail();
      await drawn;
    },
  };
}
