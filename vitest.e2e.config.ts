import { defineConfig } from 'vitest/config';

/** A few tests of what is shipped: the packed tarball, installed in an empty directory. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
    pool: 'forks',
  },
});
