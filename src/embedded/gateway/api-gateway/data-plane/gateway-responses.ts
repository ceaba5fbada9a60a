/** Answers that the gateway gives itself: errors, in the form that the API's gateway responses set. */
import type { ServerResponse } from 'node:http';
import type { ApiDefinition } from '../definition.ts';
import { type GatewayResponseKind, gatewayResponseTypes } from '../gateway-response-types.ts';
import type { Exchange } from './exchange.ts';
import { compileSource, compileTemplate, type Source } from './mapping.ts';

interface CompiledResponse {
  kind: GatewayResponseKind;
  status: number;
  contentType: string;
  body: (exchange: Exchange) => string;
  headers: readonly (readonly [name: string, source: Source])[];
}

export type GatewayResponses = (type: string) => CompiledResponse;

/** An error that the gateway answers with; `message` where it differs from the type's own. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly type: string;
  readonly shown: string | null | undefined;
  readonly validation: string | undefined;
  constructor(type: string, shown?: string | null, validation?: string) {
    // Nobody reads where it was thrown, and a throttled caller makes thousands a second.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(type);
    Error.stackTraceLimit = stackTraceLimit;
    this.type = type;
    this.shown = shown;
    this.validation = validation;
  }
}

const unknown: GatewayResponseKind = {
  status: 500,
  errorType: 'InternalServerErrorException',
  message: 'Internal server error',
  template: '{"message":$context.error.messageString}',
};

export function compileGatewayResponses(definition: ApiDefinition): GatewayResponses {
  const compiled = new Map<string, CompiledResponse>();
  const compile = (type: string): CompiledResponse => {
    const kind = gatewayResponseTypes[type] ?? unknown;
    const own = definition.gatewayResponses[type];
    // A type without a response of its own has the default's, but its own status.
    const general = definition.gatewayResponses[kind.status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX'];
    const response = own ?? general;
    const templates = response?.responseTemplates ?? {};
    const contentType =
      'application/json' in templates
        ? 'application/json'
        : (Object.keys(templates)[0] ?? 'application/json');
    const template = templates[contentType] ?? kind.template;
    return {
      kind,
      status: Number(own?.statusCode ?? general?.statusCode ?? kind.status),
      contentType,
      body: compileTemplate(template, ''),
      headers: Object.entries(response?.responseParameters ?? {}).flatMap(([to, from]) =>
        to.startsWith('gatewayresponse.header.')
          ? [[to.slice('gatewayresponse.header.'.length), compileSource(from)] as const]
          : [],
      ),
    };
  };
  return (type) => {
    let response = compiled.get(type);
    if (!response) {
      response = compile(type);
      compiled.set(type, response);
    }
    return response;
  };
}

/** Answers a refused request. */
export function refuse(exchange: Exchange, response: ServerResponse, refusal: Refusal): void {
  const { kind, status, contentType, body, headers } = exchange.stage.gatewayResponses(refusal.type);
  exchange.error = {
    type: refusal.type,
    message: refusal.shown === undefined ? kind.message : refusal.shown,
    ...(refusal.validation !== undefined && { validation: refusal.validation }),
  };
  exchange.status = status;
  const text = body(exchange);
  const flat: string[] = [];
  let typed = contentType;
  for (const [name, source] of headers) {
    const value = source(exchange);
    if (value === undefined) continue;
    if (name.toLowerCase() === 'content-type') typed = value;
    else flat.push(name, value);
  }
  const length = Buffer.byteLength(text);
  exchange.responseLength = length;
  flat.push(
    'content-type',
    typed,
    'content-length',
    String(length),
    'x-amzn-requestid',
    exchange.requestId,
    'x-amzn-errortype',
    kind.errorType,
    'x-amz-apigw-id',
    exchange.extendedRequestId,
  );
  // What is left of a body that nobody reads would be taken for the next request.
  if (!exchange.request.complete) exchange.request.resume();
  response.writeHead(status, flat);
  response.end(exchange.method === 'HEAD' ? undefined : text);
}
