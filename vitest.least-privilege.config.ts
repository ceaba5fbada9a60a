import { defineConfig } from 'vitest/config';

/** Whole systems are used while the embedded cloud records what their roles call; then each role is held against that. */
export default defineConfig({
  test: {
    include: ['test/least-privilege/**/*.check.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
    retry: 0,
    pool: 'forks',
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
