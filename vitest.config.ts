import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'src/**/*.test.ts'],
    exclude: [
      ...['e2e', 'conformance', 'mutations', 'properties'].map((suite) => `test/${suite}/**`),
      'node_modules/**',
      'dist/**',
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Files of a worker share what they import, which is a third of the time; each leaves the process as it found it.
    isolate: false,
    // CI's machines are small and shared: what fails once there is tried again before it counts.
    retry: process.env['CI'] ? 1 : 0,
    pool: 'forks',
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
