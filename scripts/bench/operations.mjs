/** The operator's commands on the embedded cloud, whole processes, from nothing. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { median } from './process.mjs';
import { withProject } from './project.mjs';

const seconds = (what, ms, bar) => ({
  what,
  figure: ms / 1000,
  unit: 's',
  bar: `<= ${bar} s`,
  ok: ms / 1000 <= bar,
});

export async function measure({ short }) {
  const rows = [];
  await withProject(async (project) => {
    rows.push(
      seconds('the tour, from nothing to all checks green', (await project.run(['tour', '--json'])).ms, 45),
    );
  });
  await withProject(async (project) => {
    await project.run(['deploy-shared', '--json']);
    rows.push(
      seconds('deploy-shared with no change', (await project.run(['deploy-shared', '--json'])).ms, 8),
    );
    const times = short ? 2 : 4;
    for (const [tier, bar] of [
      ['basic', 1.5],
      ['advanced', 6],
      ['premium', 6],
    ]) {
      const took = [];
      for (let index = 0; index < times; index++) {
        const name = `${tier}-${index}`;
        took.push(
          (
            await project.run([
              'onboard',
              '--tier',
              tier,
              '--name',
              name,
              '--email',
              `admin@${name}.example`,
              '--json',
            ])
          ).ms,
        );
      }
      rows.push(seconds(`onboard ${tier}, whole command`, median(took), bar));
    }
    // Ten silo tenants in all, for the memory of the cloud and of their tasks.
    for (let index = 2 * times; index < 10; index++)
      await project.run([
        'onboard',
        '--tier',
        'advanced',
        '--name',
        `more-${index}`,
        '--email',
        `admin@more-${index}.example`,
        '--json',
      ]);
    const { data } = JSON.parse((await project.run(['local', 'status', '--json'])).stdout);
    const own = await residentMB(data.pid);
    const tasks = await Promise.all((await childrenOf(data.pid)).map(residentMB));
    const task = Math.max(...tasks.filter(Boolean));
    rows.push({
      what: 'embedded cloud with 10 silo tenants, its own process',
      figure: own,
      unit: 'MB',
      bar: '<= 300 MB',
      ok: own <= 300,
    });
    rows.push({
      what: `largest of its ${tasks.length} processes, idle`,
      figure: task,
      unit: 'MB',
      bar: '<= 90 MB',
      ok: task <= 90,
    });
  });
  return rows;
}

/** Resident memory from /proc/<pid>/status (proc(5)); NaN elsewhere. */
async function residentMB(pid) {
  const status = await readFile(path.join('/proc', String(pid), 'status'), 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

async function childrenOf(pid) {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.split(' ').filter(Boolean);
}
