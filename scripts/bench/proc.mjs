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
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
