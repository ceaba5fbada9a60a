/**
 * Shows an operation as it goes: a live list on a terminal, plain lines with a heartbeat elsewhere. It always draws
 * on stderr, so a result can be piped.
 */
import type { ProgressEvent } from '../model/progress.ts';
import type { Output } from './output.ts';
import { duration } from './table.ts';

export interface ProgressView {
  watch(event: ProgressEvent): void;
  /** Resolves when what is drawn is final; to be called before anything else is written. */
  settle(): Promise<void>;
}

/** `signal`: once aborted, a step that ends was stopped and has not failed. */
export async function progressView(output: Output, signal: AbortSignal): Promise<ProgressView> {
  const { stderr, env } = output.terminal;
  if (output.format === 'ndjson') return streamView(output);
  if (!stderr.isTTY || env['CI'] || env['TERM'] === 'dumb') return plainView(output, signal);
  const { liveView } = await import('./live-progress.ts');
  return liveView(output, signal);
}

const heartbeatMs = 15_000;

/** The events as they are, one JSON document a line. */
function streamView(output: Output): ProgressView {
  let current: { step: string; title: string; since: number } | undefined;
  const beat = setInterval(() => {
    if (!current) return;
    const { step, title, since } = current;
    output.event({ type: 'heartbeat', step, title, elapsedMs: Math.round(performance.now() - since) });
  }, heartbeatMs);
  beat.unref();
  return {
    watch(event) {
      if (event.type === 'step-started')
        current = { step: event.step, title: event.title, since: performance.now() };
      else if (event.type === 'step-done' || event.type === 'step-failed') current = undefined;
      output.event(event);
    },
    async settle() {
      clearInterval(beat);
    },
  };
}

function plainView(output: Output, signal: AbortSignal): ProgressView {
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
          return output.note(
            `  ${signal.aborted ? 'stopped' : 'failed'}: ${event.title} (${duration(event.durationMs)})`,
          );
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
