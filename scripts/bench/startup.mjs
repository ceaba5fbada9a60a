/** How long the command line takes to start, against an empty Node process. */
import { bin } from './built.mjs';
import { ratio, timed } from './process.mjs';
import { row } from './row.mjs';

export async function measure({ short, system }) {
  const times = short ? 7 : 25;
  const nothing = () => timed(['-e', '0']);
  const help = await ratio(() => timed([bin, '--help']), nothing, times);
  const { project, onboard } = await system.get();
  for (let missing = 10 - (await project.json(['list-tenants'])).tenants.length; missing > 0; missing--)
    await onboard('basic');
  // A page of ten, however many tenants an earlier part has left.
  const listed = ['list-tenants', '--limit', '10', '--json'];
  const list = await ratio(() => project.run(listed), nothing, times);
  return [
    row('saas-ecs --help against node -e 0', help.ratio, 'times', { atMost: 2 }),
    row('saas-ecs --help', help.ms, 'ms'),
    row('list-tenants --json, 10 tenants, against node -e 0', list.ratio, 'times', { atMost: 5 }),
    row('list-tenants --json, 10 tenants', list.ms, 'ms'),
  ];
}
