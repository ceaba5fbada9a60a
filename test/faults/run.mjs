/**
 * `npm run test:faults [-- --seed N] [--kills N] [--rounds N] [--short]`: commands against an endpoint on which one call
 * in ten goes wrong, commands that are killed with -9 at random moments, and two operators at once. After each, what the
 * account holds is compared with what it should. Prints a table and writes faults.json; exits with 1 when anything was
 * lost, left behind or made twice, or when a command did not come to a right end.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { faults, openFaultyEndpoint } from './faulty-endpoint.mjs';
import { difference, tenantAdds } from './inventory.mjs';
import { seeded } from './random.mjs';
import { createSystem } from './system.mjs';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string' },
    rounds: { type: 'string' },
    short: { type: 'boolean', default: false },
    out: { type: 'string', default: 'faults.json' },
  },
});
const seed = Number(values.seed);
const kills = Number(values.kills ?? (values.short ? 12 : 200));
const rounds = Number(values.rounds ?? (values.short ? 1 : 10));
/** Share of calls that go wrong. */
const rate = 0.1;
/** A command that failed clean is run again at most so often. */
const mostRuns = 8;

const problems = [];
const report = { seed, faults: {}, kills: {}, operators: {} };
const system = await createSystem();
const onboarding = (tier, name) => [
  'onboard',
  '--tier',
  tier,
  '--name',
  name,
  '--email',
  `admin@${name}.example`,
];
const destroying = ['destroy-shared', '--confirm', 'faults'];
const offboarding = (name) => ['offboard', name, '--confirm', name];

/** Runs it until it has done its work; gives how many runs it took. An error must be one that a person can act on. */
async function untilDone(argv, options, isDone = () => false) {
  let error;
  for (let runs = 1; runs <= mostRuns; runs++) {
    const { code, envelope, text } = await system.run(argv, options);
    if (code === 0) return runs;
    error = envelope?.error;
    if (isDone(error)) return runs;
    if (!error?.code || !error.message || !error.hint || error.code === 'internal_error') {
      problems.push(`${argv.join(' ')} failed with no clean error: ${text.slice(0, 600)}`);
      return runs;
    }
  }
  problems.push(
    `${argv.join(' ')} has not come to its end in ${mostRuns} runs: ${error.code}: ${error.message} (${error.detail})`,
  );
  return mostRuns;
}

/** A run that was cut off after its last write had done its work. */
const exists = (error) => error?.code === 'tenant_exists';
const isGone = (error) => error?.code === 'tenant_not_found';

async function expectChange(what, before, expected) {
  let seen;
  // What the control plane hears by an event comes a moment later.
  for (let look = 0; look < 30; look++) {
    seen = difference(before, await system.inventory());
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    await delay(100);
  }
  problems.push(
    `${what}: expected ${expected.join('; ') || 'no change'}, saw ${seen.join('; ') || 'no change'}`,
  );
}

async function underFaults() {
  const before = await system.inventory();
  const rows = new Map();
  const struck = Object.fromEntries(faults.map((fault) => [fault, 0]));
  let calls = 0;
  const run = async (url, label, argv, isDone) => {
    const runs = await untilDone(argv, { url }, isDone);
    const row = rows.get(label) ?? { times: 0, first: 0, most: 0 };
    rows.set(label, {
      times: row.times + 1,
      first: row.first + (runs === 1),
      most: Math.max(row.most, runs),
    });
  };
  for (let round = 0; round < rounds; round++) {
    const bad = await openFaultyEndpoint(system.endpoint, { seed: seed * 1_000 + round, rate });
    try {
      await system.configure(11 + round);
      await run(bad.url, 'deploy-shared', system.deploy);
      for (const tier of ['basic', 'premium']) {
        const name = `faulty-${tier}-${round}`;
        await run(bad.url, `onboard ${tier}`, onboarding(tier, name), exists);
        await run(bad.url, 'list-tenants', ['list-tenants']);
        await run(bad.url, 'describe-tenant', ['describe-tenant', name]);
        await run(bad.url, 'throttle --tenant', ['throttle', '--tenant', name, '--rate', '7']);
        await run(bad.url, 'throttle --tenant --reset', ['throttle', '--tenant', name, '--reset']);
        const tenant = await system.json('describe-tenant', name);
        await expectChange(`onboard ${name} under faults`, before, tenantAdds(tenant));
        await run(bad.url, `offboard ${tier}`, offboarding(name), isGone);
        await expectChange(`offboard ${name} under faults`, before, []);
      }
      await run(bad.url, 'throttle --tier', ['throttle', '--tier', 'basic', '--rate', '9']);
      await run(bad.url, 'throttle --tier --reset', ['throttle', '--tier', 'basic', '--reset']);
    } finally {
      calls += bad.calls();
      for (const [fault, times] of Object.entries(bad.struck())) struck[fault] += times;
      await bad.close();
    }
  }
  report.faults = { rounds, rate, calls, struck, commands: Object.fromEntries(rows) };
  console.log(
    `\n== one call in ten goes wrong: ${calls} calls, ${Object.values(struck).reduce((a, b) => a + b)} faults`,
  );
  for (const [label, { times, first, most }] of rows)
    console.log(
      `   ${label.padEnd(26)} ${first} of ${times} right at once, the others after ${most} runs at most`,
    );
}

