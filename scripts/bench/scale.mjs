/** A thousand pool tenants through the service layer: is the last one onboarded as quickly as the tenth? */
import { cpuMsWithChildren, residentMB } from './proc.mjs';
import { median } from './process.mjs';
import { row } from './row.mjs';
import { loadServiceLayer } from './service-layer.mjs';

/** Tenants before and after the 10th, and before the last: one sample on a small machine says little. */
const around = 10;

const titles = { whole: 'onboarding', cpu: 'processor time of the cloud and its tasks in it' };

/** The mean of the middle half: processor time comes in ticks of 10 ms, of which a median would tell no more than one. */
function typical(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((sorted.length * 3) / 4));
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

export async function measure({ short, system }) {
  const count = short ? 40 : 1_000;
  const { project } = await system.get();
  const { loadConfig, resolveEnvironment, onboard } = await loadServiceLayer();
  const config = await loadConfig({ cwd: project.directory });
  const context = {
    config,
    target: await resolveEnvironment(config),
    watch() {},
    signal: new AbortController().signal,
    now: () => new Date(),
  };
  /**
   * Step -> milliseconds of each onboarding; `whole` is all of it, `cpu` the processor time of the embedded cloud, its
   * tasks and functions in it.
   */
  const times = new Map();
  const note = (name, ms) => times.set(name, [...(times.get(name) ?? []), ms]);
  const { pid } = await project.json(['local', 'status']);
  for (let index = 1; index <= count; index++) {
    const cpuBefore = await cpuMsWithChildren(pid);
    const began = performance.now();
    const name = `scale-${index}`;
    const { steps } = await onboard(context, { tier: 'basic', name, email: `admin@${name}.example` });
    note('whole', performance.now() - began);
    note('cpu', (await cpuMsWithChildren(pid)) - cpuBefore);
    for (const step of steps) note(step.name, step.durationMs);
  }

  const rows = [...times].flatMap(([name, ms]) => {
    const early = typical(ms.slice(0, 2 * around));
    const late = typical(ms.slice(-2 * around));
    const what = titles[name] ?? `its step ${name}`;
    return [
      // A step of under a millisecond has no ratio.
      row(`${what}, tenant ${count} against the 10th`, Math.max(late, 1) / Math.max(early, 1), 'times', {
        atMost: 1.5,
      }),
      row(`${what}, tenant ${count}`, late, 'ms'),
    ];
  });
  const { sizeBytes } = await project.json(['local', 'status']);
  const listing = [];
  let listed = 0;
  for (let left = short ? 1 : 3; left > 0; left--) {
    const { ms, stdout } = await project.run(['list-tenants', '--json']);
    listing.push(ms);
    listed = JSON.parse(stdout).data.tenants.length;
  }
  if (listed < count) throw new Error(`list-tenants gave ${listed} of ${count} tenants`);
  return [
    ...rows,
    row(`list-tenants, all ${listed}`, median(listing) / 1000, 's', { atMost: 2 }),
    row(`embedded cloud with ${listed} tenants, its own process`, await residentMB(pid), 'MB'),
    row('its state on disk', sizeBytes / 2 ** 20, 'MB'),
  ];
}
