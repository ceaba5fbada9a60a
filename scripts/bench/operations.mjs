/** The operator's commands on the embedded cloud, whole processes. */
import { childrenOf, residentMB } from './proc.mjs';
import { median } from './process.mjs';
import { row } from './row.mjs';

/** Silo tenants whose memory is measured. */
const silos = 10;

export async function measure({ short, system }) {
  const { project, tourMs, onboard } = await system.get();
  const rows = [
    row('the tour, from nothing to all checks green', median(tourMs) / 1000, 's', { atMost: 45 }),
  ];
  const unchanged = [];
  for (let left = short ? 1 : 3; left > 0; left--)
    unchanged.push((await project.run(['deploy-shared', '--json'])).ms);
  rows.push(row('deploy-shared with no change', median(unchanged) / 1000, 's', { atMost: 8 }));

  for (const [tier, times, atMost] of [
    ['basic', short ? 5 : 9, 1.5],
    ['advanced', short ? 1 : 3, 6],
    ['premium', short ? 1 : 3, 6],
  ]) {
    const took = [];
    while (took.length < times) took.push((await onboard(tier)).ms);
    rows.push(row(`onboard ${tier}, whole command`, median(took) / 1000, 's', { atMost }));
  }

  const count = async () =>
    (await project.json(['list-tenants'])).tenants.filter((tenant) => tenant.model !== 'pool').length;
  if (!short) for (let missing = silos - (await count()); missing > 0; missing--) await onboard('advanced');
  const tenants = await count();
  const { pid } = await project.json(['local', 'status']);
  const tasks = (await Promise.all((await childrenOf(pid)).map(residentMB))).filter(Boolean);
  return [
    ...rows,
    row(`embedded cloud with ${tenants} silo tenants, its own process`, await residentMB(pid), 'MB', {
      atMost: 300,
    }),
    row(`largest of its ${tasks.length} tasks and functions, idle`, Math.max(...tasks), 'MB', { atMost: 90 }),
    row('median of them', median(tasks), 'MB'),
  ];
}