async function killed() {
  const random = seeded(seed);
  /** How long each takes when nobody kills it, in milliseconds: the shortest that was seen. */
  const typical = {};
  const timed = async (label, argv) => {
    const { code, ms, text } = await system.run(argv);
    if (code !== 0) throw new Error(text);
    typical[label] = ms;
  };
  await system.configure(40);
  await timed('deploy-shared', system.deploy);
  for (const tier of ['basic', 'premium']) {
    await timed(`onboard ${tier}`, onboarding(tier, `typical-${tier}`));
    await timed(`offboard ${tier}`, offboarding(`typical-${tier}`));
  }
  await timed('destroy-shared', destroying);
  await untilDone(system.deploy, {});
  let before = await system.inventory();
  const counts = {};
  let struck = 0;
  const strike = async (label, argv, isDone) => {
    const ran = await system.run(argv, { killAfterMs: random() * typical[label] });
    const row = counts[label] ?? { killed: 0, survived: 0 };
    const died = ran.signal === 'SIGKILL';
    row[died ? 'killed' : 'survived']++;
    if (died) struck++;
    else typical[label] = Math.min(typical[label], ran.ms);
    counts[label] = row;
    await untilDone(argv, {}, isDone);
  };
  // Some end before their signal comes; if most did, there would be no end.
  for (let pair = 1; struck < kills && pair <= kills; pair++) {
    const tier = pair % 2 === 1 ? 'basic' : 'premium';
    const name = `killed-${pair}`;
    await strike(`onboard ${tier}`, onboarding(tier, name), exists);
    const tenant = await system.json('describe-tenant', name);
    await expectChange(`onboard ${name}, killed`, before, tenantAdds(tenant));
    await strike(`offboard ${tier}`, offboarding(name), isGone);
    await expectChange(`offboard ${name}, killed`, before, []);
    if (pair % 4 === 0) {
      await system.configure(50 + pair);
      await strike('deploy-shared', system.deploy);
      await expectChange('deploy-shared, killed', before, []);
    }
    if (pair % 8 === 0) {
      await strike('destroy-shared', destroying);
      await untilDone(system.deploy, {});
      // What destroying keeps stays in the account, so the comparison begins anew.
      before = await system.inventory();
    }
  }
  report.kills = counts;
  console.log('\n== killed with -9 at a random moment, then run again');
  for (const [label, { killed: times, survived }] of Object.entries(counts))
    console.log(`   ${label.padEnd(18)} ${times} killed, ${survived} had ended before`);
}

async function twoOperators() {
  const before = await system.inventory();
  const outcomes = {};
  for (let round = 0; round < Math.max(2, rounds); round++) {
    const tier = round % 2 === 0 ? 'basic' : 'premium';
    const name = `both-${round}`;
    const both = await Promise.all([system.run(onboarding(tier, name)), system.run(onboarding(tier, name))]);
    for (const { code, envelope } of both) {
      const outcome = code === 0 ? 'did it' : (envelope?.error?.code ?? `ended with ${code}`);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    if (both.filter(({ code }) => code === 0).length !== 1) {
      // Whoever lost the race may have been refused before the other was done.
      problems.push(`two operators onboard ${name}: ${both.map(({ code }) => code).join(' and ')}`);
    }
    await expectChange(
      `two operators onboard ${name}`,
      before,
      tenantAdds(await system.json('describe-tenant', name)),
    );
    await untilDone(offboarding(name), {});
  }
  report.operators = outcomes;
  console.log('\n== two operators onboard the same tenant at once');
  for (const [outcome, times] of Object.entries(outcomes)) console.log(`   ${outcome.padEnd(18)} ${times}`);
}

try {
  await system.json(...system.deploy);
  await underFaults();
  await killed();
  await twoOperators();
} finally {
  await system.remove();
}
await writeFile(values.out, `${JSON.stringify({ ...report, problems }, null, 2)}\n`);
for (const problem of problems) console.log(`\nPROBLEM: ${problem}`);
console.log(
  `\nseed ${seed}: ${problems.length === 0 ? 'nothing lost, left behind or made twice' : `${problems.length} problems`}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
