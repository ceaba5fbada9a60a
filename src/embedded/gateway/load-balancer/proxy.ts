/** The load balancer's data plane: from a request to the answer of a target. */
import { randomUUID } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import type { LoadBalancerRequest, LoadBalancerResponse } from '../../platform.ts';
import type { RoutedRequest } from './conditions.ts';
import { type CompiledListener, type Routing, type RuleAction, weighted } from './routing.ts';
import type { LiveTarget, Targets } from './targets.ts';

/** Headers that concern one connection alone (RFC 9110, 7.6.1). */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const reasons: Record<number, string> = {
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
};

const page = (status: 502 | 503 | 504): LoadBalancerResponse => {
  const title = reasons[status] ?? String(status);
  const body = Buffer.from(
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
  );
  return {
    status,
    headers: ['server', 'awselb/2.0', 'content-type', 'text/html', 'content-length', String(body.length)],
    body,
  };
};

/** What a listener answers that expects TLS. */
function plainOnTls(): LoadBalancerResponse {
  const body = Buffer.from('400 The plain HTTP request was sent to HTTPS port');
  return {
    status: 400,
    headers: ['server', 'awselb/2.0', 'content-type', 'text/plain', 'content-length', String(body.length)],
    body,
  };
}

/** `1-<seconds>-<24 hex digits>`. A UUID costs less than random bytes: Node.js draws many at a time. */
export const traceRoot = (): string =>
  `1-${Math.floor(Date.now() / 1000).toString(16)}-${randomUUID().replaceAll('-', '').slice(0, 24)}`;

/** A trace that came with the request goes on under its root. */
const traceHeader = (given: string | undefined): string =>
  given?.includes('Root=') ? `Self=${traceRoot()};${given}` : `Root=${traceRoot()}`;

const first = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

function outgoingHeaders(
  headers: Readonly<Record<string, string | string[]>>,
  byName: ReadonlyMap<string, string | string[]>,
  listener: CompiledListener,
  sourceIp: string,
  port: number,
  bodyLength: number,
): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    const lower = name.toLowerCase();
    if (value === undefined || hopByHop.has(lower)) continue;
    if (lower === 'content-length' || lower.startsWith('x-forwarded-') || lower === 'x-amzn-trace-id')
      continue;
    if (listener.dropInvalidHeaders && !/^[A-Za-z0-9-]+$/.test(name)) continue;
    result[name] = value;
  }
  const before = byName.get('x-forwarded-for');
  const chain = Array.isArray(before) ? before.join(', ') : before;
  result['x-forwarded-for'] = chain === undefined ? sourceIp : `${chain}, ${sourceIp}`;
  result['x-forwarded-proto'] = listener.secure ? 'https' : 'http';
  result['x-forwarded-port'] = String(port);
  result['x-amzn-trace-id'] = traceHeader(first(byName.get('x-amzn-trace-id')));
  if (bodyLength > 0 || byName.has('content-length')) result['content-length'] = String(bodyLength);
  return result;
}

function redirect(
  action: Extract<RuleAction, { type: 'redirect' }>,
  request: RoutedRequest,
  port: number,
): LoadBalancerResponse {
  const host = (request.header('host') ?? '').replace(/:\d+$/, '');
  const values: Record<string, string> = {
    protocol: 'http',
    host,
    port: String(port),
    path: request.path.replace(/^\//, ''),
    query: request.query,
  };
  const fill = (text: string): string =>
    text.replace(/#\{(protocol|host|port|path|query)\}/g, (_whole, name: string) => values[name] ?? '');
  const protocol = fill(action.protocol).toLowerCase();
  const to = fill(action.port);
  const usual = (protocol === 'http' && to === '80') || (protocol === 'https' && to === '443');
  const query = fill(action.query);
  const location = `${protocol}://${fill(action.host)}${usual ? '' : `:${to}`}${fill(action.path)}${query ? `?${query}` : ''}`;
  return {
    status: action.status,
    headers: ['server', 'awselb/2.0', 'location', location, 'content-length', '0'],
    body: Buffer.alloc(0),
  };
}

/** `Connection` may name further headers of the one connection. */
function incomingHeaders(response: IncomingMessage): string[] {
  const raw = response.rawHeaders;
  const named = response.headers.connection
    ?.toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.includes(lower)) continue;
    headers.push(name, raw[index + 1] ?? '');
  }
  return headers;
}

