/** The one HTTP server of an embedded cloud: AWS API calls, and the services' own routes below `/_aws/`. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stateIdLength } from '../../model/daemon.ts';
import type { Cloud, Route } from '../platform.ts';
import { isForPages, localPath } from './aws-addresses.ts';
import { answer } from './call.ts';
import { isFromOtherPage, preflightHeaders } from './pages.ts';
import { ServiceIndex } from './service-index.ts';
import type { WireResponse } from './wire.ts';

export interface Endpoint {
  /** http://127.0.0.1:<port> */
  url: string;
  /** From now on `/_aws/health` says that every service is there. */
  ready(): void;
  close(): Promise<void>;
}

/** Tells whose state an endpoint serves, without naming the directory to whoever asks. */
const stateId = (stateDir: string): string =>
  createHash('sha256').update(path.resolve(stateDir)).digest('hex').slice(0, stateIdLength);

/** Open connections get this long to finish their requests when the endpoint closes, in milliseconds. */
const closeGrace = 2_000;

/** What one client may take of the endpoint. Times in milliseconds. */
export interface EndpointLimits {
  /** From a connection's or request's beginning to the end of its headers. */
  headersTimeout: number;
  /** To the end of its body; long enough for the largest object on a slow disk. */
  requestTimeout: number;
  /** How often both are looked at. */
  connectionsCheckingInterval: number;
  /** More are closed at once: each task, function and page of this machine has a few. */
  maxConnections: number;
}

const defaultLimits: EndpointLimits = {
  headersTimeout: 30_000,
  requestTimeout: 300_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 4_000,
};

/** Listens on loopback and answers AWS API calls for the cloud's services. Rejects with EADDRINUSE when the port is taken. */
export async function startEndpoint(
  cloud: Cloud,
  port: number,
  { maxConnections, ...timeouts }: EndpointLimits = defaultLimits,
): Promise<Endpoint> {
  const index = new ServiceIndex(cloud.services);
  let ready = false;
  const health: Route = {
    prefix: '/_aws/health',
    handle(_request, response) {
      const status = ready ? 'ready' : 'starting';
      response.writeHead(ready ? 200 : 503, {
        'content-type': 'application/json',
        'x-embedded-cloud': stateId(cloud.stateDir),
      });
      response.end(JSON.stringify({ status }));
    },
  };
  const routes = [health, ...cloud.services.flatMap((service) => service.routes ?? [])].sort(
    (a, b) => b.prefix.length - a.prefix.length,
  );
  const server = createServer(
    { keepAliveTimeout: 65_000, ...timeouts, noDelay: true },
    (request, response) => {
      serve(cloud, index, routes, request, response).catch((error: unknown) => {
        cloud.log(
          `endpoint ${request.method} ${request.url} ${error instanceof Error ? error.stack : String(error)}`,
        );
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-type': 'text/plain' }).end('InternalFailure\n');
      });
    },
  );
  server.maxConnections = maxConnections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = refusals[error.code ?? ''] ?? '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ready() {
      ready = true;
    },
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), closeGrace);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Node.js's words for what never became a request. */
const refusals: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

async function serve(
  cloud: Cloud,
  index: ServiceIndex,
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // What functions send to an address that AWS forms from ids. No page can bring it here: the names are AWS's.
  const local = localPath(cloud.region, request.headers.host ?? '', request.url ?? '/');
  if (local !== undefined) request.url = local;
  // A name that only resolves to loopback is how a web page reaches a local server (DNS rebinding).
  else if (!isLoopback(request.headers.host)) {
    response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' });
    response.end('this endpoint answers on loopback names only\n');
    return;
  }
  const path = request.url ?? '/';
  if (path.startsWith('/_aws/')) {
    await serveRoute(routes, request, response, path);
    return;
  }
  if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
    response.writeHead(204, preflightHeaders(request)).end();
    return;
  }
  await send(request, response, await answer(cloud, index, request));
}

export function isLoopback(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  return /^(127(\.\d{1,3}){3}|\[::1\]|localhost|[a-z0-9.-]+\.localhost)$/.test(name);
}

async function serveRoute(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): Promise<void> {
  const url = urlOf(target);
  if (!url) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end('the path is not valid\n');
    return;
  }
  // What programs of this machine have here (credentials, answers to CloudFormation, mail) is not for pages of others.
  if (!isForPages(url.pathname) && isFromOtherPage(request)) {
    response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' });
    response.end('this path is not for web pages\n');
    return;
  }
  const route = routes.find((each) => url.pathname.startsWith(each.prefix));
  if (route) await route.handle(request, response, url);
  else
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`nothing is served at ${url.pathname}\n`);
}

function urlOf(target: string): URL | undefined {
  try {
    return new URL(target, 'http://127.0.0.1');
  } catch {
    return undefined;
  }
}

async function send(request: IncomingMessage, response: ServerResponse, result: WireResponse): Promise<void> {
  const { body } = result;
  // An upload that was refused has stopped on its way: what is left of it stands before the connection's next request.
  if (!request.complete) request.unpipe().resume();
  // Node reads what is left of a refused body; one that is too large is not worth reading.
  if (result.status === 413) result.headers['connection'] = 'close';
  if (body instanceof Readable) {
    response.writeHead(result.status, result.headers);
    if (request.method === 'HEAD') {
      body.destroy();
      response.end();
      return;
    }
    // A reader that goes away in the middle is no error of ours.
    await pipeline(body, response).catch(() => response.destroy());
    return;
  }
  const headers = result.headers;
  const empty = request.method === 'HEAD' || result.status === 204 || result.status === 304;
  if (!empty) headers['content-length'] = String(Buffer.byteLength(body));
  response.writeHead(result.status, headers);
  response.end(empty ? undefined : body);
}
