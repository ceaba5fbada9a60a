import { setTimeout as delay } from 'node:timers/promises';
import { SaasError } from '../model/error.ts';

export interface Answer {
  status: number;
  body: string;
}

/** One request to a tenant's API with a bearer token; never longer than the gateway's own 29 seconds. */
export async function call(url: string, token: string, signal?: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(30_000);
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  return { status: response.status, body: (await response.text()).slice(0, 2_000) };
}

export interface Question {
  url: string;
  ask(): Promise<Answer>;
  signal: AbortSignal;
  /** How long it may take: a new key or route takes a moment to reach every gateway. */
  withinMs: number;
}

/** Asks until the tenant is served. Throws `not_served` with the last answer. */
export const untilServed = (question: Question): Promise<void> =>
  untilAnswered(
    question,
    200,
    (detail) => new SaasError('not_served', `a request with the tenant's token is not served`, { detail }),
  );

/** Asks until the gateway refuses the tenant. Throws `still_served` with the last answer. */
export const untilRefused = (question: Question): Promise<void> =>
  untilAnswered(
    question,
    403,
    (detail) => new SaasError('still_served', `a request with the tenant's token is not refused`, { detail }),
  );

async function untilAnswered(
  { url, ask, signal, withinMs }: Question,
  status: number,
  failure: (detail: string) => SaasError,
): Promise<void> {
  const until = Date.now() + withinMs;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    let last: string;
    try {
      const answer = await ask();
      if (answer.status === status) return;
      last = `the API answered ${answer.status}: ${answer.body}`;
    } catch (error) {
      if (signal.aborted) throw error;
      last = `the API did not answer: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() + wait > until) throw failure(`${last}\nat ${url}`);
    await delay(wait, undefined, { signal });
  }
}
