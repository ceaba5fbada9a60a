/** A thousand pool tenants through the service layer: is the last one as quick as the first? */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './built.mjs';
import { median } from './process.mjs';
import { withProject } from './project.mjs';

export async function measure({ short }) {
  const count = short ? 60 : 1_000;
  return withProject(async (project) => {
    await project.run(['deploy-shared', '--json']);
    const { loadConfig, onboard, resolveEnvironment } = await import(
      pathToFileURL(path.join(root, 'dist', 'bench.js')).href
    );
    const config = await loadConfig({ cwd: project.directory });
    const target = await resolveEnvironment(config);
    const context = {
      config,
      target,
      watch() {},
      signal: new AbortController().signal,
      now: () => new Date(),
    };
    const steps = new Map();
    for (let index = 1; index <= count; index++) {
      const done = await onboard(context, {
        tier: 'basic',
        name: `scale-${index}`,
        email: `admin@scale-${index}.example`,
      });
      for (const step of done.steps) {
        const times = steps.get(step.name) ?? [];
        times.push(step.durationMs);
        steps.set(step.name, times);
      }
    }
    const window = Math.min(20, Math.floor(count / 3));
    const rows = [...steps].map(([name, times]) => {
      // Windows around the 10th and the last, since one sample on a small machine says little.
      const early = median(times.slice(0, window));
      const late = median(times.slice(-window));
      const figure = Math.max(late, 1) / Math.max(early, 1);
      return {
        what: `onboarding step ${name}: tenant ${count} against the 10th`,
        figure,
        unit: 'times',
        bar: '<= 1.5',
        ok: figure <= 1.5,
      };
    });
    const { ms, stdout } = await project.run(['list-tenants', '--json']);
    const listed = JSON.parse(stdout).data.tenants.length;
    rows.push({
      what: `list-tenants, all ${listed}`,
      figure: ms / 1000,
      unit: 's',
      bar: '<= 2 s',
      ok: ms <= 2_000 && listed === count,
    });
    return rows;
  });
}
