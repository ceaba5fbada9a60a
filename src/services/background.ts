import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { packageRoot } from '../model/installation.ts';

export interface BackgroundCommand {
  /** The project's directory. */
  root: string;
  /** Command and flags, without `saas-ecs` itself. */
  argv: readonly string[];
  /** Names the log file. */
  name: string;
}

/** Starts a command of saas-ecs that outlives this process; what it prints goes to the file that is returned. */
export async function goOnInBackground(command: BackgroundCommand): Promise<string> {
  const directory = path.join(command.root, '.saas-ecs', 'operations');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const log = path.join(directory, `${command.name}.log`);
  const file = await open(log, 'a', 0o600);
  try {
    const child = spawn(
      process.execPath,
      [path.join(packageRoot(), 'bin', 'saas-ecs'), ...command.argv, '--no-input', '--output', 'ndjson'],
      { cwd: command.root, detached: true, stdio: ['ignore', file.fd, file.fd] },
    );
    child.unref();
  } finally {
    await file.close();
  }
  return log;
}
