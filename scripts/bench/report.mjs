/** How figures are shown, and on which machine they were taken. */
import { cpus, loadavg, totalmem } from 'node:os';

/** The load before the measurement; says so when others need the machine. */
export function loadBefore() {
  const busy = loadavg()[0];
  if (busy > cpus().length / 2)
    process.stderr.write(
      `the machine is busy (load ${busy.toFixed(1)} on ${cpus().length} cores): figures will be worse than its own\n`,
    );
  return busy;
}

const shown = (value) =>
  value >= 100 || Number.isInteger(value) ? Math.round(value).toString() : value.toFixed(2);

export function printRows(rows) {
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
}

export const reportOf = (rows, { short, busy }) => ({
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
});
