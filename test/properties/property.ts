/** A property of the product that holds for any input, tried with as many random cases as it has a share of. */

import fc, { type Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { type PropertyName, shares } from './cases.ts';
import { startWatchdog } from './watchdog.ts';

// vitest.properties.config.ts gives and prints both.
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const all = Number(process.env['FUZZ_CASES'] ?? 200);
const path = process.env['FUZZ_PATH'];

/** How often a failing input is tried in a smaller form. */
const shrinks = 300;

/** What nobody awaited and nobody caught, since the last case. */
const stray: unknown[] = [];
process.on('unhandledRejection', (reason) => stray.push(reason));
process.on('uncaughtException', (error) => stray.push(error));

const watchdog = startWatchdog();

/**
 * A failure prints the seed, the path and the smallest input that was found; with them as `FUZZ_SEED` and `FUZZ_PATH`, and
 * with `-t '<name>'`, that one case runs again.
 */
export function property<T>(name: PropertyName, inputs: Arbitrary<T>, check: (input: T) => unknown): void {
  const numRuns = Math.max(1, Math.round((shares[name] * all) / 10_000));
  test(`${name} (${numRuns} cases)`, async () => {
    let run = 0;
    let firstFailure = Number.POSITIVE_INFINITY;
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => {
        run += 1;
        // What is left of it after that many attempts at a smaller one is small enough.
        if (run > firstFailure + shrinks) return;
        watchdog.begin(`${name}, FUZZ_SEED=${seed}, case ${run}: ${fc.stringify(input).slice(0, 4_000)}`);
        try {
          await check(input);
          // What was left to itself comes to light in the next turn of the event loop.
          await new Promise((resolve) => setImmediate(resolve));
          expect(stray.splice(0), 'nobody caught').toEqual([]);
        } catch (error) {
          firstFailure = Math.min(firstFailure, run);
          throw error;
        } finally {
          watchdog.end();
        }
      }),
      {
        seed,
        numRuns,
        ...(path !== undefined && { path }),
        includeErrorInReport: true,
      },
    );
  });
}

/** Frames of a stack trace, paths of this program: what an answer or a screen never shows. */
const inside =
  /\n\s+at \S.*(:\d+:\d+|<anonymous>)|node:internal|node_modules\/|\bfile:\/\/\/|\.[cm]?[jt]s:\d+:\d+/;

/** Nothing of the inside is shown. `given` may well be repeated. */
export function expectNoTrace(shown: string, given = ''): void {
  const found = inside.exec(shown)?.[0];
  if (found !== undefined && !given.includes(found.trim())) expect(shown).not.toMatch(inside);
}
