import { PassThrough } from 'node:stream';
import { run } from '../../src/cli.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** stdout as the JSON envelope. */
  json(): {
    schemaVersion: number;
    ok: boolean;
    data: never;
    error: { code: string; message: string; detail: string; hint: string; exitCode: number };
  };
}

/** Runs a command line in this process, with pipes for streams: what CI does, but faster. */
export async function runCli(
  argv: string[],
  options: { cwd: string; env?: Record<string, string>; signal?: AbortSignal },
): Promise<Ran> {
  const collect = (): { stream: PassThrough; text: () => string } => {
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
  };
  const out = collect();
  const err = collect();
  const code = await run(argv, {
    stdout: out.stream,
    stderr: err.stream,
    stdin: new PassThrough(),
    env: { ...options.env },
    cwd: options.cwd,
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout: out.text(), stderr: err.text(), json: () => JSON.parse(out.text()) };
}
