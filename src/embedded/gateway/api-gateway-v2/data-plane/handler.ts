/** The way of a request through an HTTP API: stage, preflight, route, limits, authorizer, function, access log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { executePrefix } from '../../../endpoint/aws-addresses.ts';
import type { Cloud, HttpApisApi } from '../../../platform.ts';
import { bodyOf } from '../../api-gateway/data-plane/body.ts';
import { TokenBuckets } from '../../api-gateway/data-plane/throttle.ts';
import type { HttpApiState } from '../state.ts';
import { corsHeaders, isPreflight, preflightHeaders } from './cors.ts';
import { HttpExchange, Refusal } from './exchange.ts';
import { createIssuers } from './issuers.ts';
import { decoded, type HttpAnswer } from './payload.ts';
import { type CompiledStage, type CompiledStages, createCompiledStages } from './stage.ts';

export function createHandler(cloud: Cloud, state: HttpApiState): HttpApisApi & { stop(): void } {
  const stages = createCompiledStages(cloud, state, createIssuers(cloud));
  const buckets = new TokenBuckets();

  async function answer(exchange: HttpExchange): Promise<HttpAnswer> {
    if (isPreflight(exchange))
      return { status: 204, headers: Object.entries(preflightHeaders(exchange)), body: Buffer.alloc(0) };
    const { stage } = exchange;
    const match = stage.routes.match(exchange.method, exchange.path);
    const route = match?.route ?? stage.defaultRoute;
    if (!route) throw new Refusal(404, 'Not Found');
    exchange.route = route;
    exchange.parameters = Object.fromEntries(
      Object.entries(match?.parameters ?? {}).map(([name, value]) => [name, decoded(value)]),
    );
    const key = `${stage.apiId}/${stage.name}/${route.key}`;
    if (!buckets.take(key, route.rate, route.burst, cloud.clock.now()))
      throw new Refusal(429, 'Too Many Requests');
    exchange.authorizer = await route.authorize?.(exchange);
    if (!route.integrate) throw new Refusal(500, 'Internal Server Error');
    const body = await Promise.resolve()
      .then(() => bodyOf(exchange.request))
      .catch(() => {
        throw new Refusal(413, 'Request Entity Too Large');
      });
    const result = await route.integrate(exchange, body);
    // With a configuration of its own the API says which pages may read its answers, not the function.
    return stage.cors
      ? { ...result, headers: result.headers.filter(([name]) => !name.startsWith('access-control-')) }
      : result;
  }

  async function serve(exchange: HttpExchange, response: ServerResponse): Promise<void> {
    let result: HttpAnswer;
    try {
      result = await answer(exchange);
    } catch (error) {
      if (!(error instanceof Refusal))
        cloud.log(
          `apigatewayv2 ${exchange.method} ${exchange.stage.apiId}${exchange.path} ${error instanceof Error ? error.stack : String(error)}`,
        );
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'Internal Server Error');
      exchange.error = refusal.message;
      result = ownAnswer(refusal);
    }
    exchange.request.resume();
    exchange.status = result.status;
    exchange.responseLength = result.body.length;
    write(exchange, response, result);
    exchange.ended = performance.now();
    exchange.stage.accessLog?.write(exchange);
  }

  return {
    handle(request, response) {
      const target = splitTarget(request.url ?? '');
      const api = target && state.apis.get(target.apiId);
      if (!api) return undefined;
      const found = api.DisableExecuteApiEndpoint ? undefined : stageOf(stages, target);
      if (!found) {
        noStage(request, response);
        return Promise.resolve();
      }
      return serve(
        new HttpExchange(found.stage, request, found.path, target.query, cloud.clock.now()),
        response,
      );
    },
    stop: () => stages.stop(),
  };
}

interface Target {
  apiId: string;
  /** Raw, beginning with a slash. */
  path: string;
  query: string;
}

function splitTarget(url: string): Target | undefined {
  if (!url.startsWith(executePrefix)) return undefined;
  const [raw = '', ...query] = url.slice(executePrefix.length).split('?');
  const end = raw.indexOf('/');
  return {
    apiId: end < 0 ? raw : raw.slice(0, end),
    path: end < 0 ? '/' : raw.slice(end),
    query: query.join('?'),
  };
}

/** The stage that the path begins with; else `$default`, to which the whole path belongs. */
function stageOf(
  stages: CompiledStages,
  { apiId, path }: Target,
): { stage: CompiledStage; path: string } | undefined {
  const [, name = '', ...rest] = path.split('/');
  const named = name === '$default' || name === '' ? undefined : stages.get(apiId, name);
  if (named) return { stage: named, path: `/${rest.join('/')}` };
  const fallback = stages.get(apiId, '$default');
  return fallback && { stage: fallback, path };
}

const ownAnswer = (refusal: Refusal): HttpAnswer => ({
  status: refusal.status,
  headers: [['content-type', 'application/json'], ...Object.entries(refusal.headers)],
  body: Buffer.from(JSON.stringify({ message: refusal.message })),
});

function write(exchange: HttpExchange, response: ServerResponse, answer: HttpAnswer): void {
  for (const [name, value] of [...answer.headers, ...Object.entries(corsHeaders(exchange))])
    response.appendHeader(name, value);
  response.setHeader('apigw-requestid', exchange.requestId);
  const empty = answer.status === 204 || answer.status === 304;
  if (!empty) response.setHeader('content-length', answer.body.length);
  response.writeHead(answer.status);
  response.end(empty || exchange.method === 'HEAD' ? undefined : answer.body);
}

function noStage(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const body = '{"message":"Not Found"}';
  response.writeHead(404, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}
