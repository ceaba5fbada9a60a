/**
 * The benchmark: `npm run bench` prints a table and writes bench.json. `--short` measures less often, for CI.
 * `--only NAME` runs one part. Figures are whole-process times on this machine; bars that compare are ratios.
 */
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { built } from './built.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'bench.json' },
  },
});

/** name -> module; each exports `measure({ short })`, which gives rows `{ what, figure, unit, bar, ok }`. */
const parts = {
  startup: () => import('./startup.mjs'),
  operations: () => import('./operations.mjs'),
  'order-service': () => import('./order-service-rows.mjs'),
  gateway: () => import('./gateway.mjs'),
  scale: () => import('./scale.mjs'),
};

await built();
const rows = [];
for (const [name, load] of Object.entries(parts)) {
  if (values.only !== undefined && values.only !== name) continue;
  process.stderr.write(`measuring ${name}\n`);
  const { measure } = await load();
  rows.push(...(await measure({ short: values.short })));
}

const shown = (value) =>
  typeof value === 'number'
    ? value >= 100
      ? Math.round(value).toString()
      : value.toFixed(2)
    : String(value);
const lines = rows.map((row) => [
  row.what,
  `${shown(row.figure)} ${row.unit}`.trim(),
  row.bar ?? '',
  row.ok === undefined ? '' : row.ok ? 'holds' : 'MISSED',
]);
const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column].length), 4));
console.log(['what'.padEnd(widths[0]), 'figure'.padStart(widths[1]), 'bar'.padEnd(widths[2]), ''].join('  '));
for (const [what, figure, bar, verdict] of lines)
  console.log(
    [what.padEnd(widths[0]), figure.padStart(widths[1]), bar.padEnd(widths[2]), verdict].join('  '),
  );

const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryGB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  short: values.short,
  rows,
};
await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
