import { defineConfig } from 'vitest/config';

/** Other people's code on the embedded cloud: may install Python packages, which `npm test` may not. */
export default defineConfig({
  test: {
    include: ['test/conformance/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 420_000,
    maxWorkers: 1,
    pool: 'forks',
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
