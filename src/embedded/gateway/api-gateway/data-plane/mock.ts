/** Mock integrations: the request template names a status, and the integration response of that status is the answer. */
import type { Integration, IntegrationResponse } from '@aws-sdk/client-api-gateway';
import { Refusal } from './gateway-responses.ts';
import type { Integrate } from './integration.ts';
import { compileSource, compileTemplate } from './mapping.ts';

const statusIn = (text: string): number | undefined => {
  const found = /["']?statusCode["']?\s*:\s*["']?(\d{3})/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
};

function compileResponse(response: IntegrationResponse) {
  const templates = response.responseTemplates ?? {};
  const contentType =
    'application/json' in templates ? 'application/json' : (Object.keys(templates)[0] ?? '');
  const prefix = 'method.response.header.';
  return {
    status: Number(response.statusCode ?? 200),
    pattern:
      response.selectionPattern === undefined || response.selectionPattern === ''
        ? undefined
        : new RegExp(`^(?:${response.selectionPattern})$`),
    contentType,
    body: compileTemplate(templates[contentType] ?? '', ''),
    headers: Object.entries(response.responseParameters ?? {}).flatMap(([to, from]) =>
      to.startsWith(prefix) ? [[to.slice(prefix.length), compileSource(from)] as const] : [],
    ),
  };
}

export function compileMock(integration: Integration): Integrate {
  const templates = integration.requestTemplates ?? {};
  const responses = Object.values(integration.integrationResponses ?? {}).map(compileResponse);
  return (exchange, body, response) => {
    const type = (exchange.header('content-type') ?? 'application/json').split(';')[0]?.trim() ?? '';
    const template = templates[type] ?? templates['$default'];
    if (template === undefined && (integration.passthroughBehavior ?? '') !== 'WHEN_NO_MATCH')
      throw new Refusal('UNSUPPORTED_MEDIA_TYPE');
    const status = statusIn(template ?? body.toString('utf8'));
    const chosen =
      responses.find(({ pattern }) => status !== undefined && pattern?.test(String(status))) ??
      responses.find(({ pattern }) => !pattern);
    if (status === undefined || !chosen) throw new Refusal('API_CONFIGURATION_ERROR');
    exchange.status = chosen.status;
    exchange.integrationStatus = status;
    const text = chosen.body(exchange);
    const flat = chosen.headers.flatMap(([name, source]) => {
      const value = source(exchange);
      return value === undefined ? [] : [name, value];
    });
    const length = Buffer.byteLength(text);
    exchange.responseLength = length;
    if (chosen.status !== 204 && chosen.status !== 304) flat.push('content-length', String(length));
    if (length > 0) flat.push('content-type', chosen.contentType);
    flat.push('x-amzn-requestid', exchange.requestId, 'x-amz-apigw-id', exchange.extendedRequestId);
    response.writeHead(chosen.status, flat);
    response.end(exchange.method === 'HEAD' || length === 0 ? undefined : text);
    return Promise.resolve();
  };
}
