import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { saasEcs } from './process.mjs';

const signals = ['SIGINT', 'SIGTERM'];

/** A project with an embedded cloud of its own, in a temporary directory; gone with the benchmark, also when that is stopped. */
export async function createProject() {
  const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-bench-'));
  const project = {
    directory,
    run: (argv, options) => saasEcs(argv, { cwd: directory, ...options }),
    async json(argv) {
      return JSON.parse((await project.run([...argv, '--json'])).stdout).data;
    },
    async remove() {
      for (const signal of signals) process.off(signal, stopped);
      await project.run(['local', 'stop']).catch(() => {});
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  function stopped() {
    void project.remove().finally(() => process.exit(1));
  }
  for (const signal of signals) process.once(signal, stopped);
  await project.run(['init', '--app', 'bench', '--yes']);
  return project;
}

/**
 * The system that all parts measure: set up by the tour, `tours` times from nothing, of which the last one stays. It is
 * made when the first part asks for it, since a deployment takes longer than most of what is measured on it.
 */
export function createSystem({ tours }) {
  let made;
  let project;
  const make = async () => {
    const tourMs = [];
    for (let left = tours; left > 0; left--) {
      await project?.remove();
      project = await createProject();
      tourMs.push((await project.run(['tour', '--json'])).ms);
    }
    let number = 0;
    /** Onboards one more tenant; gives the tenant and the whole command's time. */
    const onboard = async (tier) => {
      const name = `bench-${tier}-${++number}`;
      const ran = await project.run([
        'onboard',
        ...['--tier', tier, '--name', name, '--email', `admin@${name}.example`, '--json'],
      ]);
      return { ms: ran.ms, tenant: JSON.parse(ran.stdout).data };
    };
    return { project, tourMs, onboard };
  };
  return {
    get() {
      made ??= make();
      return made;
    },
    remove: () => project?.remove(),
  };
}
