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

/**
 * Asks until the tenant is served, for at most `withinMs`: a new key or route takes a moment to reach every gateway.
 * Throws `not_served` with the last answer.
 */
export async function untilServed(
  url: string,
  token: string,
  options: { signal: AbortSignal; withinMs: number },
): Promise<void> {
  const until = Date.now() + options.withinMs;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    let last: string;
    try {
      const answer = await call(url, token, options.signal);
      if (answer.status === 200) return;
      last = `the API answered ${answer.status}: ${answer.body}`;
    } catch (error) {
      if (options.signal.aborted) throw error;
      last = `the API did not answer: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() + wait > until)
      throw new SaasError('not_served', `a request with the tenant's token is not served`, {
        detail: `${last}\nat ${url}`,
      });
    await delay(wait, undefined, { signal: options.signal });
  }
}
