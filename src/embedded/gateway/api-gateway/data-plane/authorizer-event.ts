/** What a Lambda authorizer is given. Source: "Input to an API Gateway Lambda authorizer" in the developer guide. */
import type { Authorizer } from '@aws-sdk/client-api-gateway';
import type { Exchange } from './exchange.ts';

export function authorizerEvent(
  exchange: Exchange,
  authorizer: Authorizer,
  identity: readonly string[],
): Record<string, unknown> {
  if (authorizer.type === 'TOKEN')
    return { type: 'TOKEN', authorizationToken: identity[0], methodArn: exchange.methodArn };
  const { headers, multiValueHeaders } = headersOf(exchange.request.rawHeaders);
  const multiValueQueryStringParameters: Record<string, string[]> = {};
  const queryStringParameters: Record<string, string> = {};
  for (const [key, value] of exchange.search) {
    const values = multiValueQueryStringParameters[key];
    if (values) values.push(value);
    else multiValueQueryStringParameters[key] = [value];
    queryStringParameters[key] = value;
  }
  const { route, stage } = exchange;
  return {
    type: 'REQUEST',
    methodArn: exchange.methodArn,
    resource: route?.resourcePath,
    path: exchange.path,
    httpMethod: exchange.method,
    headers,
    multiValueHeaders,
    queryStringParameters,
    multiValueQueryStringParameters,
    pathParameters: exchange.parameters,
    stageVariables: stage.variables,
    requestContext: {
      resourceId: route?.resourceId,
      ...(route?.operationName !== undefined && { operationName: route.operationName }),
      resourcePath: route?.resourcePath,
      httpMethod: exchange.method,
      extendedRequestId: exchange.extendedRequestId,
      requestTime: exchange.context('requestTime'),
      path: exchange.context('path'),
      accountId: stage.account,
      protocol: exchange.context('protocol'),
      stage: stage.name,
      domainPrefix: stage.apiId,
      requestTimeEpoch: exchange.time,
      requestId: exchange.requestId,
      identity: {
        cognitoIdentityPoolId: null,
        cognitoIdentityId: null,
        apiKey: exchange.header('x-api-key') ?? null,
        principalOrgId: null,
        cognitoAuthenticationType: null,
        userArn: null,
        apiKeyId: null,
        userAgent: exchange.header('user-agent') ?? null,
        accountId: null,
        caller: null,
        sourceIp: exchange.sourceIp,
        accessKey: null,
        cognitoAuthenticationProvider: null,
        user: null,
      },
      domainName: stage.domainName,
      deploymentId: stage.deploymentId,
      apiId: stage.apiId,
    },
  };
}

function headersOf(raw: readonly string[]): {
  headers: Record<string, string>;
  multiValueHeaders: Record<string, string[]>;
} {
  const headers: Record<string, string> = {};
  const multiValueHeaders: Record<string, string[]> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    headers[name] = value;
    const values = multiValueHeaders[name];
    if (values) values.push(value);
    else multiValueHeaders[name] = [value];
  }
  return { headers, multiValueHeaders };
}
