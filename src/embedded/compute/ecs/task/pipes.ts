/**
 * Pipes for a container's output. Node.js gives its children sockets, and what is written for containers opens
 * /dev/stdout and /dev/stderr anew: nginx's logs, redirections in shell scripts. That works with pipes, not with sockets (ENXIO).
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

export interface Pipe {
  read: Socket;
  /** For the child's stdio. */
  write: number;
  /** Closes our copy of the writing end: the reading end then ends with the child. */
  started(): void;
}

const run = promisify(execFile);

/** Named ones are the only pipes that Node.js can open; the names, in a directory of their own below `scratch`, are gone at once. */
export async function openPipes(scratch: string, count: number): Promise<Pipe[]> {
  const directory = await mkdtemp(path.join(scratch, 'pipes-'));
  try {
    const files = Array.from({ length: count }, (_, index) => path.join(directory, String(index)));
    await run('mkfifo', ['-m', '600', ...files]);
    return files.map((file) => {
      // In this order neither waits for the other end.
      const read = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
      const write = openSync(file, constants.O_WRONLY);
      const socket = new Socket({ fd: read, readable: true, writable: false });
      socket.on('error', () => socket.destroy());
      return { read: socket, write, started: () => closeSync(write) };
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
