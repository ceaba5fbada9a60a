/** What Linux says of other processes: proc(5). Empty or NaN on other systems. */
import { readFile } from 'node:fs/promises';

/** Resident memory of a process in MiB. */
export async function residentMB(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Process ids of the direct children. */
export async function childrenOf(pid) {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.split(' ').filter(Boolean);
}

/** The environment that a process was started with. */
export async function environmentOf(pid) {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return Object.fromEntries(text.split('\0').map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
}

/** Processor time that a process has had, in milliseconds: user and system, in ticks of 10 ms. */
export async function cpuMs(pid) {
  const { utime, stime } = await statOf(pid);
  return 10 * (utime + stime);
}

async function statOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return { utime, stime, cutime, cstime };
}

/** That of a process, of its children, and of those that it had. */
export async function cpuMsWithChildren(pid) {
  const { cutime, cstime } = await statOf(pid);
  const times = await Promise.all([pid, ...(await childrenOf(pid))].map(cpuMs));
  // A child that has just ended has no time of its own any more: it is in its parent's.
  return times.filter(Boolean).reduce((sum, ms) => sum + ms, 10 * (cutime + cstime));
}
