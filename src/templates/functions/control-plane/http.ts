/** Requests and answers of an HTTP API (payload format 2.0), as far as the routes need them. */

export interface HttpEvent {
  /** e.g. `GET /tenants/{tenantId}` */
  routeKey: string;
  pathParameters?: Record<string, string | undefined> | null;
  queryStringParameters?: Record<string, string | undefined> | null;
  body?: string | null;
  isBase64Encoded?: boolean;
  /** What API Gateway's JWT authorizer found in the token; claims are texts. */
  requestContext?: { authorizer?: { jwt?: { claims?: Record<string, string | undefined> } } };
}

export interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export const answer = (statusCode: number, body: unknown): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** Ends a request with a status and a message that its sender may read. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly statusCode: number;
  readonly data: object;
  constructor(statusCode: number, message: string, data: object = {}) {
    super(message);
    this.statusCode = statusCode;
    this.data = data;
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, message);

type Json = Record<string, unknown>;
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function bodyOf({ body, isBase64Encoded }: HttpEvent): Json {
  const text = isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString('utf8') : (body ?? '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest('the body is not JSON');
  }
  if (!isObject(value)) throw badRequest('the body is not a JSON object');
  return value;
}

/** An object inside the body; {} when it is not there. */
export function partOf(body: Json, name: string): Json {
  const part = body[name] ?? {};
  if (!isObject(part)) throw badRequest(`${name} is not an object`);
  return part;
}

export function textOf(part: Json, name: string, where = ''): string {
  const value = part[name];
  if (typeof value === 'string' && value !== '' && value.length <= 256) return value;
  throw badRequest(`${where}${name} must be a text of 1 to 256 characters`);
}

/** A path parameter. Nothing that we made or admitted is longer, and DynamoDB and Cognito refuse what is. */
export function parameter(event: HttpEvent, name: string): string {
  const value = event.pathParameters?.[name] ?? '';
  if (value.length > longestId) throw badRequest(`${name} has more than ${longestId} characters`);
  return value;
}

const longestId = 256;

/** `limit` of the query: 10 unless given. */
export function limitOf({ queryStringParameters }: HttpEvent, most: number): number {
  const text = queryStringParameters?.['limit'];
  if (text === undefined) return 10;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= most) return limit;
  throw badRequest(`limit must be a number from 1 to ${most}`);
}

export const nextTokenOf = ({ queryStringParameters }: HttpEvent): string | undefined =>
  queryStringParameters?.['next_token'] || undefined;
