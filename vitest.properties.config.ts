import { defineConfig } from 'vitest/config';

/**
 * Bad input: `FUZZ_CASES` random cases in all (10,000), the same ones again with the same `FUZZ_SEED`.
 * `FUZZ_PATH` and `-t` replay a single one, as a failure says.
 */
const seed = process.env['FUZZ_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));
const cases = process.env['FUZZ_CASES'] ?? '10000';
process.stdout.write(`bad input: FUZZ_SEED=${seed} FUZZ_CASES=${cases}\n`);

export default defineConfig({
  test: {
    include: ['test/properties/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // What fails once has failed: the seed tells how to see it again.
    retry: 0,
    pool: 'forks',
    env: {
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      FUZZ_SEED: seed,
      FUZZ_CASES: cases,
    },
  },
});
