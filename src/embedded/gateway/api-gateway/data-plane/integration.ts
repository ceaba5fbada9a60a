/** Integrations: HTTP proxies through a VPC link, and mocks. */
import type { ServerResponse } from 'node:http';
import type { Integration } from '@aws-sdk/client-api-gateway';
import type { Cloud, LoadBalancerResponse } from '../../../platform.ts';
import { connector } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './gateway-responses.ts';
import { outgoingHeaders } from './headers.ts';
import { compileSource, type Source } from './mapping.ts';
import { compileMock } from './mock.ts';

/** Answers the request; throws a {@link Refusal} as long as nothing was sent. */
export type Integrate = (exchange: Exchange, body: Buffer, response: ServerResponse) => Promise<void>;

interface Mappings {
  headers: readonly (readonly [name: string, source: Source])[];
  query: readonly (readonly [name: string, source: Source])[];
  path: ReadonlyMap<string, Source>;
}

function mappingsOf(parameters: Readonly<Record<string, string>> | undefined): Mappings {
  const headers: [string, Source][] = [];
  const query: [string, Source][] = [];
  const path = new Map<string, Source>();
  for (const [to, from] of Object.entries(parameters ?? {})) {
    const [, , place = '', ...rest] = to.split('.');
    const name = rest.join('.');
    const source = compileSource(from);
    if (place === 'header' || place === 'multivalueheader') headers.push([name, source]);
    else if (place === 'path') path.set(name, source);
    else query.push([name, source]);
  }
  return { headers, query, path };
}

interface Uri {
  secure: boolean;
  host: string;
  port: number;
  pathAndQuery: (exchange: Exchange, mappings: Mappings) => string;
}

function compileUri(uri: string, variables: Readonly<Record<string, string>>): Uri | undefined {
  const filled = uri.replace(/\$\{stageVariables\.(\w+)\}/g, (_whole, name: string) => variables[name] ?? '');
  const found = /^(https?):\/\/([^/:?#]+)(?::(\d+))?([^?#]*)(?:\?([^#]*))?$/.exec(filled);
  if (!found) return undefined;
  const [, scheme, host = '', port, path = '', query = ''] = found;
  // `{name}` and `{name+}` stand for path parameters; the pieces between them are fixed.
  const pieces = (path === '' ? '/' : path).split(/\{([^}]+?)\+?\}/);
  return {
    secure: scheme === 'https',
    host,
    port: Number(port ?? (scheme === 'https' ? 443 : 80)),
    pathAndQuery(exchange, mappings) {
      let target = '';
      for (const [index, piece] of pieces.entries())
        target += index % 2 === 0 ? piece : (mappings.path.get(piece)?.(exchange) ?? '');
      return `${target}${queryOf(exchange, query, mappings)}`;
    },
  };
}

/** The caller's own query goes on as it came; what a mapping sets replaces it. */
function queryOf(exchange: Exchange, fixed: string, mappings: Mappings): string {
  let query = exchange.query;
  if (mappings.query.length > 0) {
    const search = new URLSearchParams(query);
    for (const [name, source] of mappings.query) {
      search.delete(name);
      const value = source(exchange);
      if (value !== undefined) search.append(name, value);
    }
    query = search.toString();
  }
  const all = fixed && query ? `${fixed}&${query}` : fixed || query;
  return all ? `?${all}` : '';
}

/** Response headers that API Gateway gives another name ("Important notes" in the developer guide). */
const remapped: ReadonlySet<string> = new Set([
  'date',
  'server',
  'www-authenticate',
  'authorization',
  'user-agent',
]);

function responseHeaders(exchange: Exchange, headers: readonly string[]): string[] {
  const result: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const lower = name.toLowerCase();
    // The gateway's own; a target must not speak for it.
    if (lower === 'x-amzn-requestid' || lower === 'x-amz-apigw-id' || lower === 'x-amzn-errortype') continue;
    result.push(remapped.has(lower) ? `x-amzn-Remapped-${name}` : name, headers[index + 1] ?? '');
  }
  result.push('x-amzn-requestid', exchange.requestId, 'x-amz-apigw-id', exchange.extendedRequestId);
  return result;
}

/** Most bytes of a response ("Payload size" in the quotas). */
const maxResponse = 10 * 1024 * 1024;

function announcedLength(headers: readonly string[]): number {
  for (let index = 0; index + 1 < headers.length; index += 2)
    if (headers[index]?.toLowerCase() === 'content-length') return Number(headers[index + 1]);
  return 0;
}

export function compileIntegration(
  cloud: Cloud,
  integration: Integration,
  variables: Readonly<Record<string, string>>,
): Integrate {
  if (integration.type === 'MOCK') return compileMock(integration);
  const uri = compileUri(integration.uri ?? '', variables);
  const connect = uri && connector(cloud, integration, uri.host, uri.port, variables);
  const timeoutMs = integration.timeoutInMillis ?? 29_000;
  const mappings = mappingsOf(integration.requestParameters);
  const mapped = new Set(mappings.headers.map(([name]) => name.toLowerCase()));
  const any = integration.httpMethod === undefined || integration.httpMethod === 'ANY';

  return async (exchange, body, response) => {
    if (!uri || !connect) throw new Refusal('API_CONFIGURATION_ERROR');
    const headers = outgoingHeaders(exchange, uri.host, mapped);
    for (const [name, source] of mappings.headers) {
      const value = source(exchange);
      if (value !== undefined) headers[name] = value;
    }
    const controller = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      controller.abort();
    }, timeoutMs);
    // An answered request closes too; only a caller that went away is a reason to stop.
    const gone = (): void => {
      if (!response.writableEnded) controller.abort();
    };
    response.once('close', gone);
    const began = performance.now();
    try {
      const answer = await connect(
        {
          method: any ? exchange.method : (integration.httpMethod ?? exchange.method),
          path: uri.pathAndQuery(exchange, mappings),
          headers,
          body,
          // The name in the URI is the one that the certificate must be for ("Set up a private integration").
          ...(uri.secure && { serverName: uri.host }),
        },
        controller.signal,
      );
      exchange.integrationLatency = performance.now() - began;
      exchange.integrationStatus = answer.status;
      if (announcedLength(answer.headers) > maxResponse) {
        if (!Buffer.isBuffer(answer.body)) answer.body.destroy();
        throw new Refusal('INTEGRATION_FAILURE', 'Internal server error');
      }
      await relay(exchange, answer, response);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      exchange.integrationError = error instanceof Error ? error.message : String(error);
      exchange.integrationLatency ??= performance.now() - began;
      if (response.headersSent) response.destroy();
      else throw new Refusal(timedOut ? 'INTEGRATION_TIMEOUT' : 'INTEGRATION_FAILURE');
    } finally {
      clearTimeout(timer);
      response.removeListener('close', gone);
    }
  };
}

/** Passes an answer on as it comes. Rejects when the target breaks off. */
function relay(exchange: Exchange, answer: LoadBalancerResponse, response: ServerResponse): Promise<void> {
  exchange.status = answer.status;
  const { body } = answer;
  response.writeHead(answer.status, responseHeaders(exchange, answer.headers));
  if (Buffer.isBuffer(body)) {
    exchange.responseLength = body.length;
    response.end(exchange.method === 'HEAD' ? undefined : body);
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      exchange.responseLength += chunk.length;
      if (!response.write(chunk)) {
        body.pause();
        response.once('drain', () => body.resume());
      }
    });
    body.once('end', () => {
      response.end();
      resolve();
    });
    body.once('error', reject);
    // A stream that is destroyed without an error ends neither way.
    body.once('close', () => reject(new Error('the connection was closed')));
  });
}
