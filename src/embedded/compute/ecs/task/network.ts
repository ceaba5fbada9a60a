/** A task's network: a loopback address of its own where the system has them, and the ports it is reached on. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** One Service Connect name as a task sees it: `name:port` leads to `host:hostPort`. */
export interface ServiceConnectName {
  name: string;
  port: number;
  host: string;
  hostPort: number;
}

/** What the preloaded resolve.ts needs to know. */
export interface TaskNetwork {
  host: string;
  /** Container port -> port on `host`. */
  ports: Readonly<Record<number, number>>;
  names: readonly ServiceConnectName[];
}

export interface Address {
  host: string;
  ports: Record<number, number>;
}

export interface Addresses {
  /** An address on which all of `ports` are free; `preferred` when it is (what the task had before). */
  assign(ports: readonly number[], preferred?: string): Promise<Address>;
  release(host: string): void;
}

/** Only Linux answers on all of 127.0.0.0/8 without being told; elsewhere ports tell tasks apart. */
const ownAddresses = process.platform === 'linux';

export function createAddresses(): Addresses {
  const taken = new Set<string>();
  // Random, so that two embedded clouds on one machine rarely try the same address; binding decides.
  let next = (16 + Math.floor(Math.random() * 200)) * 65_536 + Math.floor(Math.random() * 65_536);

  const candidate = (): string => {
    for (;;) {
      next = next + 1 >= 240 * 65_536 ? 16 * 65_536 : next + 1;
      const [b, c, d] = [next >> 16, (next >> 8) & 255, next & 255];
      const host = `127.${b}.${c}.${d}`;
      if (d !== 0 && d !== 255 && !taken.has(host)) return host;
    }
  };

  return {
    async assign(ports, preferred) {
      if (!ownAddresses) {
        const mapped: Record<number, number> = {};
        for (const port of ports) mapped[port] = await freePort('127.0.0.1', 0);
        return { host: '127.0.0.1', ports: mapped };
      }
      let host = preferred !== undefined && !taken.has(preferred) ? preferred : candidate();
      for (let attempt = 0; attempt < 50; attempt++) {
        taken.add(host);
        try {
          const mapped: Record<number, number> = {};
          for (const port of ports) mapped[port] = await freePort(host, port);
          return { host, ports: mapped };
        } catch {
          taken.delete(host);
          host = candidate();
        }
      }
      throw new Error(`no loopback address has the ports ${ports.join(', ')} free`);
    },
    release(host) {
      taken.delete(host);
    },
  };
}

/** Tries to listen: the port itself, or, where it takes privileges to listen there, any other. Rejects when it is in use. */
async function freePort(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, exclusive: true }, resolve);
    });
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if (port !== 0 && (error as NodeJS.ErrnoException).code === 'EACCES') return await freePort(host, 0);
    throw error;
  } finally {
    server.close();
  }
}
