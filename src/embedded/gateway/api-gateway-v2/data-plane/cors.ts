/** Cross-origin requests, as an API's CORS configuration has them: what a function says about them is not passed on. */
import type { Cors } from '@aws-sdk/client-apigatewayv2';
import type { HttpExchange } from './exchange.ts';

/** The allowed origin to name; undefined when the request's is not allowed. */
function allowedOrigin(cors: Cors, origin: string): string | undefined {
  const allowed = cors.AllowOrigins ?? [];
  if (allowed.includes('*')) return '*';
  const schemes: Record<string, string> = { 'http://*': 'http://', 'https://*': 'https://' };
  const found = allowed.some((each) => {
    const scheme = schemes[each];
    return scheme === undefined ? each.toLowerCase() === origin.toLowerCase() : origin.startsWith(scheme);
  });
  return found ? origin : undefined;
}

const list = (values: readonly string[] | undefined): string | undefined =>
  values?.length ? values.join(',') : undefined;

/** Headers of an answer to a page; none when the API has no configuration or the page's origin is not allowed. */
export function corsHeaders(exchange: HttpExchange): Record<string, string> {
  const { cors } = exchange.stage;
  const origin = exchange.header('origin');
  const allowed = cors && origin !== undefined ? allowedOrigin(cors, origin) : undefined;
  if (!cors || allowed === undefined) return {};
  const exposed = list(cors.ExposeHeaders);
  return {
    'access-control-allow-origin': allowed,
    ...(allowed !== '*' && { vary: 'Origin' }),
    ...(cors.AllowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...(exposed && { 'access-control-expose-headers': exposed }),
  };
}

/** Whether the gateway answers by itself: with a configuration it does, also where a route takes OPTIONS. */
export const isPreflight = (exchange: HttpExchange): boolean =>
  exchange.stage.cors !== undefined &&
  exchange.method === 'OPTIONS' &&
  exchange.header('origin') !== undefined &&
  exchange.header('access-control-request-method') !== undefined;

/** What a preflight is told beside {@link corsHeaders}. */
export function preflightHeaders(exchange: HttpExchange): Record<string, string> {
  const { cors } = exchange.stage;
  if (!cors || Object.keys(corsHeaders(exchange)).length === 0) return {};
  const methods = list(cors.AllowMethods);
  const headers = list(cors.AllowHeaders);
  return {
    ...(methods && { 'access-control-allow-methods': methods }),
    ...(headers && { 'access-control-allow-headers': headers }),
    ...(cors.MaxAge !== undefined && { 'access-control-max-age': String(cors.MaxAge) }),
  };
}
