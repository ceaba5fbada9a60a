import { tenantPathHeader } from '../../model/names.ts';
import type { Service } from '../../model/service.ts';

const corsHeaders = {
  'Access-Control-Allow-Origin': "'*'",
  'Access-Control-Allow-Headers': "'Authorization,Content-Type'",
  'Access-Control-Allow-Methods': "'GET,POST,PUT,PATCH,DELETE,OPTIONS'",
  'Access-Control-Max-Age': "'600'",
};

export interface OpenApiOptions {
  title: string;
  services: readonly Service[];
  vpcLinkId: string;
  /** The URL has no path. */
  loadBalancer: { arn: string; url: string };
  /** API Gateway's way to say "this Lambda function": `arn:…:apigateway:…:lambda:path/2015-03-31/functions/<arn>/invocations`. */
  authorizerUri: string;
}

const json = (body: string) => ({ 'application/json': body });
const pathParameters = (path: string): string[] =>
  [...path.matchAll(/\{([^}+]+)\+?\}/g)].map((match) => match[1] ?? '');

/** The API of one cell as the OpenAPI 3 document that API Gateway imports: every route of every service, and nothing else. */
export function openApiDocument(options: OpenApiOptions): Record<string, unknown> {
  return {
    openapi: '3.0.1',
    info: { title: options.title, version: '1' },
    paths: Object.fromEntries(
      options.services.flatMap((service) =>
        service.routes.map((route) => {
          const path = `${service.path === '/' ? '' : service.path}${route.path}` || '/';
          return [path, methodsOf(path, route.methods, options)];
        }),
      ),
    ),
    components: {
      securitySchemes: {
        authorizer: {
          type: 'apiKey',
          name: 'Authorization',
          in: 'header',
          'x-amazon-apigateway-authtype': 'custom',
          'x-amazon-apigateway-authorizer': {
            type: 'request',
            authorizerUri: options.authorizerUri,
            identitySource: 'method.request.header.Authorization',
            authorizerResultTtlInSeconds: 30,
          },
        },
        // The key comes from the authorizer, never from the caller; it selects the tenant's usage plan.
        api_key: { type: 'apiKey', name: 'x-api-key', in: 'header' },
      },
    },
    'x-amazon-apigateway-api-key-source': 'AUTHORIZER',
    'x-amazon-apigateway-gateway-responses': Object.fromEntries(
      ['DEFAULT_4XX', 'DEFAULT_5XX'].map((type) => [
        type,
        {
          responseParameters: Object.fromEntries(
            Object.entries(corsHeaders).map(([name, value]) => [`gatewayresponse.header.${name}`, value]),
          ),
          responseTemplates: json('{"message":$context.error.messageString}'),
        },
      ]),
    ),
  };
}

function methodsOf(
  path: string,
  methods: readonly string[],
  options: OpenApiOptions,
): Record<string, unknown> {
  const parameters = pathParameters(path);
  const declared = parameters.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const operations = methods.map((method) => [
    method === 'ANY' ? 'x-amazon-apigateway-any-method' : method.toLowerCase(),
    {
      ...(declared.length > 0 && { parameters: declared }),
      responses: { default: { description: 'What the service answers' } },
      security: [{ authorizer: [], api_key: [] }],
      'x-amazon-apigateway-integration': {
        type: 'http_proxy',
        httpMethod: method,
        uri: `${options.loadBalancer.url}${path.replaceAll('+}', '}')}`,
        connectionType: 'VPC_LINK',
        connectionId: options.vpcLinkId,
        integrationTarget: options.loadBalancer.arn,
        passthroughBehavior: 'when_no_match',
        timeoutInMillis: 29_000,
        requestParameters: {
          [`integration.request.header.${tenantPathHeader}`]: 'context.authorizer.tenantPath',
          ...Object.fromEntries(
            parameters.map((name) => [`integration.request.path.${name}`, `method.request.path.${name}`]),
          ),
        },
      },
    },
  ]);
  return {
    ...Object.fromEntries(operations),
    ...(!methods.includes('OPTIONS') && { options: preflight(declared) }),
  };
}

function preflight(parameters: readonly object[]): object {
  return {
    ...(parameters.length > 0 && { parameters }),
    responses: {
      '204': {
        description: 'Which requests a page of another origin may send',
        headers: Object.fromEntries(
          Object.keys(corsHeaders).map((name) => [name, { schema: { type: 'string' } }]),
        ),
      },
    },
    security: [],
    'x-amazon-apigateway-integration': {
      type: 'mock',
      passthroughBehavior: 'when_no_match',
      requestTemplates: json('{"statusCode":204}'),
      responses: {
        default: {
          statusCode: '204',
          responseParameters: Object.fromEntries(
            Object.entries(corsHeaders).map(([name, value]) => [`method.response.header.${name}`, value]),
          ),
        },
      },
    },
  };
}
