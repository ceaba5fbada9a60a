/**
 * Measures the built order service: authenticated `GET /orders` of 20 items over 16 connections, against stand-ins that
 * answer at once, everything on this machine. `node scripts/bench/order-service.mjs [--json] [--runs N] [--seconds S]`
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { load } from './load.mjs';
import { residentMB } from './proc.mjs';
import { median } from './process.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const image = path.join(here, '..', '..', 'dist', 'templates', 'images', 'order', 'index.mjs');

/** What the reference architecture's order service reaches in the same set-up. */
export const referenceRequestsPerSecond = 200;
export const bars = {
  requestsPerSecond: 4 * referenceRequestsPerSecond,
  readyMs: 250,
  loadedMB: 140,
  idleMB: 90,
  assumeRoleCalls: 1,
};

const freePort = async () => {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};

const answers = (url) =>
  new Promise((resolve) => {
    http
      .get(url, { agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      })
      .on('error', () => resolve(false));
  });

async function run(standIns, seconds) {
  const port = await freePort();
  const began = performance.now();
  const service = spawn(process.execPath, [image], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      NODE_ENV: 'production',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: standIns.url,
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      TABLE_NAME: 'orders',
      TABLE_SORT_KEY: 'orderId',
      TENANT_ROLE_ARN: 'arn:aws:iam::000000000000:role/tenant',
      ISSUER: `${standIns.url}/pool`,
      CLIENT_ID: 'client',
    },
  });
  // Its log goes through a pipe, as under ECS, and is read.
  service.stdout.resume();
  try {
    const deadline = began + 10_000;
    while (!(await answers(`http://127.0.0.1:${port}/health`))) {
      if (service.exitCode !== null || performance.now() > deadline)
        throw new Error('the order service did not start');
      await delay(5);
    }
    const readyMs = Math.round(performance.now() - began);
    await delay(500);
    const idleMB = await residentMB(service.pid);

    const before = await standIns.asked();
    const url = `http://127.0.0.1:${port}/orders`;
    const headers = { authorization: `Bearer ${standIns.token}` };
    await load(url, { headers, connections: 16, seconds: 1 });
    let loadedMB = 0;
    const watch = setInterval(async () => {
      loadedMB = Math.max(loadedMB, await residentMB(service.pid));
    }, 100);
    const result = await load(url, { headers, connections: 16, seconds });
    clearInterval(watch);
    const after = await standIns.asked();
    return { ...result, readyMs, idleMB, loadedMB, assumeRoleCalls: after.assumeRole - before.assumeRole };
  } finally {
    const ended = service.exitCode === null ? once(service, 'exit') : undefined;
    service.kill('SIGTERM');
    await ended;
  }
}

async function startStandIns() {
  const child = fork(path.join(here, 'stand-ins.mjs'), ['20']);
  const [{ url, token }] = await once(child, 'message');
  return {
    url,
    token,
    async asked() {
      child.send('asked');
      const [message] = await once(child, 'message');
      return message.asked;
    },
    stop: () => child.disconnect(),
  };
}

/**
 * The median of several runs, each with a process of its own.
 * `ok` says whether every bar is met.
 */
export async function runOrderServiceBench({
  short = false,
  runs = short ? 3 : 5,
  seconds = short ? 1 : 4,
} = {}) {
  if (!existsSync(image)) throw new Error('the order image is not built: run `npm run build` first');
  const standIns = await startStandIns();
  try {
    const results = [];
    for (let n = 0; n < runs; n++) results.push(await run(standIns, seconds));
    const of = (name) => median(results.map((result) => result[name]));
    const measured = {
      requestsPerSecond: of('requestsPerSecond'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      readyMs: of('readyMs'),
      idleMB: of('idleMB'),
      loadedMB: of('loadedMB'),
      assumeRoleCalls: Math.max(...results.map((result) => result.assumeRoleCalls)),
      errors: results.reduce((sum, result) => sum + result.errors, 0),
    };
    const ok =
      measured.requestsPerSecond >= bars.requestsPerSecond &&
      measured.readyMs <= bars.readyMs &&
      !(measured.loadedMB > bars.loadedMB) &&
      !(measured.idleMB > bars.idleMB) &&
      measured.assumeRoleCalls <= bars.assumeRoleCalls &&
      measured.errors === 0;
    return { ...measured, ok, bars, runs: results };
  } finally {
    standIns.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
  };
  const result = await runOrderServiceBench({ runs: option('--runs', 3), seconds: option('--seconds', 5) });
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    const { ok: _, bars: __, runs: ___, ...measured } = result;
    for (const [name, value] of Object.entries(measured))
      process.stdout.write(
        `${name.padEnd(20)} ${String(value).padStart(8)}   ${name in bars ? `bar ${bars[name]}` : ''}\n`,
      );
  }
  process.exitCode = result.ok ? 0 : 1;
}
