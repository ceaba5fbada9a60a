/** One command as a process of its own: what it printed, how it ended, and whether a person could bear to read it. */
import { spawn } from 'node:child_process';
import path from 'node:path';

const bin = path.join(import.meta.dirname, '..', '..', 'bin', 'saas-ecs');

/** No command may take longer, in milliseconds: it hangs, then. */
const atMost = 300_000;

/**
 * Runs `saas-ecs <argv> --json`; `killAfterMs` kills it with -9. Gives `{ code, signal, envelope, text, ms }`; throws when it
 * hangs or prints a stack trace.
 */
export function command(argv, { cwd, env, killAfterMs }) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(process.execPath, [bin, ...argv, '--json'], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const kill = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    const hung = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${argv.join(' ')} hangs\n${stderr}`));
    }, atMost);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(kill);
      clearTimeout(hung);
      const text = stdout + stderr;
      if (/(^|\n|\\n)\s+at .+:\d+:\d+/.test(text))
        reject(new Error(`${argv.join(' ')} printed a stack trace\n${text}`));
      else resolve({ code, signal, text, envelope: envelopeIn(stdout), ms: performance.now() - begin });
    });
  });
}

function envelopeIn(stdout) {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}
