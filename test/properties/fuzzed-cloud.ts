/** An embedded cloud to send bad input to, and what its answers must be. */
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { RawRequest } from './aws-requests.ts';
import { expectNoTrace } from './property.ts';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface FuzzedCloud {
  cloud: RunningCloud;
  /** Sends a request; undefined when the connection was closed without an answer, or the client itself refused to send it. */
  send(request: RawRequest): Promise<Answer | undefined>;
  /** What was logged since the last call, of failures that nobody meant. */
  failures(): string[];
  stop(): Promise<void>;
}

export async function startFuzzedCloud(): Promise<FuzzedCloud> {
  const stateDir = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-fuzz-'));
  let logged: string[] = [];
  const cloud = await startCloud({
    stateDir,
    log: (line) => {
      if (/InternalFailure|Error: |\bat \S+ \(/.test(line)) logged.push(line);
    },
  });
  const { hostname, port } = new URL(cloud.endpoint);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  return {
    cloud,
    send: ({ method, path: target, headers, body }) =>
      new Promise((resolve, reject) => {
        let request: http.ClientRequest;
        try {
          request = http.request(
            {
              agent,
              hostname,
              port,
              method,
              path: target,
              headers: { 'content-length': String(body.length), ...headers },
            },
            (response) => {
              const chunks: Buffer[] = [];
              response.on('data', (chunk: Buffer) => chunks.push(chunk));
              response.on('error', () => resolve(undefined));
              response.on('end', () =>
                resolve({
                  status: response.statusCode ?? 0,
                  headers: response.headers,
                  body: Buffer.concat(chunks).toString(),
                }),
              );
            },
          );
        } catch {
          resolve(undefined);
          return;
        }
        request.on('error', (error: NodeJS.ErrnoException) => {
          if (error.code === 'ECONNREFUSED') reject(error);
          else resolve(undefined);
        });
        request.end(body);
      }),
    failures() {
      const found = logged;
      logged = [];
      return found;
    },
    async stop() {
      agent.destroy();
      await cloud.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** The documented shape of an error in each protocol; 403 in plain words is the door's (names and pages it refuses). */
function expectErrorShape({ path }: RawRequest, { status, headers, body }: Answer): void {
  const type = String(headers['content-type'] ?? '');
  if (type.includes('json')) {
    const error = JSON.parse(body) as Record<string, unknown>;
    // An OAuth endpoint's errors have another name for it (RFC 6749, section 5.2).
    expect(typeof (error['message'] ?? error['error'])).toBe('string');
    // A deployed API's own refusals name their type in the header alone.
    if (headers['x-amzn-errortype'] !== undefined && !path.startsWith('/_aws/'))
      expect(typeof error['__type']).toBe('string');
  } else if (type.includes('xml')) {
    expect(body).toMatch(/<Code>\w[\w.]*<\/Code>/);
  } else expect([400, 403, 404, 405, 413, 431]).toContain(status);
}

/** An answer in order: no failure of ours, nothing of the inside, an error in the protocol's shape. */
export function expectOrderly(fuzzed: FuzzedCloud, request: RawRequest, answer: Answer | undefined): void {
  const failures = fuzzed.failures();
  if (failures.length > 0) throw new Error(`the embedded cloud failed: ${failures.join(' ; ')}`);
  if (!answer) return;
  expect(answer.status, answer.body.slice(0, 2_000)).toBeLessThan(500);
  expectNoTrace(answer.body, `${request.path}${request.body}${Object.values(request.headers).join()}`);
  if (answer.status >= 400 && request.method !== 'HEAD' && answer.body !== '')
    expectErrorShape(request, answer);
}
