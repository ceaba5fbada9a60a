import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import { toHttpError } from './failure.ts';
import { forbidden, HttpError } from './http-error.ts';
import { type Caller, createVerifier } from './identity.ts';
import type { Settings } from './settings.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** Registers a service's routes; they run with a verified caller and answer below {@link Settings.path}. */
export type Routes = (api: FastifyInstance, settings: Settings) => void;

/** Who sent the request; only for routes registered through {@link Routes}. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller) return request.caller;
  throw new Error('a route was registered outside of the verified part of the API');
}

/** Refuses callers who are not their tenant's administrator. */
export function requireAdmin(request: FastifyRequest): Caller {
  const caller = callerOf(request);
  if (caller.role !== 'TenantAdmin') throw forbidden('only a TenantAdmin may do this');
  return caller;
}

/** What one client may take of a service. Times in milliseconds, sizes in bytes. */
export interface ServiceLimits {
  bodyLimit: number;
  /** From a request's beginning to the end of its headers. */
  headersTimeout: number;
  /** To the end of its body. */
  requestTimeout: number;
  /** Without a byte in either direction while a request is under way: whoever does not read his answer is cut off as well. */
  connectionTimeout: number;
  /** How often the first two are looked at. */
  connectionsCheckingInterval: number;
  /** More are closed at once. A load balancer's node keeps some dozens. */
  maxConnections: number;
}

const serviceLimits: ServiceLimits = {
  bodyLimit: 256 * 1024,
  headersTimeout: 10_000,
  // The gateway gives up after 29 seconds.
  requestTimeout: 30_000,
  connectionTimeout: 35_000,
  connectionsCheckingInterval: 2_000,
  maxConnections: 1_000,
};

const options = {
  // Longer than the load balancer's 60 seconds of idleness, so that it is never we who close a connection it is about to use.
  keepAliveTimeout: 65_000,
  forceCloseConnections: 'idle',
  // What still arrives on open connections while we stop is served, and told to reconnect.
  return503OnClosing: false,
  routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
  genReqId: () => randomUUID(),
  ajv: {
    // Nothing is coerced or dropped silently: what is not as documented is refused, with all problems at once.
    customOptions: {
      removeAdditional: false,
      coerceTypes: false,
      useDefaults: false,
      allErrors: true,
      // Checking our own schemas against JSON Schema's would take a sixth of the start.
      validateSchema: false,
    },
  },
} as const satisfies FastifyServerOptions;

/** The HTTP server of a service: health, verification of every other request, errors, headers, one log line a request. */
export function createService(
  name: string,
  settings: Settings,
  routes: Routes,
  limits: ServiceLimits = serviceLimits,
): FastifyInstance {
  const { bodyLimit, requestTimeout, connectionTimeout, headersTimeout, connectionsCheckingInterval } =
    limits;
  const app: FastifyInstance = fastify({
    ...options,
    bodyLimit,
    requestTimeout,
    connectionTimeout,
    http: { headersTimeout, connectionsCheckingInterval },
    clientErrorHandler: refuseConnection,
    logger: {
      level: settings.logLevel,
      base: { service: name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
  });
  app.server.maxConnections = limits.maxConnections;
  // Node.js would refuse it without a word.
  app.server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { 'content-type': 'application/json; charset=utf-8' });
    response.end('{"error":{"code":"invalid_request","message":"the Expect header is not understood"}}');
  });
  let stopping = false;
  app.addHook('preClose', (done) => {
    stopping = true;
    done();
  });
  app.decorateRequest('caller', null);

  app.addHook('onRequest', (request, reply, done) => {
    reply.header('access-control-allow-origin', settings.corsOrigin);
    reply.header('access-control-expose-headers', 'location, retry-after, x-request-id');
    reply.header('x-request-id', request.id);
    reply.header('cache-control', 'no-store');
    if (stopping) reply.header('connection', 'close');
    // Many clients send the content type without a body; fastify would ask where the body is.
    if (request.method === 'DELETE' && request.headers['content-length'] === undefined)
      delete request.headers['content-type'];
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { url: route } = request.routeOptions;
    if (route !== '/health')
      request.log.info(
        {
          tenantId: request.caller?.tenantId,
          method: request.method,
          route: route ?? 'none',
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
        },
        'request',
      );
    done();
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler(() => {
    throw new HttpError(404, 'not_found', 'there is no such route');
  });

  app.get('/health', (_request, reply) =>
    reply.code(stopping ? 503 : 200).send({ status: stopping ? 'stopping' : 'ok' }),
  );

  const verifier = createVerifier(settings);
  app.register(
    (api, _options, done) => {
      api.addHook('onRequest', (request, _reply, next) => {
        const caller = attempt(() => verifier.verify(request.headers.authorization), next);
        if (caller === undefined) return;
        if (caller instanceof Promise) {
          caller.then((known) => {
            request.caller = known;
            next();
          }, next);
          return;
        }
        request.caller = caller;
        next();
      });
      routes(api, settings);
      done();
    },
    { prefix: settings.path },
  );
  return app;
}

function attempt<T>(action: () => T, failed: (error: Error) => void): T | undefined {
  try {
    return action();
  } catch (error) {
    failed(error as Error);
    return undefined;
  }
}

/** What never became a request: too slow, too large, or no HTTP. The answer has the shape of all others. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, code, message] = refusals[error.code ?? ''] ?? refusals.default;
  const body = JSON.stringify({ error: { code, message } });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

type Refusal = readonly [status: string, code: string, message: string];
const refusals: Readonly<Record<string, Refusal>> & { default: Refusal } = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'too_slow', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too_large', 'the headers are too large'],
  default: ['400 Bad Request', 'invalid_request', 'the request is not valid HTTP'],
};

type Reply = Parameters<Parameters<FastifyInstance['setErrorHandler']>[0]>[2];

function answerError(error: unknown, request: FastifyRequest, reply: Reply): void {
  const answer = toHttpError(error);
  if (answer.status >= 500) {
    const cause = answer.cause ?? answer;
    request.log.error({ tenantId: request.caller?.tenantId, err: cause }, answer.message);
  }
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter));
  reply.code(answer.status).send({
    error: { code: answer.code, message: answer.message, ...(answer.details && { details: answer.details }) },
  });
}
