/** What an attacker's own client sends and a well-behaved one doesn't. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

export interface Reply {
  status: number;
  body: string;
  headers: http.IncomingHttpHeaders;
  /** All that was sent, as text: what comes back of it is an echo. */
  sent: string;
}

export interface RawRequest {
  method?: string;
  /** Names and values in turn: a name may come twice, and nothing is tidied. */
  headers?: readonly string[];
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

/** The gateway gives up after 29 seconds. */
const longest = 30_000;

/** One request to `url` with `path` appended exactly as given. */
export function rawRequest(url: string, path: string, options: RawRequest = {}): Promise<Reply> {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  const { method = 'GET', headers = [] } = options;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const named = new Set(headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  const all = [
    ...(named.has('host') ? [] : ['host', host]),
    ...(body === undefined
      ? []
      : ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))]),
    ...headers,
  ];
  const timeout = AbortSignal.timeout(longest);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const transport = protocol === 'https:' ? https : http;
  const sent = [path, decoded(path), ...headers, body ?? ''].join('\n');
  return new Promise((resolve, reject) => {
    const request = transport.request(
      {
        hostname,
        port,
        path: `${pathname.replace(/\/$/, '')}${path}`,
        method,
        headers: all,
        agent: false,
        signal,
        servername: hostname,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
            headers: response.headers,
            sent,
          }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Sends bytes as they are over one connection and gives all that comes back until the other side closes, for 3 seconds at most. */
export function rawBytes(url: string, lines: readonly string[], signal: AbortSignal): Promise<string> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'https:';
  return new Promise((resolve, reject) => {
    const socket = secure
      ? tls.connect({
          host: hostname,
          port: Number(port || 443),
          servername: hostname,
          ALPNProtocols: ['http/1.1'],
        })
      : net.connect({ host: hostname, port: Number(port || 80) });
    let received = '';
    const end = (): void => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(3_000, end);
    signal.addEventListener('abort', () => socket.destroy(new Error('no time left')), { once: true });
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', (error) => (received === '' ? reject(error) : end()));
    socket.on('close', end);
    socket.on(secure ? 'secureConnect' : 'connect', () => socket.write(lines.join('\r\n')));
  });
}
