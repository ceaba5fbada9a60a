/** How long the command line takes to start, against an empty Node process. */
import { bin } from './built.mjs';
import { ratio, timed } from './process.mjs';
import { withProject } from './project.mjs';

export async function measure({ short }) {
  const times = short ? 5 : 15;
  const nothing = () => timed(['-e', '0']);
  const help = await ratio(() => timed([bin, '--help']), nothing, times);
  const rows = [
    {
      what: 'saas-ecs --help against node -e 0',
      figure: help.ratio,
      unit: 'times',
      bar: '<= 2',
      ok: help.ratio <= 2,
    },
  ];
  await withProject(async (project) => {
    await project.run(['deploy-shared', '--json']);
    for (let index = 0; index < 10; index++)
      await project.run([
        'onboard',
        '--tier',
        'basic',
        '--name',
        `tenant-${index}`,
        '--email',
        `admin@tenant-${index}.example`,
        '--json',
      ]);
    const list = await ratio(() => project.run(['list-tenants', '--json']), nothing, times);
    rows.push({
      what: 'list-tenants --json, 10 tenants, against node -e 0',
      figure: list.ratio,
      unit: 'times',
      bar: '<= 5',
      ok: list.ratio <= 5,
    });
  });
  return rows;
}
