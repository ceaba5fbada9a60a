/** What an attacker's own client sends and a well-behaved one doesn't. */
import http from 'node:http';

export interface RawReply {
  status: number;
  body: string;
}

/**
 * One request with path and headers exactly as given: nothing is tidied, and a header may come twice. `headers` are
 * names and values in turn.
 */
export function raw(
  url: string,
  path: string,
  options: { method?: string; headers?: readonly string[]; body?: string } = {},
): Promise<RawReply> {
  const { hostname, port, pathname } = new URL(url);
  const { method = 'GET', headers = [], body } = options;
  const named = new Set(headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  const all = [
    ...(named.has('host') ? [] : ['host', `${hostname}:${port}`]),
    ...(body === undefined
      ? []
      : ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))]),
    ...headers,
  ];
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        hostname,
        port,
        path: `${pathname}${path}`,
        method,
        headers: all,
        agent: false,
        signal: AbortSignal.timeout(30_000),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
