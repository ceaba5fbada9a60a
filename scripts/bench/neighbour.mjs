/**
 * The noisy neighbour: `npm run bench:neighbour`. Of two tenants of a tier, A asks for ten times its limit while B asks for
 * half of his. B must get no 429, and his p99 must stay within 1.3 times of what it is while A is quiet: in the pool and
 * in silos of both kinds, with the limits that the tiers have; where ten times that is more than the generators, the cloud and
 * the services can make of one machine, with `--limit` (requests/s), which is set for the two tenants. Quiet and noisy runs
 * take turns, so that both see the same machine, and the figure is the median of the rounds' ratios. `--short` measures
 * little and fails by a 429 alone; `--tier NAME` measures one tier.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { built } from './built.mjs';
import { cpuMs } from './proc.mjs';
import { median } from './process.mjs';
import { createProject } from './project.mjs';
import { loadBefore, printRows, reportOf } from './report.mjs';
import { row } from './row.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    tier: { type: 'string' },
    limit: { type: 'string', default: '30' },
    out: { type: 'string', default: 'bench-neighbour.json' },
  },
});
const { short } = values;
const mostLimit = Number(values.limit);
const rounds = short ? 2 : 5;
const seconds = short ? 3 : 20;
const orders = 5;
const times = { noisy: 10, measured: 0.5 };

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
await built();
const busy = loadBefore();
const rows = [];
const generators = [];
const project = await createProject();
try {
  await project.run(['deploy-shared']);
  const { limits } = await project.json(['throttle']);
  const tiers = limits.filter(
    ({ scope, name }) => scope === 'tier' && [undefined, name].includes(values.tier),
  );
  if (tiers.length === 0) throw new Error(`--tier is one of ${limits.map(({ name }) => name).join(', ')}`);
  const noisy = generator('--background');
  const measured = generator();
  for (const tier of tiers) rows.push(...(await measure(tier, noisy, measured)));
} finally {
  for (const child of generators) child.disconnect();
  await project.remove();
}
printRows(rows);
await writeFile(values.out, `${JSON.stringify(reportOf(rows, { short, busy }), null, 2)}\n`);
if (rows.some(({ verdict, exact }) => verdict === 'MISSED' && (exact || !short))) process.exitCode = 1;

/** A process that makes one load at a time. */
function generator(...flags) {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const child = fork(path.join(here, 'open-loop.mjs'), flags);
  generators.push(child);
  return async (job) => {
    child.send(job);
    const [{ result, error }] = await once(child, 'message');
    if (error !== undefined) throw new Error(error);
    return result;
  };
}

async function measure({ name: tier, ...own }, noisy, measured) {
  const rate = Math.min(own.rate, mostLimit);
  const burst = Math.min(own.burst, mostLimit);
  const limits = ['--rate', String(rate), '--burst', String(burst), '--quota', '100000000/month'];
  const [a, b] = [await tenant(tier, 'a', limits), await tenant(tier, 'b', limits)];
  const { pid } = await project.json(['local', 'status']);
  const ofB = () => measured({ ...b, rate: rate * times.measured, seconds });
  await ofB();
  const ratios = [];
  const p99s = { quiet: [], noisy: [] };
  const seen = { throttled: 0, unanswered: 0, offered: [], passed: [], cloud: [] };
  for (let round = 0; round < rounds; round++) {
    const run = {
      quiet: ofB,
      async noisy() {
        // A second longer on either side than B is measured.
        const loud = noisy({ ...a, rate: rate * times.noisy, seconds: seconds + 2 });
        await delay(1_000);
        const before = await cpuMs(pid);
        const heard = await ofB();
        seen.cloud.push(((await cpuMs(pid)) - before) / (10 * seconds));
        const { statuses, sentWithin, total, unsent } = await loud;
        seen.offered.push((total - unsent) / sentWithin);
        seen.passed.push(((statuses[200] ?? 0) - burst) / sentWithin);
        return heard;
      },
    };
    const p99 = {};
    for (const which of round % 2 === 0 ? ['quiet', 'noisy'] : ['noisy', 'quiet']) {
      const { statuses, latencies } = await run[which]();
      const { 200: _, 429: throttled = 0, ...others } = statuses;
      seen.throttled += throttled;
      seen.unanswered += Object.values(others).reduce((sum, count) => sum + count, 0);
      p99[which] = percentile(latencies, 0.99);
      p99s[which].push(p99[which]);
    }
    ratios.push(p99.noisy / p99.quiet);
    process.stderr.write(
      `${tier}, round ${round + 1} of ${rounds}: p99 of B ${p99.quiet.toFixed(1)} ms quiet, ${p99.noisy.toFixed(1)} ms beside A\n`,
    );
  }
  const offered = median(seen.offered);
  return [
    row(`${tier}: A asks for, ${times.noisy} times its limit of ${rate}/s`, offered, 'requests/s', {
      atLeast: 0.9 * rate * times.noisy,
    }),
    row(`${tier}: of which pass, beyond the first ${burst}`, median(seen.passed), 'requests/s', {
      atMost: 1.1 * rate,
    }),
    none(`${tier}: 429 to B, who asks for ${rate * times.measured}/s`, seen.throttled),
    none(`${tier}: requests of B that were not answered with 200`, seen.unanswered),
    row(`${tier}: p99 of B, A quiet`, median(p99s.quiet), 'ms'),
    row(`${tier}: p99 of B beside A`, median(p99s.noisy), 'ms'),
    row(`${tier}: the same as a ratio, median of ${rounds} rounds`, median(ratios), 'times', { atMost: 1.3 }),
    row(`${tier}: processor of the embedded cloud meanwhile`, median(seen.cloud), '%'),
  ];
}

/** A bar that knows no noise. */
function none(what, figure) {
  return { what, figure, unit: '', bar: '= 0', verdict: figure === 0 ? 'holds' : 'MISSED', exact: true };
}

/** By nearest rank. */
function percentile(numbers, quantile) {
  const sorted = [...numbers].sort((x, y) => x - y);
  return sorted[Math.ceil(sorted.length * quantile) - 1] ?? Number.NaN;
}

/** A tenant with limits of its own and a few orders: the measurement takes more than a day's quota. */
async function tenant(tier, letter, limits) {
  const name = `${tier}-${letter}`;
  const { apiUrl } = await project.json([
    ...['onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`],
  ]);
  await project.run(['throttle', '--tenant', name, ...limits]);
  const { token } = await project.json(['token', '--tenant', name]);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const product = await post(`${apiUrl}/products`, headers, {
    name: 'Lamp',
    price: 1,
    sku: 'L1',
    category: 'light',
  });
  for (let index = 0; index < orders; index++)
    await post(`${apiUrl}/orders`, headers, {
      orderName: `Order ${index}`,
      orderProducts: [{ productId: product, price: 1, quantity: 1 }],
    });
  return { url: `${apiUrl}/orders`, headers: { authorization: headers.authorization } };
}

async function post(url, headers, body) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (response.status !== 201)
    throw new Error(`POST ${url} answered ${response.status}: ${await response.text()}`);
  return response.headers.get('location').split('/').at(-1);
}
