/** The rows of one part's table. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Differences that have a reason, from explained/<name>.json: `[{ "what", "says"?, "reason" }]`, where `what` (and
 * `says`, if there) are regular expressions, of the row's name and of its difference.
 */
export async function explanationsOf(name) {
  const text = await readFile(path.join(import.meta.dirname, 'explained', `${name}.json`), 'utf8');
  const entries = JSON.parse(text).map(({ what, says, reason }) => ({
    what: new RegExp(`^(?:${what})$`),
    says: new RegExp(says ?? '', 's'),
    reason,
    used: false,
  }));
  return {
    /** The reason of a difference, or undefined. */
    reasonOf(row, difference) {
      const found = entries.find(({ what, says }) => what.test(row) && says.test(difference));
      if (found) found.used = true;
      return found?.reason;
    },
    /** An explanation that explains nothing any more is a mistake in the making. */
    unused: () => entries.filter(({ used }) => !used).map(({ what, says }) => `${what} ${says}`),
  };
}

export function newReport() {
  const rows = [];
  const add = (kind, mark, name, detail = '') => rows.push({ kind, mark, name, detail });
  const short = (name) => name.replace(/arn:\S+\/(\S{8})\S*/g, '…/$1…');
  return {
    /** A claim that holds or does not; `detail` is shown when it does not. */
    check(name, ok, detail) {
      if (ok) add('passed', 'ok', name);
      else add('failed', 'FAILED', name, detail);
    },
    /** What could not be tried, and what it would take. */
    skip(name, why) {
      add('skipped', 'skipped', name, why);
    },
    /** A comparison: `same`, or `differs` by these lines, each explained or failed. */
    compare(name, differences, explanations) {
      if (differences.length === 0) return add('passed', 'same', name);
      const reasons = new Map(differences.map((line) => [line, explanations.reasonOf(name, line)]));
      const unexplained = differences.filter((line) => !reasons.get(line));
      if (unexplained.length > 0) add('failed', 'DIFFERS', name, unexplained.join('\n'));
      else add('passed', 'differs', name, [...new Set(reasons.values())].join('; '));
    },
    /** A row for the reader, e.g. what the other side does not have; counts as neither. */
    note(mark, name, detail) {
      add('note', mark, name, detail);
    },
    stale(explanations) {
      for (const entry of explanations.unused())
        add('failed', 'FAILED', 'an explanation is needed no more', entry);
    },
    count: (kind) => rows.filter((row) => row.kind === kind).length,
    words() {
      const counted = ['passed', 'failed', 'skipped'].map((kind) => `${this.count(kind)} ${kind}`);
      return counted.join(', ');
    },
    print() {
      const width = Math.max(...rows.map(({ mark }) => mark.length), 0);
      for (const { mark, name, detail } of rows) {
        const [first = '', ...more] = String(detail).split('\n');
        console.log(`   ${mark.padEnd(width)}  ${short(name)}${first && `: ${first}`}`);
        for (const line of more) console.log(`   ${' '.repeat(width)}    ${line}`);
      }
    },
  };
}
