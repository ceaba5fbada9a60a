import { spawn } from 'node:child_process';
import { bin } from './built.mjs';

/** Runs a program to its end; gives its wall time in milliseconds, exit code and what it printed. */
export function timed(argv, { cwd, env = process.env, timeoutMs = 180_000 } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ ms: performance.now() - began, code, stdout, stderr });
    });
  });
}

/** One command of saas-ecs, which must succeed. */
export async function saasEcs(argv, options) {
  const ran = await timed([bin, ...argv], options);
  if (ran.code !== 0)
    throw new Error(`saas-ecs ${argv.join(' ')} exited with ${ran.code}: ${ran.stdout}${ran.stderr}`);
  return ran;
}

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** Runs two commands in turn, so that both see the same machine, and gives the median of the ratios of A to B. */
export async function ratio(a, b, times) {
  const ratios = [];
  const first = [];
  await a();
  await b();
  for (let index = 0; index < times; index++) {
    const one = await a();
    const other = await b();
    first.push(one.ms);
    ratios.push(one.ms / other.ms);
  }
  return { ratio: median(ratios), ms: median(first) };
}
