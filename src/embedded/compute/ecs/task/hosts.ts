/** A task's /etc/hosts, as ECS writes it when the task starts: how programs other than Node.js find Service Connect names. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskNetwork } from './network.ts';

/**
 * Writes it into the task's directory; returns its path. An address says nothing of ports: a name that leads to another
 * port than its own (where the system has no loopback addresses to spare) is left out.
 */
export async function writeHosts(directory: string, network: TaskNetwork): Promise<string> {
  const file = path.join(directory, 'hosts');
  const names = network.names.filter(({ port, hostPort }) => port === hostPort);
  const lines = [`${network.host} localhost`, ...names.map(({ host, name }) => `${host} ${name}`)];
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}
