import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { line } from '../../src/ui/event-schema.ts';
import { Output } from '../../src/ui/output.ts';
import { progressView } from '../../src/ui/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says every 15 seconds that a step goes on, and nothing between steps', async () => {
  const stdout = new PassThrough();
  const output = new Output(
    { stdout, stderr: new PassThrough(), stdin: new PassThrough(), env: {} },
    { format: 'ndjson', debug: false },
  );
  const told = (): { event: string; elapsedMs?: number }[] =>
    String(stdout.read() ?? '')
      .split('\n')
      .filter(Boolean)
      .map((text) => {
        const parsed: unknown = JSON.parse(text);
        expect(line.safeParse(parsed).error).toBeUndefined();
        return parsed as { event: string; elapsedMs?: number };
      });
  const view = await progressView(output, new AbortController().signal);
  vi.advanceTimersByTime(60_000);
  expect(told()).toEqual([]);
  view.watch({ type: 'step-started', step: 'stack', title: 'Create the stack' });
  vi.advanceTimersByTime(45_000);
  expect(told().map(({ event }) => event)).toEqual(['step-started', 'heartbeat', 'heartbeat', 'heartbeat']);
  view.watch({
    type: 'step-done',
    step: 'stack',
    title: 'Create the stack',
    durationMs: 45_000,
    skipped: false,
  });
  vi.advanceTimersByTime(60_000);
  expect(told().map(({ event }) => event)).toEqual(['step-done']);
  await view.settle();
  expect(vi.getTimerCount()).toBe(0);
});
