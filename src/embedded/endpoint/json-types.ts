/** Are a JSON document's types those of the schema? A handler may then rely on them. */
import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from '../platform.ts';
import { membersOf } from './shape.ts';

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

const mismatch = (path: string, value: unknown, wanted: string): AwsError =>
  new AwsError('SerializationException', `${path || 'The request'} is ${kindOf(value)}, not ${wanted}`);

/** Numbers that JSON has no literal for. */
const specialNumbers = new Set(['NaN', 'Infinity', '-Infinity']);

/** Throws AwsError SerializationException that names the first member of a wrong type. Members that are null count as absent. */
export function checkJsonTypes(
  schema: NormalizedSchema,
  value: unknown,
  jsonNames: boolean,
  path = '',
): void {
  if (schema.isStructSchema()) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw mismatch(path, value, 'an object');
    const source = value as Record<string, unknown>;
    for (const [name, member] of membersOf(schema)) {
      const { jsonName } = member.getMergedTraits() as { jsonName?: string };
      const key = jsonNames ? (jsonName ?? name) : name;
      const each = source[key];
      if (each !== undefined && each !== null) {
        checkJsonTypes(member, each, jsonNames, path === '' ? key : `${path}.${key}`);
      }
    }
    return;
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw mismatch(path, value, 'a list');
    const item = schema.getValueSchema();
    const sparse = Boolean((schema.getMergedTraits() as { sparse?: unknown }).sparse);
    for (const [index, each] of value.entries()) {
      if (each === null && sparse) continue;
      checkJsonTypes(item, each, jsonNames, `${path}[${index}]`);
    }
    return;
  }
  if (schema.isMapSchema()) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw mismatch(path, value, 'an object');
    const item = schema.getValueSchema();
    for (const [key, each] of Object.entries(value)) {
      if (each !== null) checkJsonTypes(item, each, jsonNames, `${path}.${key}`);
    }
    return;
  }
  if (schema.isStringSchema() || schema.isBlobSchema()) {
    if (typeof value !== 'string') throw mismatch(path, value, 'a string');
  } else if (schema.isBooleanSchema()) {
    if (typeof value !== 'boolean') throw mismatch(path, value, 'a boolean');
  } else if (schema.isNumericSchema()) {
    if (typeof value !== 'number' && !specialNumbers.has(String(value)))
      throw mismatch(path, value, 'a number');
  } else if (schema.isTimestampSchema()) {
    if (typeof value !== 'number' && typeof value !== 'string') throw mismatch(path, value, 'a timestamp');
  }
}
