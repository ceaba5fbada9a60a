/** Requests for an AWS operation, made from its schema: mostly what a client would send, then spoiled. */
import type { NormalizedSchema } from '@smithy/core/schema';
import fc, { type Arbitrary, type GeneratorValue } from 'fast-check';
import { membersOf, type OperationShape, requiredMembers } from '../../src/embedded/endpoint/shape.ts';
import { badNumber, badText, badValue, deepJson } from './bad-values.ts';

export interface RawRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const percent = fc.integer({ min: 0, max: 99 });
/** Members that are texts in the schema and documents for whoever reads them. */
const documents = /Policy|Definition|Template|Pattern|Body|Input|Buildspec|Content|Parameters/i;
const document: Arbitrary<string> = fc.oneof(
  badText,
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
    '{"StartAt":"a","States":{"a":{"Type":"Succeed"}}}',
    '{"Resources":{"a":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Value":"v"}}}}',
    '{"source":["a"]}',
    deepJson(20_000),
    deepJson(20_000, '{"a":', '}').replace('}', '1}'),
  ),
);

/** A value for the schema; now and then of another type. */
function valueFor(draw: GeneratorValue, schema: NormalizedSchema, name: string, depth: number): unknown {
  const dice = draw(() => percent);
  if (dice < 3) return draw(() => badValue);
  if (schema.isStructSchema()) {
    const value: Record<string, unknown> = {};
    if (depth > 5) return value;
    const required = new Set(requiredMembers(schema));
    const members = membersOf(schema);
    // A dozen members at most: operations with a hundred would otherwise never get past their first check.
    const odds = Math.min(50, Math.ceil(400 / Math.max(1, members.length)));
    for (const [key, member] of members)
      if (draw(() => percent) < (required.has(key) ? 96 : odds))
        value[key] = valueFor(draw, member, key, depth + 1);
    return value;
  }
  if (schema.isListSchema())
    return Array.from({ length: depth > 5 ? 0 : dice % 3 }, () =>
      valueFor(draw, schema.getValueSchema(), name, depth + 1),
    );
  if (schema.isMapSchema())
    return Object.fromEntries(
      Array.from({ length: depth > 5 ? 0 : dice % 3 }, () => [
        draw(() => badText),
        valueFor(draw, schema.getValueSchema(), name, depth + 1),
      ]),
    );
  if (schema.isBooleanSchema()) return dice % 2 === 0;
  if (schema.isNumericSchema() || schema.isBigIntegerSchema() || schema.isTimestampSchema())
    return draw(() => badNumber);
  if (schema.isBlobSchema()) return Buffer.from(draw(() => badText)).toString('base64');
  const values = enumValues(schema);
  if (values.length > 0 && dice < 90) return values[dice % values.length];
  return draw(() => (documents.test(name) ? document : badText));
}

/** Schemas keep no enumerations; these are words that many of them have. */
function enumValues(schema: NormalizedSchema): string[] {
  const name = schema.getName() ?? '';
  if (/Protocol/.test(name)) return ['HTTP', 'tcp'];
  if (/^AttributeType|ScalarAttributeType/.test(name)) return ['S'];
  if (name === 'KeyType') return ['HASH', 'RANGE'];
  if (name === 'AuthFlowType')
    return ['USER_PASSWORD_AUTH', 'USER_SRP_AUTH', 'REFRESH_TOKEN_AUTH', 'CUSTOM_AUTH'];
  if (name === 'ParameterType') return ['String', 'StringList', 'SecureString'];
  if (name === 'Runtime') return ['nodejs22.x'];
  return [];
}

const text = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

function form(prefix: string, value: unknown, into: URLSearchParams, member: string): void {
  const at = (step: string): string => (prefix === '' ? step : `${prefix}.${step}`);
  if (Array.isArray(value))
    for (const [index, each] of value.entries()) form(at(`${member}${index + 1}`), each, into, member);
  else if (typeof value === 'object' && value !== null)
    for (const [key, each] of Object.entries(value)) form(at(key), each, into, member);
  else into.append(prefix, text(value));
}

const escapeXml = (value: string): string => value.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

