/** Python packages, in a virtual environment of their own for each requirements file. */
import { createHash } from 'node:crypto';
import { access, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { lastWords, run } from './machine.mjs';

/** Installs requirements/<name>.txt unless an earlier run has; gives the directory of its programs. */
export async function pythonEnvironment(name, cache) {
  const file = path.join(import.meta.dirname, 'requirements', `${name}.txt`);
  const digest = createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 12);
  const directory = path.join(cache, `${name}-${digest}`);
  const complete = path.join(directory, 'pip.log');
  const there = await access(complete).then(
    () => true,
    () => false,
  );
  const bin = path.join(directory, 'bin');
  if (there) return bin;
  await rm(directory, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', directory]);
    const log = path.join(directory, 'pip.part');
    const argv = ['install', '--quiet', '--disable-pip-version-check', '--log', log, '-r', file];
    await run(path.join(bin, 'pip'), argv, { timeout: 400_000 });
    await rename(log, complete);
  } catch (error) {
    throw new Error(`needs python3 with venv and pip, and the packages of ${name}.txt: ${lastWords(error)}`);
  }
  return bin;
}
