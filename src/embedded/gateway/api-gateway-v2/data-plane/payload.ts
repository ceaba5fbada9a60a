/**
 * What a function gets of a request and what becomes of its answer, in payload formats 1.0 and 2.0
 * (developer guide, "Create AWS Lambda proxy integrations for HTTP APIs").
 */
import type { HttpExchange } from './exchange.ts';

export interface HttpAnswer {
  status: number;
  headers: (readonly [name: string, value: string])[];
  body: Buffer;
}

/** Bodies of these types are handed over as text, all others in base64. */
const isText = (type: string | undefined): boolean =>
  type === undefined || /^(text\/|application\/(json|javascript|xml|[\w.-]+\+(json|xml))\b)/i.test(type);

function bodyOf(exchange: HttpExchange, body: Buffer): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const text = isText(exchange.header('content-type'));
  return { body: body.toString(text ? 'utf8' : 'base64'), isBase64Encoded: !text };
}

/** HTTP APIs hand paths over decoded; one that can't be decoded stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const present = <T extends object>(values: T): T | undefined =>
  Object.keys(values).length > 0 ? values : undefined;

function valuesByName(exchange: HttpExchange): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(exchange.query))
    values.set(name, [...(values.get(name) ?? []), value]);
  return values;
}

function headerValues(exchange: HttpExchange): Map<string, string[]> {
  const values = new Map<string, string[]>();
  const { rawHeaders } = exchange.request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    values.set(name, [...(values.get(name) ?? []), rawHeaders[index + 1] ?? '']);
  }
  const forwarded = exchange.header('x-forwarded-for');
  for (const name of [...values.keys()])
    if (/^(connection|x-forwarded-(for|proto|port)|transfer-encoding)$/i.test(name)) values.delete(name);
  values.set('X-Forwarded-For', [forwarded ? `${forwarded}, ${exchange.sourceIp}` : exchange.sourceIp]);
  values.set('X-Forwarded-Proto', ['http']);
  values.set('X-Forwarded-Port', [String(exchange.request.socket.localPort ?? '')]);
  return values;
}

export function eventOf(version: '1.0' | '2.0', exchange: HttpExchange, body: Buffer): object {
  return version === '2.0' ? version2(exchange, body) : version1(exchange, body);
}

function version2(exchange: HttpExchange, body: Buffer): object {
  const { stage, route } = exchange;
  const headers: Record<string, string> = {};
  for (const [name, values] of headerValues(exchange)) {
    const lower = name.toLowerCase();
    if (lower === 'cookie') continue;
    headers[lower] = [headers[lower], ...values].filter((each) => each !== undefined).join(',');
  }
  const cookies = exchange.header('cookie')?.split(/;\s*/);
  const query = [...valuesByName(exchange)].map(([name, values]) => [name, values.join(',')]);
  return {
    version: '2.0',
    routeKey: route?.key,
    rawPath: decoded(exchange.fullPath),
    rawQueryString: exchange.query,
    ...(cookies && { cookies }),
    headers,
    ...(query.length > 0 && { queryStringParameters: Object.fromEntries(query) as object }),
    requestContext: {
      accountId: exchange.authorizer && 'iam' in exchange.authorizer ? stage.account : 'anonymous',
      apiId: stage.apiId,
      ...(exchange.authorizer && { authorizer: exchange.authorizer }),
      domainName: stage.domainName,
      domainPrefix: stage.apiId,
      http: {
        method: exchange.method,
        path: decoded(exchange.fullPath),
        protocol: `HTTP/${exchange.request.httpVersion}`,
        sourceIp: exchange.sourceIp,
        userAgent: exchange.header('user-agent') ?? '',
      },
      requestId: exchange.requestId,
      routeKey: route?.key,
      stage: stage.name,
      time: exchange.requestTime,
      timeEpoch: exchange.time,
    },
    ...(present(exchange.parameters) && { pathParameters: exchange.parameters }),
    ...(present(stage.variables) && { stageVariables: stage.variables }),
    ...bodyOf(exchange, body),
  };
}