function xml(name: string, schema: NormalizedSchema | undefined, value: unknown): string {
  const tag = /^[A-Za-z_][\w.-]*$/.test(name) ? name : 'x';
  if (Array.isArray(value)) {
    const item = schema?.isListSchema() ? schema.getValueSchema() : undefined;
    const traits = (schema?.getMergedTraits() ?? {}) as { xmlFlattened?: unknown };
    const inner = (item?.getMergedTraits() as { xmlName?: string } | undefined)?.xmlName ?? 'member';
    const flat = traits.xmlFlattened !== undefined;
    const all = value.map((each) => xml(flat ? tag : inner, item, each)).join('');
    return flat ? all : `<${tag}>${all}</${tag}>`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = new Map(schema ? membersOf(schema) : []);
    const all = Object.entries(value).map(([key, each]) => {
      const member = members.get(key);
      const traits = (member?.getMergedTraits() ?? {}) as { xmlName?: string };
      return xml(traits.xmlName ?? key, member, each);
    });
    return `<${tag}>${all.join('')}</${tag}>`;
  }
  return `<${tag}>${escapeXml(text(value))}</${tag}>`;
}

interface Traits {
  httpLabel?: unknown;
  httpQuery?: string;
  httpHeader?: string;
  httpPayload?: unknown;
  xmlName?: string;
}

const headerSafe = (value: string): string => value.replaceAll(/[^\x20-\x7e\x80-\xff]/g, '?');

function restRequest(shape: OperationShape, input: Record<string, unknown>): RawRequest {
  const [method = 'GET', template = '/'] = shape.http ?? [];
  const [pathTemplate = '/', literals = ''] = template.split('?');
  let path = pathTemplate;
  const query = new URLSearchParams(literals);
  const headers: Record<string, string> = {};
  const inBody: Record<string, unknown> = {};
  let payload: { schema: NormalizedSchema; name: string; value: unknown } | undefined;
  for (const [name, member] of membersOf(shape.input)) {
    const value = input[name];
    const traits = member.getMergedTraits() as Traits;
    if (traits.httpLabel) {
      const label = value === undefined ? 'fuzz' : encodeURIComponent(Buffer.from(text(value)).toString());
      if (path.includes(`{${name}`)) path = path.replace(new RegExp(`\\{${name}\\+?\\}`), () => label);
      else path = `/${label}${path}`;
    } else if (value === undefined) continue;
    else if (traits.httpQuery)
      for (const each of Array.isArray(value) ? value : [value]) query.append(traits.httpQuery, text(each));
    else if (traits.httpHeader) headers[traits.httpHeader.toLowerCase()] = headerSafe(text(value)).trim();
    else if (traits.httpPayload) payload = { schema: member, name, value };
    else inBody[name] = value;
  }
  const isXml = shape.service.protocol === 'rest-xml';
  let body = '';
  if (payload) {
    const { schema, name, value } = payload;
    const traits = schema.getMergedTraits() as Traits;
    if (schema.isBlobSchema() || schema.isStringSchema() || schema.isStreaming()) body = text(value);
    else body = isXml ? xml(traits.xmlName ?? name, schema, value) : JSON.stringify(value);
  } else if (Object.keys(inBody).length > 0)
    body = isXml ? xml(`${shape.name}Request`, shape.input, inBody) : JSON.stringify(inBody);
  // What it says of the body's length must be true here; wrong lengths are tried on connections of their own.
  delete headers['content-length'];
  const search = query.toString();
  return { method, path: path + (search === '' ? '' : `?${search}`), headers, body: Buffer.from(body) };
}

/** What a client would send for that input. */
export function requestFor(shape: OperationShape, input: Record<string, unknown>): RawRequest {
  const { protocol, signingName } = shape.service;
  const scope = `AKID/20260131/us-east-1/${signingName}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  if (protocol === 'json-1.0' || protocol === 'json-1.1')
    return {
      method: 'POST',
      path: '/',
      headers: {
        authorization,
        'content-type': `application/x-amz-${protocol}`,
        'x-amz-target': `X.${shape.name}`,
      },
      body: Buffer.from(JSON.stringify(input)),
    };
  if (protocol === 'query' || protocol === 'ec2') {
    const fields = new URLSearchParams({ Action: shape.name });
    form('', input, fields, protocol === 'query' ? 'member.' : '');
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', path: '/', headers, body: Buffer.from(fields.toString()) };
  }
  const request = restRequest(shape, input);
  return { ...request, headers: { ...request.headers, authorization } };
}

type Spoil = (draw: GeneratorValue, request: RawRequest) => void;

const flipBytes: Spoil = (draw, request) => {
  const bytes = Buffer.from(request.body);
  for (let flips = draw(() => fc.integer({ min: 1, max: 4 })); flips > 0 && bytes.length > 0; flips--)
    bytes[draw(() => fc.nat({ max: 1_000_000 })) % bytes.length] = draw(() => fc.nat({ max: 255 }));
  request.body = bytes;
};

const truncate: Spoil = (draw, request) => {
  const all = request.body.length;
  request.body = request.body.subarray(
    0,
    Math.floor(all * draw(() => fc.double({ min: 0, max: 1, noNaN: true }))),
  );
};

const randomBody: Spoil = (draw, request) => {
  request.body = Buffer.from(draw(() => fc.uint8Array({ maxLength: 200 })));
};

const nest: Spoil = (draw, request) => {
  const depth = draw(() => fc.constantFrom(100, 5_000, 100_000));
  const { headers } = request;
  const isXml = /rest-xml|s3\//.test(headers['authorization'] ?? '');
  if (headers['content-type']?.includes('form'))
    request.body = Buffer.from(`${request.body}&${'A.1.'.repeat(depth / 4)}B=1`);
  else if (isXml) request.body = Buffer.from(deepJson(depth, '<a>', '</a>'));
  else {
    const inner = draw(() =>
      fc.constantFrom(deepJson(depth), `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
    );
    const first = /^\{("(?:[^"\\]|\\.)*"):/.exec(String(request.body))?.[1] ?? '"x"';
    request.body = Buffer.from(`{${first}:${inner}}`);
  }
};

