import { defineConfig } from 'vitest/config';

/** Each control of the isolation is taken away in turn, and verification must notice. */
export default defineConfig({
  test: {
    include: ['test/mutations/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
    retry: 0,
    pool: 'forks',
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
