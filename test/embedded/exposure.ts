/** What a process and its descendants show to others on this machine: files that they may read, sockets that they may reach. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

/** Everything at or below the directory that its group or others may read, write or run, with its mode. */
export async function wideFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (file: string): Promise<void> => {
    const stat = await lstat(file).catch(() => undefined);
    if (!stat || stat.isSymbolicLink()) return;
    if ((stat.mode & 0o077) !== 0) found.push(`${file} ${(stat.mode & 0o777).toString(8)}`);
    if (!stat.isDirectory()) return;
    for (const name of await readdir(file)) await look(path.join(file, name));
  };
  await look(directory);
  return found;
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(fields[1]));
    } catch {}
  }
  const family = [pid];
  for (const member of family)
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Local addresses of the TCP sockets that a process and its descendants listen on (Linux), e.g. `127.0.0.1`, `::1`. */
export function listeningAddresses(pid: number): string[] {
  const inodes = new Set(descendants(pid).flatMap(socketsOf));
  const listening = '0A';
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        return state === listening && inodes.has(inode) ? [addressOf(local.split(':')[0] ?? '')] : [];
      }),
  );
}

/** The kernel writes words of 32 bits in the machine's order. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length === 4) return [...bytes.reverse()].join('.');
  return Buffer.concat([0, 4, 8, 12].map((at) => Buffer.from(bytes.subarray(at, at + 4)).reverse())).toString(
    'hex',
  );
}

export const isLoopbackAddress = (address: string): boolean =>
  /^127\./.test(address) || /^0{31}1$/.test(address) || /^0{20}ffff7f/.test(address);