const lengthen: Spoil = (draw, request) => {
  const size = draw(() => fc.constantFrom(10_000, 300_000));
  request.body = Buffer.from(String(request.body).replace('fuzz', () => 'f'.repeat(size)));
};

const oddHeaders: Spoil = (draw, request) => {
  const name = draw(() =>
    fc.constantFrom(
      'authorization',
      'x-amz-target',
      'content-type',
      'content-encoding',
      'x-amz-content-sha256',
      'x-amz-decoded-content-length',
      'x-amz-security-token',
      'x-amz-date',
      'x-amz-copy-source',
      'range',
      'if-none-match',
      'if-modified-since',
      'expect',
      'origin',
      'host',
      'x-forwarded-for',
    ),
  );
  const value = draw(() =>
    fc.oneof(
      badText,
      fc.constantFrom(
        'AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f/g',
        'AWS4-HMAC-SHA256 Credential=////s3/aws4_request',
        'AWS4-HMAC-SHA256 Credential=ASIAFUZZ/20260131/us-east-1/s3/aws4_request',
        'AWS4-HMAC-SHA256 Credential=AKID/20260131/us-east-1/__proto__/aws4_request',
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'aws-chunked',
        'bytes=9999999999999999999-',
        'bytes=-0',
        'bytes=5-1,2-',
        '/fuzz/%zz',
        '99999999999999999999',
        '20269999T999999Z',
        'null',
        '[::1',
      ),
    ),
  );
  request.headers[name] = headerSafe(value).trim();
};

const oddPath: Spoil = (draw, request) => {
  const piece = draw(() =>
    fc.constantFrom(
      '%',
      '%zz',
      '//',
      '/../',
      '?X-Amz-Credential=a%2Fb%2Fc%2Fs3%2Fx',
      '?=&&=',
      '%00',
      '/x/y',
      '?acl',
      '?uploads',
    ),
  );
  const at = draw(() => fc.nat({ max: request.path.length }));
  request.path = request.path.slice(0, at) + piece + request.path.slice(at);
  if (!request.path.startsWith('/')) request.path = `/${request.path}`;
};

const oddMethod: Spoil = (draw, request) => {
  request.method = draw(() =>
    fc.constantFrom('GET', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'PROPFIND'),
  );
};

const untouched: Spoil = () => {};

const spoils: readonly Spoil[] = [
  untouched,
  untouched,
  untouched,
  untouched,
  untouched,
  flipBytes,
  truncate,
  randomBody,
  nest,
  lengthen,
  oddHeaders,
  oddHeaders,
  oddPath,
  oddMethod,
];

/** A request for one of the operations. */
export const requestsFor = (
  shapes: readonly OperationShape[],
): Arbitrary<RawRequest & { operation: string }> =>
  fc.gen().map((draw) => {
    const shape = shapes[draw(() => fc.nat({ max: shapes.length - 1 }))] as OperationShape;
    const input = valueFor(draw, shape.input, '', 0);
    const request = requestFor(
      shape,
      typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {},
    );
    (spoils[draw(() => fc.nat({ max: spoils.length - 1 }))] as Spoil)(draw, request);
    const { method, path, headers, body } = request;
    return {
      ...request,
      operation: `${shape.service.signingName}:${shape.name}`,
      [fc.toStringMethod]: () =>
        `${method} ${path} ${JSON.stringify(headers)} ${JSON.stringify(String(body))}`,
    };
  });
