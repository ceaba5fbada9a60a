import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { type Ran, runCli } from '../cli/run-cli.ts';

export interface Project {
  directory: string;
  /** Runs a command in this process, in the project. */
  cli(...argv: string[]): Promise<Ran>;
  /** The same with --json; fails with what was printed unless the exit code is the one expected. */
  json<T = Record<string, unknown>>(...argv: string[]): Promise<T>;
  remove(): Promise<void>;
}

/** A project in a temporary directory, with an embedded cloud of its own that commands start by themselves. */
export async function newProject(...init: string[]): Promise<Project> {
  const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-test-'));
  const cli = async (...argv: string[]): Promise<Ran> => {
    const ran = await runCli(argv, { cwd: directory });
    expectNoStackTrace(argv, ran.stdout + ran.stderr);
    return ran;
  };
  const project: Project = {
    directory,
    cli,
    async json(...argv) {
      const ran = await cli(...argv, '--json');
      if (ran.code !== 0)
        throw new Error(`saas-ecs ${argv.join(' ')} exited with ${ran.code}\n${ran.stdout}${ran.stderr}`);
      return ran.json().data;
    },
    async remove() {
      await cli('local', 'stop');
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await project.json('init', '--app', 'shop', '--yes', ...init);
  return project;
}

/** What a person sees of any command, however it ends, is words; lines of code are for --debug. */
export function expectNoStackTrace(argv: readonly string[], printed: string): void {
  if (argv.includes('--debug')) return;
  expect(printed, `printed by: saas-ecs ${argv.join(' ')}`).not.toMatch(/(^|\\n|\n)\s+at .+:\d+:\d+/);
}

export interface ApiReply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** One request to a tenant's API. */
export async function api(
  url: string,
  options: { token?: string; method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<ApiReply> {
  const response = await fetch(url, {
    method: options.method ?? 'GET',
    headers: {
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? JSON.parse(text) : {},
  };
}
