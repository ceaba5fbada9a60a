/** What a part may use of this machine: a directory that goes away, other people's programs, one embedded cloud. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { debianProgram } from './debian.mjs';
import { pythonEnvironment } from './python.mjs';

const execute = promisify(execFile);
export const root = path.dirname(path.dirname(import.meta.dirname));
const bin = path.join(root, 'bin', 'saas-ecs');

/** Aborted when the run ends early: what still runs must not start the embedded cloud anew. */
const stopping = new AbortController();

/** Runs a program to its end; rejects with `stdout` and `stderr` when that is not 0. */
export const run = (program, argv, options = {}) =>
  execute(program, argv, { timeout: 120_000, maxBuffer: 1 << 26, signal: stopping.signal, ...options });

/** The last line that a failed program wrote, for a reason of one line. */
export const lastWords = (error) =>
  String(error.stderr || error.stdout || error.message)
    .trim()
    .split('\n')
    .at(-1);

const once = (make) => {
  const made = new Map();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
};

export async function openMachine() {
  const work = await mkdtemp(path.join(tmpdir(), 'saas-ecs-conformance-'));
  // Survives the run, not `npm ci`: what was installed and unpacked.
  const cache = path.join(root, 'node_modules', '.cache', 'saas-ecs-conformance');
  await mkdir(cache, { recursive: true });
  const processes = new Set();
  const projects = new Set();

  const saas = async (directory, ...argv) => {
    const { stdout } = await run(process.execPath, [bin, ...argv, '--json'], {
      cwd: directory,
      timeout: 300_000,
      env: { ...process.env, CI: 'true' },
    });
    return JSON.parse(stdout).data;
  };

  return {
    work,
    cache,
    /** Runs a command of saas-ecs in a project; gives its data. */
    saas,
    /**
     * A project on an embedded cloud after the tour: `{ directory, endpoint, tenants }`. Parts may share it; they
     * must leave what the tour made as it was.
     */
    toured: once(async () => {
      const directory = path.join(work, 'saas-ecs-tour');
      projects.add(directory);
      const { tenants } = await saas(work, 'tour');
      const { endpoint } = await saas(directory, 'local', 'status');
      return { directory, endpoint, tenants };
    }),
    /** An embedded cloud with nothing in it: `{ directory, endpoint }`. */
    async emptyCloud(name) {
      const directory = path.join(work, name);
      await mkdir(directory);
      await saas(directory, 'init', '--app', name, '--yes');
      projects.add(directory);
      const { endpoint } = await saas(directory, 'local', 'start');
      return { directory, endpoint };
    },
    /** Directory with the programs of requirements/<name>.txt; rejects with the reason where pip can't have them. */
    python: once((name) => pythonEnvironment(name, cache)),
    /** A program of a Debian package: `{ program, environment }`; rejects with the reason. */
    debian: once((name) => debianProgram(name, cache)),
    /** Starts a program that serves until the run ends. `ready` is asked until it resolves. */
    async serve(program, argv, options, ready) {
      const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
      processes.add(child);
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          said = (said + chunk).slice(-4000);
        });
      const ended = new Promise((_, reject) => {
        child.on('error', reject);
        child.on('exit', (code) =>
          reject(new Error(`${path.basename(program)} ended with ${code}: ${said}`)),
        );
      });
      const deadline = Date.now() + 60_000;
      const asked = (async () => {
        for (;;) {
          try {
            return await ready();
          } catch (error) {
            if (Date.now() > deadline) throw error;
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
        }
      })();
      await Promise.race([asked, ended]);
      ended.catch(() => {});
      return {
        async stop() {
          processes.delete(child);
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = new Promise((resolve) => child.once('exit', resolve));
          child.kill();
          await gone;
        },
      };
    },
    /** A port of loopback that is free now. */
    freePort: () =>
      new Promise((resolve, reject) => {
        const server = createServer().once('error', reject);
        server.listen(0, '127.0.0.1', () => {
          const { port } = server.address();
          server.close(() => resolve(port));
        });
      }),
    async close() {
      stopping.abort();
      for (const child of processes) child.kill();
      await Promise.all(
        [...projects].map((cwd) =>
          execute(process.execPath, [bin, 'local', 'stop'], { cwd }).catch(() => undefined),
        ),
      );
      await rm(work, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
