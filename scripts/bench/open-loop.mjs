/**
 * A load generator for processes of its own: requests leave at a constant rate, whatever became of those before, and a
 * latency is counted from when its request was due. So a stall shows in every request that it held up, which a generator
 * that waits for answers would not have sent. Forked; takes `{ url, headers, rate, seconds }`, answers with what came back.
 */
import http from 'node:http';
import { setPriority } from 'node:os';

/** Connections at most: more than either tenant needs while the system keeps up. */
const connections = 256;
/** Requests under way at most; what is due beyond that is counted as not sent. */
const underWayAtMost = 2_000;
/** An answer that comes later is none. */
const requestMs = 10_000;

async function run({ url, headers, rate, seconds }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port, pathname } = new URL(url);
  const total = Math.round(rate * seconds);
  const statuses = {};
  const latencies = [];
  let underWay = 0;
  let unsent = 0;
  const count = (status) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const began = performance.now();

  const send = (due) =>
    new Promise((resolve) => {
      underWay++;
      const end = (status) => {
        underWay--;
        count(status);
        // An answer that was not given has taken for ever.
        latencies.push(status === 200 ? performance.now() - due : status === 429 ? undefined : Infinity);
        resolve();
      };
      const request = http.request({ agent, hostname, port, path: pathname, headers }, (response) => {
        response.on('data', () => {});
        response.on('end', () => end(response.statusCode));
        response.on('error', () => end('broken'));
      });
      request.setTimeout(requestMs, () => request.destroy(new Error('timeout')));
      request.on('error', () => end('broken'));
      request.end();
    });

  const sent = [];
  await new Promise((resolve) => {
    let next = 0;
    const tick = () => {
      for (let now = performance.now(); next < total; next++) {
        const due = began + (1_000 * next) / rate;
        if (due > now) break;
        if (underWay >= underWayAtMost) unsent++;
        else sent.push(send(due));
        now = performance.now();
      }
      if (next === total) resolve();
      else setTimeout(tick, Math.max(0, began + (1_000 * next) / rate - performance.now()));
    };
    tick();
  });
  const sentWithin = (performance.now() - began) / 1_000;
  await Promise.all(sent);
  agent.destroy();
  return { statuses, latencies: latencies.filter((ms) => ms !== undefined), total, unsent, sentWithin };
}

// The neighbour's own machine would not be this one: its generator takes what the system leaves.
if (process.argv.includes('--background')) setPriority(10);
process.on('message', (job) => {
  run(job).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
