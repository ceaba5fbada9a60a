/** Builds an image's bundle as scripts/build.mjs does and runs it as a process of its own, as ECS would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const templates = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'templates');

const bundles: string[] = [];
/** Removes what {@link bundle} made; for afterAll. */
export const removeBundles = (): void => {
  for (const directory of bundles.splice(0)) rmSync(directory, { recursive: true, force: true });
};

/** The bundle of `images/<name>` or `functions/<name>`, in a directory of its own. */
export async function bundle(kind: 'images' | 'functions', name: string): Promise<string> {
  const outdir = mkdtempSync(path.join(os.tmpdir(), `saas-ecs-${name}-`));
  bundles.push(outdir);
  const entryPoints = [path.join(templates, kind, name, 'index.ts')];
  if (kind === 'images') entryPoints.push(path.join(templates, kind, name, 'health.ts'));
  await build({
    entryPoints,
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    mainFields: ['module', 'main'],
    legalComments: 'none',
    logLevel: 'silent',
    minify: true,
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  });
  return path.join(outdir, 'index.mjs');
}

export interface RunningImage {
  url: string;
  port: number;
  process: ChildProcess;
  /** Everything that it has written so far. */
  output(): string;
  /** The first line that it writes, or has written, with this text in it. */
  line(text: string): Promise<string>;
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number | null>;
}

export interface Answer {
  status: number;
  headers: Headers;
  // Bodies are asserted on, not typed.
  body: { [name: string]: unknown; items?: { [name: string]: unknown }[]; error?: Record<string, unknown> };
}

/** Starts a bundle with exactly this environment and waits until it listens. Rejects with its output when it ends first. */
export async function startImage(entry: string, env: Record<string, string>): Promise<RunningImage> {
  const child = spawn(process.execPath, [entry], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOST: '127.0.0.1',
      PORT: '0',
      AWS_REGION: 'us-east-1',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...env,
    },
  });
  let output = '';
  const listening = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const url = /Server listening at (http:[^"]+)"/.exec(output)?.[1];
      if (url) resolve(url);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
  const url = await listening;
  return {
    url,
    port: Number(new URL(url).port),
    process: child,
    output: () => output,
    async line(text) {
      for (;;) {
        const found = output
          .split('\n')
          .slice(0, -1)
          .find((line) => line.includes(text));
        if (found !== undefined) return found;
        await once(child.stdout, 'data');
      }
    },
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

/** A client with a token. */
export const client =
  (url: string, token?: string) =>
  async (
    method: string,
    at: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(url + at, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  };
