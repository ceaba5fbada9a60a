/**
 * An endpoint in front of the cloud on which calls go wrong at random, as they do on a bad day. The same seed deals the
 * same fates in the same order; which call meets which depends on how calls that are made at once arrive.
 */
import { createServer, request as send } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from './random.mjs';

/**
 * `throttled` and `failed` are AWS's own refusals. `reset` breaks the connection before the call is done, `lost` after
 * it, `stalled` after a while in which nothing happens. `slow` is late and right.
 */
export const faults = ['throttled', 'failed', 'reset', 'lost', 'stalled', 'slow'];

/** How long a stalled call hangs, and how late a slow one is at most, in milliseconds. */
const stallMs = 300;
const slowMs = 100;

/** `rate`: share of calls that go wrong, 0 to 1. Gives `{ url, calls(), struck(), close() }`. */
export async function openFaultyEndpoint(endpoint, { seed, rate }) {
  const random = seeded(seed);
  const struck = Object.fromEntries(faults.map((fault) => [fault, 0]));
  let calls = 0;
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      calls++;
      const fault = random() < rate ? faults[Math.floor(random() * faults.length)] : undefined;
      if (fault) struck[fault]++;
      void meet(fault, endpoint, request, Buffer.concat(chunks), response, random());
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    calls: () => calls,
    struck: () => ({ ...struck }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function meet(fault, endpoint, request, body, response, chance) {
  switch (fault) {
    case 'throttled':
      return refuse(request, response, 400, 'ThrottlingException', 'Rate exceeded');
    case 'failed':
      return refuse(request, response, 500, 'InternalFailure', 'An internal error occurred');
    case 'reset':
      return response.destroy();
    case 'stalled':
      await delay(stallMs);
      return response.destroy();
    case 'slow':
      await delay(chance * slowMs);
      return forward(endpoint, request, body, response, false);
    default:
      return forward(endpoint, request, body, response, fault === 'lost');
  }
}

/** In the words of the call's protocol: XML where the service speaks it, JSON elsewhere. */
function refuse(request, response, status, code, message) {
  const service = /\/([a-z0-9-]+)\/aws4_request/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const isThrottled = code === 'ThrottlingException';
  const xml = (type, body) => {
    response.writeHead(service === 's3' && isThrottled ? 503 : status, { 'content-type': type });
    response.end(body);
  };
  if (service === 's3')
    return xml(
      'application/xml',
      `<Error><Code>${isThrottled ? 'SlowDown' : code}</Code><Message>${message}</Message></Error>`,
    );
  if (['cloudformation', 'sts', 'iam', 'elasticloadbalancing'].includes(service))
    return xml(
      'text/xml',
      `<ErrorResponse><Error><Code>${isThrottled ? 'Throttling' : code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    );
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code });
  response.end(JSON.stringify({ __type: code, message }));
}

function forward(endpoint, request, body, response, loseAnswer) {
  const options = { method: request.method, headers: request.headers };
  const onward = send(new URL(request.url ?? '/', endpoint), options, (answer) => {
    if (loseAnswer) {
      answer.resume();
      answer.on('end', () => response.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  onward.end(body);
}
