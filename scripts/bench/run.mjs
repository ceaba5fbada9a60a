/**
 * The benchmark: `npm run bench` prints a table, writes bench.json, and exits with 1 when a bar is missed by more than
 * noise. `--short` measures less often and only reports, for machines that do other things too; `--only NAME` runs one
 * part. Each figure is the median of several runs; bars that compare are ratios of runs in turn.
 */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { built } from './built.mjs';
import { createSystem } from './project.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'bench.json' },
  },
});
const { short } = values;

/** name -> module; each exports `measure({ short, system })`, which gives rows. In this order: scale fills the registry. */
const parts = {
  'order-service': () => import('./order-service-rows.mjs'),
  operations: () => import('./operations.mjs'),
  startup: () => import('./startup.mjs'),
  calls: () => import('./calls.mjs'),
  gateway: () => import('./gateway.mjs'),
  scale: () => import('./scale.mjs'),
};
const chosen = Object.entries(parts).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0) throw new Error(`--only is one of ${Object.keys(parts).join(', ')}`);

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
await built();
const busy = loadavg()[0];
if (busy > cpus().length / 2)
  process.stderr.write(
    `the machine is busy (load ${busy.toFixed(1)} on ${cpus().length} cores): figures will be worse than its own\n`,
  );
const system = createSystem({ tours: short || values.only !== undefined ? 1 : 3 });
const rows = [];
try {
  for (const [name, load] of chosen) {
    const began = performance.now();
    const { measure } = await load();
    rows.push(...(await measure({ short, system })));
    process.stderr.write(`measured ${name} in ${Math.round((performance.now() - began) / 1000)} s\n`);
  }
} finally {
  await system.remove();
}

const shown = (value) => (value >= 100 ? Math.round(value).toString() : value.toFixed(2));
const lines = rows.map((row) => [
  row.what,
  `${shown(row.figure)} ${row.unit}`.trim(),
  row.bar ?? '',
  row.verdict ?? '',
]);
const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column].length), 6));
const print = ([what, figure, bar, verdict]) =>
  console.log(
    [what.padEnd(widths[0]), figure.padStart(widths[1]), bar.padEnd(widths[2]), verdict].join('  '),
  );
for (const line of [['what', 'figure', 'bar', ''], ...lines]) print(line);

const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryGB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: busy,
  },
  short,
  rows,
};
await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
if (!short && rows.some((row) => row.verdict === 'MISSED')) process.exitCode = 1;
