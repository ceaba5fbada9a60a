/** Writes a definition as an OpenAPI 3.0 or Swagger 2.0 document. */
import type { Method } from '@aws-sdk/client-api-gateway';
import { type ApiDefinition, badRequest } from '../definition.ts';
import type { ApiRecord } from '../state.ts';

export interface ExportOptions {
  /** `oas30` or `swagger`. */
  type: string;
  /** With API Gateway's extensions for integrations and authorizers. */
  integrations: boolean;
}

const places: Record<string, string> = { path: 'path', querystring: 'query', header: 'header' };

export function exportApi(
  api: ApiRecord,
  definition: ApiDefinition,
  stage: string,
  { type, integrations }: ExportOptions,
): Record<string, unknown> {
  if (type !== 'oas30' && type !== 'swagger')
    throw badRequest(`Invalid export type '${type}'. Must be one of: [oas30, swagger]`);
  const oas = type === 'oas30';
  const paths: Record<string, Record<string, unknown>> = {};
  for (const node of Object.values(definition.resources)) {
    if (Object.keys(node.methods).length === 0) continue;
    paths[node.path] = Object.fromEntries(
      Object.entries(node.methods).map(([verb, method]) => [
        verb === 'ANY' ? 'x-amazon-apigateway-any-method' : verb.toLowerCase(),
        operationOf(method, definition, oas, integrations),
      ]),
    );
  }
  const schemas = Object.fromEntries(
    Object.entries(definition.models).map(([name, { schema }]) => [
      name,
      JSON.parse(schema ?? '{}') as unknown,
    ]),
  );
  const securitySchemes = schemesOf(definition, integrations);
  return {
    ...(oas ? { openapi: '3.0.1' } : { swagger: '2.0', basePath: `/${stage}`, schemes: ['https'] }),
    info: {
      title: api.description.name,
      version: api.description.version ?? api.description.createdDate,
      ...(api.description.description !== undefined && { description: api.description.description }),
    },
    paths,
    ...(oas
      ? { components: { schemas, securitySchemes } }
      : { definitions: schemas, securityDefinitions: securitySchemes }),
  };
}

function operationOf(
  method: Method,
  definition: ApiDefinition,
  oas: boolean,
  integrations: boolean,
): Record<string, unknown> {
  const parameters = Object.entries(method.requestParameters ?? {}).map(([key, required]) => {
    const [, , place = '', ...name] = key.split('.');
    return {
      name: name.join('.'),
      in: places[place] ?? place,
      required,
      ...(oas ? { schema: { type: 'string' } } : { type: 'string' }),
    };
  });
  const security = {
    ...(method.authorizerId !== undefined && {
      [definition.authorizers[method.authorizerId]?.name ?? method.authorizerId]: [],
    }),
    ...(method.apiKeyRequired && { api_key: [] }),
  };
  return {
    ...(method.operationName !== undefined && { operationId: method.operationName }),
    ...(parameters.length > 0 && { parameters }),
    responses: Object.fromEntries(
      Object.keys(method.methodResponses ?? {}).map((status) => [
        status,
        { description: `${status} response` },
      ]),
    ),
    ...(Object.keys(security).length > 0 && { security: [security] }),
    ...(integrations &&
      method.methodIntegration && {
        'x-amazon-apigateway-integration': integrationOf(method),
      }),
  };
}

function integrationOf({ methodIntegration }: Method): Record<string, unknown> {
  const { type, integrationResponses, ...rest } = methodIntegration ?? {};
  return {
    ...rest,
    type: type?.toLowerCase(),
    responses: Object.fromEntries(
      Object.values(integrationResponses ?? {}).map(({ selectionPattern, ...response }) => [
        selectionPattern ?? 'default',
        response,
      ]),
    ),
  };
}

function schemesOf(definition: ApiDefinition, integrations: boolean): Record<string, unknown> {
  const schemes: Record<string, unknown> = {};
  for (const authorizer of Object.values(definition.authorizers)) {
    const { name = '', type, authorizerUri, identitySource, authorizerResultTtlInSeconds } = authorizer;
    schemes[name] = {
      type: 'apiKey',
      name: 'Authorization',
      in: 'header',
      'x-amazon-apigateway-authtype': 'custom',
      ...(integrations && {
        'x-amazon-apigateway-authorizer': {
          type: type?.toLowerCase(),
          authorizerUri,
          identitySource,
          authorizerResultTtlInSeconds,
        },
      }),
    };
  }
  const keyed = Object.values(definition.resources).some(({ methods }) =>
    Object.values(methods).some(({ apiKeyRequired }) => apiKeyRequired),
  );
  if (keyed) schemes['api_key'] = { type: 'apiKey', name: 'x-api-key', in: 'header' };
  return schemes;
}
