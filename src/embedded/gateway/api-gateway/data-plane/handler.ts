/** The way of a request: web ACL, resource, authorizer, API key and limits, validation, integration, access log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { executePrefix } from '../../../endpoint/aws-addresses.ts';
import type { Cloud, Route as EndpointRoute, WafRequest } from '../../../platform.ts';
import { bodyOf } from './body.ts';
import { Exchange } from './exchange.ts';
import { Refusal, refuse } from './gateway-responses.ts';
import type { Limits } from './limits.ts';
import type { CompiledStages } from './stage.ts';

/** Serves `/_aws/execute-api/<api>/<stage>/<path>`; HTTP APIs answer for themselves. */
export function executeRoute(cloud: Cloud, stages: CompiledStages, limits: Limits): EndpointRoute {
  return {
    prefix: executePrefix,
    async handle(request, response) {
      const handled = cloud.httpApis.handle(request, response);
      if (handled !== undefined) return handled;
      const target = splitTarget(request.url ?? '');
      const stage = target && stages.get(target.apiId, target.stage);
      if (!stage) {
        forbidden(request, response);
        return;
      }
      const exchange = new Exchange(stage, request, target.path, target.query, cloud.clock.now());
      try {
        // Before everything else: resource policy, authorizer, keys and limits see only what passes.
        if (!cloud.waf.admits(stage.apiId, stage.name, seenByWaf(exchange)))
          throw new Refusal('WAF_FILTERED');
        await run(exchange, limits, response);
      } catch (error) {
        if (!(error instanceof Refusal)) {
          if (response.destroyed || request.destroyed) return;
          cloud.log(
            `apigateway ${exchange.method} ${stage.key}${exchange.path} ${error instanceof Error ? error.stack : String(error)}`,
          );
        }
        if (response.headersSent) response.destroy();
        else
          refuse(
            exchange,
            response,
            error instanceof Refusal ? error : new Refusal('API_CONFIGURATION_ERROR'),
          );
      }
      exchange.ended = performance.now();
      stage.accessLog?.write(exchange);
    },
  };
}

async function run(exchange: Exchange, limits: Limits, response: ServerResponse): Promise<void> {
  const { stage, request } = exchange;
  const match = stage.routes.match(exchange.method, exchange.path);
  if (!match) throw new Refusal('MISSING_AUTHENTICATION_TOKEN');
  const { route } = match;
  exchange.route = route;
  exchange.parameters = match.parameters;
  stage.checkPolicy?.(exchange, route.authorizer !== undefined);
  const authorizerKey = route.authorizer && (await route.authorizer.authorize(exchange));
  limits.admit(
    exchange,
    route,
    stage.apiKeySource === 'AUTHORIZER' ? authorizerKey : exchange.header('x-api-key'),
  );
  const pending = bodyOf(request);
  const body = Buffer.isBuffer(pending) ? pending : await pending;
  route.validate?.(exchange, body);
  await route.integrate(exchange, body, response);
}

const seenByWaf = (exchange: Exchange): WafRequest => ({
  method: exchange.method,
  path: `/${exchange.stage.name}${exchange.path}`,
  query: exchange.query,
  sourceIp: exchange.sourceIp,
  header: (name) => exchange.header(name),
});

interface Target {
  apiId: string;
  stage: string;
  /** Raw, beginning with a slash. */
  path: string;
  query: string;
}

/** Splits the raw target; what only decoding or tidying would make an API's path is none. */
function splitTarget(url: string): Target | undefined {
  if (!url.startsWith(executePrefix)) return undefined;
  const mark = url.indexOf('?');
  const raw = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  const apiEnd = raw.indexOf('/', executePrefix.length);
  if (apiEnd < 0) return undefined;
  const stageEnd = raw.indexOf('/', apiEnd + 1);
  return {
    apiId: raw.slice(executePrefix.length, apiEnd),
    stage: raw.slice(apiEnd + 1, stageEnd < 0 ? undefined : stageEnd),
    path: stageEnd < 0 ? '/' : raw.slice(stageEnd),
    query,
  };
}

/** No such API or stage: nobody's gateway responses apply. */
function forbidden(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const body = '{"message":"Forbidden"}';
  response.writeHead(403, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-amzn-errortype': 'ForbiddenException',
  });
  response.end(body);
}
