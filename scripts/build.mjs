/**
 * Builds dist/: the command line and the embedded cloud as split chunks (what a command does not need, it does not
 * load), and every function and image of the templates as one bundled file of its own.
 */

import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
};
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
  banner,
};

// Only a clean build removes what is there: a running embedded cloud loads its chunks lazily.
if (process.argv.includes('--clean')) await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

const entries = [
  'cli.ts',
  'embedded/catalogue.ts',
  'embedded/daemon.ts',
  'embedded/compute/bootstrap.ts',
  'embedded/compute/resolve.ts',
  'embedded/compute/image-builder.ts',
  'services/config/schema.ts',
  'services/deployment/toolkit-process.ts',
  'services/verify/catalogue.ts',
  'templates/synthesize.ts',
  'ui/event-schema.ts',
]
  .map((file) => path.join(src, file))
  .filter((file) => existsSync(file));
const { metafile } = await build({
  ...shared,
  metafile: true,
  absWorkingDir: root,
  entryPoints: entries,
  outbase: src,
  outdir: dist,
  splitting: true,
  minifySyntax: true,
  minifyWhitespace: true,
  chunkNames: 'chunks/[name]-[hash]',
  // Loaded from node_modules: large (CDK) or native (LevelDB below dynalite).
  external: [
    'aws-cdk-lib',
    '@cdklabs/sbt-aws',
    'aws-cdk-lib/*',
    'constructs',
    '@aws-cdk/toolkit-lib',
    'dynalite',
    'dynalite/*',
    'level',
  ],
});

// A lifecycle job is given what the command line may load, and nothing of the embedded cloud or the templates.
const reachable = new Set(['dist/cli.js']);
for (const file of reachable)
  for (const { path: imported, external } of metafile.outputs[file]?.imports ?? [])
    if (!external) reachable.add(imported);
await writeFile(path.join(dist, 'cli-files.json'), `${JSON.stringify([...reachable].sort(), null, 1)}\n`);
// Lambda's Python runtime runs as it is.
await cp(
  path.join(src, 'embedded', 'compute', 'bootstrap.py'),
  path.join(dist, 'embedded', 'compute', 'bootstrap.py'),
);

// What verification runs inside a tenant's task: it travels in the task's command, so it is one small file.
await build({
  ...shared,
  entryPoints: [path.join(src, 'services', 'verify', 'inside', 'script.ts')],
  outfile: path.join(dist, 'services', 'verify', 'inside', 'script.cjs'),
  format: 'cjs',
  banner: {},
  minify: true,
});

for (const kind of ['functions', 'images']) {
  const from = path.join(src, 'templates', kind);
  if (!existsSync(from)) continue;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(dist, 'templates', kind, entry.name);
    if (!entry.isDirectory()) continue;
    const files = await readdir(source);
    const scripts = files.filter((file) => ['index.ts', 'health.ts'].includes(file));
    if (scripts.length === 0 && !files.includes('Dockerfile')) continue;
    await mkdir(target, { recursive: true });
    if (scripts.length > 0) {
      await build({
        ...shared,
        entryPoints: scripts.map((file) => path.join(source, file)),
        outdir: target,
        outExtension: { '.js': '.mjs' },
        minify: true,
      });
    }
    for (const file of files.filter((name) => !name.endsWith('.ts'))) {
      await cp(path.join(source, file), path.join(target, file), { recursive: true });
    }
  }
}