function ask(
  target: LiveTarget,
  request: LoadBalancerRequest,
  headers: Record<string, string | string[]>,
  idleTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<LoadBalancerResponse> {
  return new Promise((resolve, reject) => {
    target.underWay++;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      target.ended();
    };
    let timedOut = false;
    const answered = (response: IncomingMessage): void => {
      response.once('close', end);
      resolve({
        status: response.statusCode ?? 502,
        headers: incomingHeaders(response),
        body: response,
      });
    };
    let call: ClientRequest;
    try {
      call = startRequest(
        {
          host: target.target.host,
          port: target.target.port,
          method: request.method,
          path: request.path,
          headers,
          agent: target.agent,
          ...(signal && { signal }),
        },
        answered,
      );
    } catch (error) {
      // A header or path that HTTP can't carry; the target must not count a request that never went out.
      end();
      reject(error);
      return;
    }
    // Cheaper than the request's own `signal` option, which watches the stream's end besides.
    const abort = (): void => {
      call.destroy(new Error('the request was cancelled'));
    };
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    call.setTimeout(idleTimeoutMs, () => {
      timedOut = true;
      call.destroy();
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      signal?.removeEventListener('abort', abort);
      end();
      if (signal?.aborted) {
        reject(error);
        return;
      }
      // A target may close an idle connection just as a request goes out on it: one without consequences is sent again.
      const closed = call.reusedSocket && error.code === 'ECONNRESET' && !timedOut;
      if (closed && (request.method === 'GET' || request.method === 'HEAD'))
        ask(target, request, headers, idleTimeoutMs, signal).then(resolve, reject);
      else resolve(page(timedOut ? 504 : 502));
    });
    call.end(request.body.length > 0 ? request.body : undefined);
  });
}

/**
 * Routes one request by the listener's rules. Rejects when `signal` aborts, and when the load balancer does not listen on
 * that port; everything else is an answer: 502 when the target breaks the connection, 503 without a healthy target,
 * 504 when it stays silent for the idle time-out.
 */
export async function send(
  routing: Routing,
  targets: Targets,
  loadBalancerArn: string,
  port: number,
  request: LoadBalancerRequest,
  signal: AbortSignal | undefined,
): Promise<LoadBalancerResponse> {
  const listener = routing.listener(loadBalancerArn, port);
  if (!listener)
    throw Object.assign(new Error(`connect ECONNREFUSED: ${loadBalancerArn} does not listen on ${port}`), {
      code: 'ECONNREFUSED',
    });
  const { serverName } = request;
  if (listener.secure && serverName === undefined) return plainOnTls();
  if (serverName !== undefined) {
    if (!listener.secure) throw new Error(`wrong version number: ${loadBalancerArn} speaks HTTP on ${port}`);
    await listener.secure(serverName);
  }
  const byName = new Map<string, string | string[]>();
  for (const name in request.headers) {
    const value = request.headers[name];
    if (value !== undefined) byName.set(name.toLowerCase(), value);
  }
  const cut = request.path.indexOf('?');
  const sourceIp = request.sourceIp ?? '127.0.0.1';
  const routed: RoutedRequest = {
    method: request.method,
    path: cut < 0 ? request.path : request.path.slice(0, cut),
    query: cut < 0 ? '' : request.path.slice(cut + 1),
    header: (name) => first(byName.get(name)),
    sourceIp,
  };
  const action = listener.action(routed);
  if (action.type === 'fixed-response')
    return {
      status: action.status,
      headers: [
        'server',
        'awselb/2.0',
        'content-type',
        action.contentType,
        'content-length',
        String(action.body.length),
      ],
      body: action.body,
    };
  if (action.type === 'redirect') return redirect(action, routed, port);
  const group = weighted(action);
  const target = group === undefined ? undefined : targets.next(group);
  if (!target) return page(503);
  const headers = outgoingHeaders(request.headers, byName, listener, sourceIp, port, request.body.length);
  return ask(target, request, headers, listener.idleTimeoutMs, signal);
}
