/**
 * `npm run test:conformance [-- --only PART,…] [--require]`: what saas-ecs claims, held against other people's code.
 * One table a part; the last line is `N passed, N failed, N skipped`. A difference from the other program that
 * test/conformance/explained/ gives the reason of is passed. Exits with 1 when anything failed; with --require also
 * when anything was skipped.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openMachine } from './machine.mjs';
import { newReport } from './report.mjs';

// A reader that goes away (`| head`) must not leave the embedded cloud behind.
process.stdout.on('error', () => {});
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Parts of a lane run one after the other, lanes side by side; those that share the toured environment are in one. */
const lanes = [
  ['nginx', 'images', 'aws-cli', 'boto3', 'moto-commands', 'dynamodb-local'],
  ['templates', 'moto', 'cdk-cli', 'sbt'],
];
const parts = lanes.flat();

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    require: { type: 'boolean', default: false },
  },
});
const chosen = values.only.flatMap((names) => names.split(','));
const unknown = chosen.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  console.error(`unknown part "${unknown.join('", "')}": choose from ${parts.join(', ')}`);
  process.exit(2);
}

const machine = await openMachine();
const total = { passed: 0, failed: 0, skipped: 0 };
const stop = async (signal) => {
  await machine.close();
  process.exit(signal === 'SIGINT' ? 130 : 143);
};
process.once('SIGINT', stop).once('SIGTERM', stop);

async function runPart(name) {
  const { title, run } = await import(path.join(import.meta.dirname, 'parts', `${name}.mjs`));
  const report = newReport();
  const begin = performance.now();
  try {
    await run(report, machine);
  } catch (error) {
    report.check('the part itself', false, error.stack ?? String(error));
  }
  console.log(`\n== ${name}: ${title}`);
  report.print();
  for (const kind of Object.keys(total)) total[kind] += report.count(kind);
  console.log(`   ${report.words()} (${((performance.now() - begin) / 1000).toFixed(0)} s)`);
}

try {
  await Promise.all(
    lanes.map(async (lane) => {
      for (const name of lane) if (chosen.length === 0 || chosen.includes(name)) await runPart(name);
    }),
  );
} finally {
  await machine.close();
}
process.exitCode = total.failed > 0 || (values.require && total.skipped > 0) ? 1 : 0;
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
