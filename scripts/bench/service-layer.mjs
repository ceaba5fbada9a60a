/**
 * The service layer without its command line: bundled for the benchmark alone, since what is shipped has no such entry.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './built.mjs';

const contents = `
  export { loadConfig } from './src/services/config/load.ts';
  export { resolveEnvironment } from './src/services/environment.ts';
  export { onboard } from './src/services/tenants/onboard.ts';
`;

export async function loadServiceLayer() {
  // Below the package, since the service layer finds the package's files by looking upwards.
  const directory = await mkdtemp(path.join(root, 'dist', 'bench-'));
  try {
    const outfile = path.join(directory, 'service-layer.mjs');
    await build({
      stdin: { contents, resolveDir: root },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      mainFields: ['module', 'main'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
      },
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
