import type { JsonSettings } from '@smithy/core/protocols';
import { jsonError, printJson, readJson } from './json.ts';
import { type BodyCodec, decodeRest, encodeRest } from './rest.ts';
import type { Adapter } from './wire.ts';

const epochSeconds = 7;
const settings: JsonSettings = {
  timestampFormat: { useTrait: true, default: epochSeconds },
  httpBindings: true,
  jsonName: true,
};

const codec: BodyCodec = {
  contentType: 'application/json',
  parse: (schema, body) => readJson(schema, body, settings),
  print: (schema, value) => printJson(schema, value, settings),
};

/** REST-JSON (Lambda, API Gateway). */
export const restJsonAdapter: Adapter = {
  decode: (shape, request) => decodeRest(shape, request, codec),
  encode: (shape, output) => encodeRest(shape, output, codec),
  encodeError: (error) => jsonError(error, 'application/json'),
};
