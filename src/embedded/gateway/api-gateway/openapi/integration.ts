/** `x-amazon-apigateway-integration`, and what every integration must hold. */
import type { Integration, IntegrationResponse } from '@aws-sdk/client-api-gateway';
import { badRequest } from '../definition.ts';
import { type Json, listOf, objectOf, textMap, textOf } from './document.ts';

/** Reads one; throws AwsError BadRequestException. */
export function integrationOf(source: Json): Integration {
  const timeout = source['timeoutInMillis'];
  const text = <Name extends string>(name: Name): { [K in Name]?: string } => {
    const value = textOf(source[name]);
    return (value === undefined ? {} : { [name]: value }) as { [K in Name]?: string };
  };
  const requestParameters = textMap(source['requestParameters']);
  const requestTemplates = textMap(source['requestTemplates']);
  const integration: Integration = {
    type: textOf(source['type'])?.toUpperCase() as NonNullable<Integration['type']>,
    passthroughBehavior: (textOf(source['passthroughBehavior']) ?? 'WHEN_NO_MATCH').toUpperCase(),
    timeoutInMillis: timeout === undefined ? 29_000 : Number(timeout),
    connectionType: (textOf(source['connectionType'])?.toUpperCase() ?? 'INTERNET') as
      | 'INTERNET'
      | 'VPC_LINK',
    cacheKeyParameters: listOf(source['cacheKeyParameters']).flatMap((each) => textOf(each) ?? []),
    integrationResponses: integrationResponses(objectOf(source['responses'])),
    ...text('httpMethod'),
    ...text('uri'),
    ...text('connectionId'),
    ...text('integrationTarget'),
    ...text('credentials'),
    ...text('cacheNamespace'),
    ...(requestParameters && { requestParameters }),
    ...(requestTemplates && { requestTemplates }),
  };
  checkIntegration(integration);
  return integration;
}

function integrationResponses(responses: Json): Record<string, IntegrationResponse> {
  const result: Record<string, IntegrationResponse> = {};
  for (const [pattern, value] of Object.entries(responses)) {
    const source = objectOf(value);
    const status = String(source['statusCode'] ?? '200');
    const responseParameters = textMap(source['responseParameters']);
    const responseTemplates = textMap(source['responseTemplates']);
    result[status] = {
      statusCode: status,
      ...(pattern !== 'default' && { selectionPattern: pattern }),
      ...(responseParameters && { responseParameters }),
      ...(responseTemplates && { responseTemplates }),
    };
  }
  return result;
}

/** Throws AwsError BadRequestException for what API Gateway refuses, and for kinds that the embedded cloud does not have. */
export function checkIntegration(integration: Integration): void {
  const { type, uri, httpMethod, connectionType, connectionId, integrationTarget, timeoutInMillis } =
    integration;
  if (type === 'MOCK') return;
  if (type !== 'HTTP_PROXY')
    throw badRequest(
      `Integrations of type '${String(type)}' are not available in the embedded cloud: HTTP_PROXY and MOCK are`,
    );
  if (!httpMethod) throw badRequest('Enumeration value for HttpMethod must be non-empty');
  if (!uri || !/^https?:\/\/[^/]+/.test(uri)) throw badRequest('Invalid HTTP endpoint specified for URI');
  if (timeoutInMillis !== undefined && (timeoutInMillis < 50 || timeoutInMillis > 29_000))
    throw badRequest('Timeout should be between 50 ms and 29000 ms');
  if (connectionType === 'VPC_LINK') {
    if (!connectionId) throw badRequest('A VPC Link integration must name its VPC Link in connectionId');
    if (!integrationTarget)
      throw badRequest(
        'VPC Links to network load balancers are not available in the embedded cloud: name an Application Load Balancer in integrationTarget',
      );
  }
  for (const [to, from] of Object.entries(integration.requestParameters ?? {})) {
    if (
      !/^integration\.request\.(path|querystring|multivaluequerystring|header|multivalueheader)\.[^\s]+$/.test(
        to,
      )
    )
      throw badRequest(
        `Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: ${to}]`,
      );
    if (!isMappingSource(from))
      throw badRequest(
        `Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: ${from}]`,
      );
  }
}

const isMappingSource = (from: string): boolean =>
  /^'.*'$/s.test(from) ||
  /^method\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.\S+$/.test(from) ||
  /^method\.request\.body$/.test(from) ||
  /^context\.[\w.-]+$/.test(from) ||
  /^stageVariables\.\w+$/.test(from);
