/** HTTP bindings of the REST protocols: labels, query, headers, prefix headers, payload, status; the rest is the body. */
import { Readable } from 'node:stream';
import type { NormalizedSchema } from '@smithy/core/schema';
import type { OperationShape } from './shape.ts';
import { membersOf } from './shape.ts';
import { scalarFromText, scalarToText } from './text.ts';
import type { WireRequest, WireResponse } from './wire.ts';

interface BindingTraits {
  httpLabel?: unknown;
  httpQuery?: string;
  httpQueryParams?: unknown;
  httpHeader?: string;
  httpPrefixHeaders?: string;
  httpPayload?: unknown;
  httpResponseCode?: unknown;
  mediaType?: string;
}

/** How one REST protocol writes what is in the body. */
export interface BodyCodec {
  parse(schema: NormalizedSchema, body: Buffer): unknown;
  print(schema: NormalizedSchema, value: unknown, shape: OperationShape): Uint8Array | string;
  readonly contentType: string;
}

const traitsOf = (schema: NormalizedSchema): BindingTraits => schema.getMergedTraits() as BindingTraits;
const present = (trait: unknown): boolean => trait !== undefined && trait !== 0;

/** Does the input's payload stream, so that its body must not be collected? */
export function streamingInput(shape: OperationShape): boolean {
  return membersOf(shape.input).some(
    ([, member]) => present(traitsOf(member).httpPayload) && member.isStreaming(),
  );
}

const fromHeader = (member: NormalizedSchema, text: string): unknown => {
  if (member.isListSchema()) {
    const item = member.getValueSchema();
    return text.split(',').map((each) => scalarFromText(item, each.trim()));
  }
  const { mediaType } = traitsOf(member);
  return scalarFromText(member, mediaType?.includes('json') ? Buffer.from(text, 'base64').toString() : text);
};

const headerText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

export function decodeRest(
  shape: OperationShape,
  request: WireRequest,
  codec: BodyCodec,
): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  let bodyMembers = false;
  let payload = false;
  for (const [name, member] of membersOf(shape.input)) {
    const traits = traitsOf(member);
    if (present(traits.httpLabel)) {
      const text = request.labels?.[name];
      if (text !== undefined) input[name] = scalarFromText(member, text);
    } else if (traits.httpQuery) {
      const texts = request.query.getAll(traits.httpQuery);
      if (texts.length === 0) continue;
      if (member.isListSchema()) {
        const item = member.getValueSchema();
        input[name] = texts.map((text) => scalarFromText(item, text));
      } else if (texts[0] !== undefined && !(texts[0] === '' && !member.isStringSchema())) {
        input[name] = scalarFromText(member, texts[0]);
      }
    } else if (present(traits.httpQueryParams)) {
      const item = member.getValueSchema();
      input[name] = Object.fromEntries(
        [...new Set(request.query.keys())].map((key) => [
          key,
          item.isListSchema() ? request.query.getAll(key) : (request.query.get(key) ?? ''),
        ]),
      );
    } else if (traits.httpHeader) {
      const text = headerText(request.headers[traits.httpHeader.toLowerCase()]);
      if (text !== undefined && text !== '') input[name] = fromHeader(member, text);
    } else if (traits.httpPrefixHeaders !== undefined) {
      const prefix = traits.httpPrefixHeaders.toLowerCase();
      const found = Object.entries(request.headers).filter(([key]) => key.startsWith(prefix));
      if (found.length > 0) {
        input[name] = Object.fromEntries(
          found.map(([key, value]) => [key.slice(prefix.length), headerText(value)]),
        );
      }
    } else if (present(traits.httpPayload)) {
      payload = true;
      if (member.isStreaming())
        input[name] = request.stream ?? Readable.from([request.body], { objectMode: false });
      else if (member.isBlobSchema()) input[name] = request.body;
      else if (member.isStringSchema()) input[name] = request.body.toString('utf8');
      else if (request.body.length > 0) input[name] = codec.parse(member, request.body);
    } else {
      bodyMembers = true;
    }
  }
  if (bodyMembers && !payload && request.body.length > 0) {
    // Bound members never occur in the body, so what was read above wins.
    return { ...(codec.parse(shape.input, request.body) as Record<string, unknown>), ...input };
  }
  return input;
}

const toHeader = (member: NormalizedSchema, value: unknown): string => {
  if (Array.isArray(value)) {
    const item = member.getValueSchema();
    return value.map((each) => scalarToText(item, each, 'header')).join(', ');
  }
  const text = scalarToText(member, value, 'header');
  return traitsOf(member).mediaType?.includes('json') ? Buffer.from(text).toString('base64') : text;
};

export function encodeRest(
  shape: OperationShape,
  output: Record<string, unknown>,
  codec: BodyCodec,
): WireResponse {
  const headers: Record<string, string> = {};
  const inBody: Record<string, unknown> = {};
  let status = shape.http?.[2] ?? 200;
  let body: WireResponse['body'] | undefined;
  let bodyMembers = 0;
  let payload = false;
  for (const [name, member] of membersOf(shape.output)) {
    const traits = traitsOf(member);
    const value = output[name];
    const given = value !== undefined && value !== null;
    if (traits.httpHeader) {
      if (given) headers[traits.httpHeader.toLowerCase()] = toHeader(member, value);
    } else if (traits.httpPrefixHeaders !== undefined) {
      for (const [key, each] of Object.entries(given ? (value as Record<string, unknown>) : {})) {
        headers[traits.httpPrefixHeaders.toLowerCase() + key.toLowerCase()] = String(each);
      }
    } else if (present(traits.httpResponseCode)) {
      if (typeof value === 'number') status = value;
    } else if (present(traits.httpPayload)) {
      payload = true;
      if (!given) continue;
      if (member.isBlobSchema() || member.isStringSchema() || member.isStreaming()) {
        body = value as WireResponse['body'];
        headers['content-type'] ??= member.isStringSchema() ? 'text/plain' : 'application/octet-stream';
      } else {
        body = codec.print(member, value, shape);
        headers['content-type'] ??= codec.contentType;
      }
    } else {
      bodyMembers += 1;
      if (given) inBody[name] = value;
    }
  }
  if (!payload && (bodyMembers > 0 || shape.output.isStructSchema()) && status !== 204) {
    body =
      bodyMembers > 0 || codec.contentType.endsWith('json') ? codec.print(shape.output, inBody, shape) : '';
    if (body.length > 0) headers['content-type'] ??= codec.contentType;
  }
  // S3 has no member for it: part of an object is 206.
  if (status === 200 && headers['content-range'] !== undefined) status = 206;
  return { status, headers, body: body ?? '' };
}
