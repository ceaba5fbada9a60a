/** AWS JSON 1.0 and 1.1: one JSON document in, one out; the operation is named by X-Amz-Target. */

import type { JsonSettings } from '@smithy/core/protocols';
import { JsonShapeDeserializer2, JsonShapeSerializer2 } from '@smithy/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { parseJson } from '../../model/nesting.ts';
import { AwsError } from '../platform.ts';
import { checkJsonTypes } from './json-types.ts';
import { errorShape } from './shape.ts';
import type { Adapter, WireError, WireResponse } from './wire.ts';

const epochSeconds = 7;
const rpcSettings: JsonSettings = {
  timestampFormat: { useTrait: true, default: epochSeconds },
  jsonName: false,
};

/** Reads a JSON document of that shape. An empty body is an empty document. */
export function readJson(
  schema: NormalizedSchema,
  body: Buffer,
  settings: JsonSettings,
): Record<string, unknown> {
  if (body.length === 0) return {};
  let document: unknown;
  try {
    document = parseJson(body.toString('utf8'));
  } catch {
    throw new AwsError('SerializationException', 'The request body is not valid JSON');
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    throw new AwsError('SerializationException', 'The request body must be a JSON object');
  }
  if (!schema.isStructSchema()) return {};
  checkJsonTypes(schema, document, settings.jsonName);
  try {
    return new JsonShapeDeserializer2(settings).readObject(schema, document as never) as Record<
      string,
      unknown
    >;
  } catch (error) {
    throw new AwsError('SerializationException', error instanceof Error ? error.message : String(error));
  }
}

export function printJson(
  schema: NormalizedSchema,
  value: unknown,
  settings: JsonSettings,
): Uint8Array | string {
  if (schema.isUnitSchema()) return '{}';
  const serializer = new JsonShapeSerializer2(settings);
  serializer.write(schema, value);
  return serializer.flush();
}

/** The error document that SDKs and botocore read alike. */
export function jsonError(error: WireError, contentType: string): WireResponse {
  const shape = error.namespace === undefined ? undefined : errorShape(error.namespace, error.code);
  const code = shape?.schema.getName() ?? error.code;
  const headers: Record<string, string> = { 'content-type': contentType, 'x-amzn-errortype': code };
  // Services that once spoke Query give the old code here; SDKs put it first.
  if (shape && shape.code !== code) headers['x-amzn-query-error'] = `${shape.code};Sender`;
  return {
    status: error.status,
    headers,
    body: JSON.stringify({ ...error.members, __type: code, message: error.message, Message: error.message }),
  };
}

export function jsonAdapter(version: '1.0' | '1.1'): Adapter {
  const contentType = `application/x-amz-json-${version}`;
  return {
    decode: (shape, request) => readJson(shape.input, request.body, rpcSettings),
    encode: (shape, output) => ({
      status: 200,
      headers: { 'content-type': contentType },
      body: printJson(shape.output, output, rpcSettings),
    }),
    encodeError: (error) => jsonError(error, contentType),
  };
}
