import { setTimeout as delay } from 'node:timers/promises';

/** Lets requests go no faster than `rate` a second after the first `burst`: an attack's own limits must not hide its outcome. */
export function pace(rate: number, burst: number): (signal: AbortSignal) => Promise<void> {
  const interval = 1_000 / Math.max(rate, 0.1);
  // When the bucket would be full again.
  let full = 0;
  return async (signal) => {
    const now = Date.now();
    full = Math.max(full, now) + interval;
    const wait = full - now - interval * Math.max(burst, 1);
    if (wait > 0) await delay(wait, undefined, { signal });
  };
}

/** Asks again while the answer is that others use the same limits up; the last answer when the time is over. */
export async function unthrottled<T extends { status: number }>(
  signal: AbortSignal,
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const reply = await ask();
    if (reply.status !== 429 || signal.aborted) return reply;
    await delay(300, undefined, { signal });
  }
}
