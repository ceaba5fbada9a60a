/**
 * A way to the cloud on which something happens at a chosen write: what an operator who is killed there, or whose
 * network fails there, leaves behind.
 */
import { createServer, type IncomingMessage, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UnreliableWay {
  endpoint: string;
  /** Writes that went through. */
  writes(): number;
  /** Whether what was to happen has happened. */
  happened(): boolean;
  close(): Promise<void>;
}

/**
 * `killed`: the first `after` writes arrive, and nothing after them, reads included. `answer-lost`: the write that
 * follows the first `after` is done, but the connection breaks before its answer.
 */
export type Fate = { kind: 'killed' | 'answer-lost'; after: number };

const reading = /^(Get|BatchGet|Query|Scan|Describe|List|AdminGet|AdminInitiateAuth|ValidateTemplate)/;

/** True for a call that may change something, whatever the protocol. */
function isWrite(request: IncomingMessage, body: Buffer): boolean {
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') return !reading.test(target.split('.').at(-1) ?? '');
  const action = /(?:^|&)Action=(\w+)/.exec(body.toString('latin1'))?.[1];
  if (action !== undefined) return !reading.test(action);
  return request.method !== 'GET' && request.method !== 'HEAD';
}

export async function openWay(endpoint: string, fate: Fate): Promise<UnreliableWay> {
  let writes = 0;
  let happened = false;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const write = isWrite(request, body);
      if (fate.kind === 'killed' && (happened || (write && writes === fate.after))) {
        happened = true;
        // Refused in a way that no client tries again: the operator is dead, the test is not.
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify({ __type: 'OperatorKilled', message: 'killed' }));
        return;
      }
      const lose = fate.kind === 'answer-lost' && write && writes === fate.after && !happened;
      if (lose) happened = true;
      else if (write) writes++;
      const { host: _, ...headers } = request.headers;
      const onward = send(
        new URL(request.url ?? '/', endpoint),
        { method: request.method, headers: { ...headers, host: request.headers.host } },
        (answer) => {
          if (lose) {
            answer.resume();
            answer.on('end', () => response.destroy());
            return;
          }
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    writes: () => writes,
    happened: () => happened,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Runs `attempt` with each fate in turn, from the first write on, until the attempt outruns its fate. */
export async function atEveryWrite(
  endpoint: string,
  kind: Fate['kind'],
  attempt: (way: UnreliableWay, after: number) => Promise<void>,
): Promise<number> {
  for (let after = 0; ; after++) {
    const way = await openWay(endpoint, { kind, after });
    try {
      await attempt(way, after);
    } finally {
      await way.close();
    }
    if (!way.happened()) return after;
  }
}
