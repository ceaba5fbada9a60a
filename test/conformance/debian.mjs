/**
 * Programs of Debian packages. One that is not installed is unpacked, with the packages it needs and this machine
 * lacks, into a directory of its own: nothing is installed, no service is started, and it takes no root.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { lastWords, run } from './machine.mjs';

/** What `apt-get install` would fetch for a package, as names of packages. */
async function missingPackages(name) {
  const argv = ['install', '--print-uris', '-qq', '--yes', '--no-install-recommends', name];
  const { stdout } = await run('apt-get', argv);
  return [...stdout.matchAll(/^'\S+' ([^_\s]+)_/gm)].map(([, found]) => found);
}

async function unpack(name, directory) {
  const part = `${directory}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  const packages = await missingPackages(name).catch(async () => {
    await run('apt-get', ['update', '-qq'], { timeout: 180_000 });
    return missingPackages(name);
  });
  // `login` and `passwd` come along as upgrades; programs of the system stay as they are.
  const wanted = packages.filter((found) => !['login', 'passwd'].includes(found));
  const sandbox = ['-o', 'APT::Sandbox::User=root'];
  await run('apt-get', ['download', '-qq', ...sandbox, ...wanted], { cwd: part, timeout: 240_000 });
  for (const file of await readdir(part))
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', file, '.'], { cwd: part });
  await rename(part, directory);
}

/** `{ program, directory, environment }` of a program whose package has its name; rejects with what it takes. */
export async function debianProgram(name, cache) {
  const installed = await run('sh', ['-c', `command -v ${name} || command -v /usr/sbin/${name}`]).catch(
    () => undefined,
  );
  if (installed) {
    const program = installed.stdout.trim();
    return { program, directory: path.dirname(program), environment: {} };
  }
  const directory = path.join(cache, name);
  try {
    const there = await readdir(directory).catch(() => []);
    if (there.length === 0) await unpack(name, directory);
    const found = await run('sh', ['-c', `ls usr/bin/${name} usr/sbin/${name} 2>/dev/null | head -1`], {
      cwd: directory,
    });
    const program = path.join(directory, found.stdout.trim());
    const { stdout } = await run(
      'sh',
      ['-c', 'ls -d "$PWD"/usr/lib "$PWD"/usr/lib/*-linux-gnu* 2>/dev/null | tr "\\n" :'],
      { cwd: directory },
    );
    return {
      program,
      directory: path.dirname(program),
      environment: { LD_LIBRARY_PATH: stdout.trim() },
      unpacked: directory,
    };
  } catch (error) {
    throw new Error(`needs Debian's ${name} (apt-get install ${name}): ${lastWords(error)}`);
  }
}
