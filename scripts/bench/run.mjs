/**
 * The benchmark: `npm run bench` prints a table, writes bench.json, and exits with 1 when a bar is missed by more than
 * noise. `--short` measures less often and only reports, for machines that do other things too; `--only NAME` runs one
 * part. Each figure is the median of several runs; bars that compare are ratios of runs in turn.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { built } from './built.mjs';
import { createSystem } from './project.mjs';
import { loadBefore, printRows, reportOf } from './report.mjs';

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
const busy = loadBefore();
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

printRows(rows);
await writeFile(values.out, `${JSON.stringify(reportOf(rows, { short, busy }), null, 2)}\n`);
if (!short && rows.some((row) => row.verdict === 'MISSED')) process.exitCode = 1;