function version1(exchange: HttpExchange, body: Buffer): object {
  const { stage, route, authorizer } = exchange;
  const headers = headerValues(exchange);
  const query = valuesByName(exchange);
  const last = (values: Map<string, string[]>): Record<string, string | undefined> =>
    Object.fromEntries([...values].map(([name, all]) => [name, all.at(-1)]));
  const iam = authorizer && 'iam' in authorizer ? authorizer.iam : undefined;
  const { body: content, isBase64Encoded } = bodyOf(exchange, body);
  return {
    version: '1.0',
    resource: route?.path,
    path: decoded(exchange.fullPath),
    httpMethod: exchange.method,
    headers: last(headers),
    multiValueHeaders: Object.fromEntries(headers),
    queryStringParameters: query.size > 0 ? last(query) : null,
    multiValueQueryStringParameters: query.size > 0 ? Object.fromEntries(query) : null,
    requestContext: {
      accountId: stage.account,
      apiId: stage.apiId,
      ...(authorizer && 'jwt' in authorizer && { authorizer: authorizer.jwt }),
      domainName: stage.domainName,
      domainPrefix: stage.apiId,
      extendedRequestId: exchange.requestId,
      httpMethod: exchange.method,
      identity: {
        accessKey: iam?.['accessKey'] ?? null,
        accountId: iam?.['accountId'] ?? null,
        caller: iam?.['callerId'] ?? null,
        sourceIp: exchange.sourceIp,
        user: iam?.['userId'] ?? null,
        userAgent: exchange.header('user-agent') ?? '',
        userArn: iam?.['userArn'] ?? null,
      },
      path: decoded(exchange.fullPath),
      protocol: `HTTP/${exchange.request.httpVersion}`,
      requestId: exchange.requestId,
      requestTime: exchange.requestTime,
      requestTimeEpoch: exchange.time,
      resourceId: route?.key,
      resourcePath: route?.path,
      stage: stage.name,
    },
    pathParameters: present(exchange.parameters) ?? null,
    stageVariables: present(stage.variables) ?? null,
    body: content ?? null,
    isBase64Encoded,
  };
}

interface Result {
  statusCode?: unknown;
  headers?: Record<string, unknown>;
  multiValueHeaders?: Record<string, unknown[]>;
  cookies?: unknown[];
  body?: unknown;
  isBase64Encoded?: unknown;
}

/** A function's answer. Throws an Error when it is none that the format knows. */
export function answerOf(version: '1.0' | '2.0', given: unknown): HttpAnswer {
  const result = typeof given === 'object' && given !== null ? (given as Result) : {};
  if (result.statusCode === undefined) {
    if (version === '1.0') throw new Error('the function answered without a statusCode');
    // Format 2.0 takes anything else as the body itself.
    return {
      status: 200,
      headers: [['content-type', 'application/json']],
      body: Buffer.from(typeof given === 'string' ? given : (JSON.stringify(given) ?? '')),
    };
  }
  const status = Number(result.statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599)
    throw new Error(`the function answered with the status code ${String(result.statusCode)}`);
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(result.headers ?? {}))
    if (!(name in (result.multiValueHeaders ?? {}))) headers.push([name.toLowerCase(), String(value)]);
  for (const [name, values] of Object.entries(result.multiValueHeaders ?? {}))
    for (const value of values) headers.push([name.toLowerCase(), String(value)]);
  for (const cookie of result.cookies ?? []) headers.push(['set-cookie', String(cookie)]);
  const text =
    result.body === undefined || result.body === null
      ? ''
      : typeof result.body === 'string'
        ? result.body
        : JSON.stringify(result.body);
  if (!headers.some(([name]) => name === 'content-type'))
    headers.push(['content-type', 'text/plain;charset=UTF-8']);
  return {
    status,
    headers: headers.filter(([name]) => !/^(connection|content-length|transfer-encoding)$/.test(name)),
    body: Buffer.from(text, result.isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
