/** Sees to it that a container doesn't outlive this process, however that ends: for programs that don't notice by themselves. */
import { spawn } from 'node:child_process';

/**
 * Kills the process group when this process is gone: a shell that waits for its standard input to close. Returns what
 * calls it off.
 */
export function endWithThisProcess(group: number): () => void {
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -s KILL -- "-$0"', String(group)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    // Not in our group: what ends this process at the terminal must not end it.
    detached: true,
  });
  watchdog.on('error', () => {});
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  return () => void watchdog.kill('SIGKILL');
}
