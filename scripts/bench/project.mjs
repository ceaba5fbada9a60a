import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { saasEcs } from './process.mjs';

/** A project with an embedded cloud of its own, in a temporary directory, gone afterwards. */
export async function withProject(work) {
  const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-bench-'));
  const project = { directory, run: (argv, options) => saasEcs(argv, { cwd: directory, ...options }) };
  try {
    await project.run(['init', '--app', 'bench', '--yes']);
    return await work(project);
  } finally {
    await project.run(['local', 'stop']).catch(() => {});
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
