/** JSON Schema draft 4 as far as API Gateway's models use it. */
import { foreignPattern } from '../../../foreign-pattern.ts';

export interface JsonSchema {
  $ref?: string;
  type?: string | readonly string[];
  nullable?: boolean;
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  minProperties?: number;
  maxProperties?: number;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean | number;
  exclusiveMaximum?: boolean | number;
  multipleOf?: number;
  allOf?: readonly JsonSchema[];
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  not?: JsonSchema;
}

type Models = ReadonlyMap<string, JsonSchema>;
const maxDepth = 64;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** What is wrong with a value, or undefined. References name models: their last part counts. */
export function problemOf(
  value: unknown,
  schema: JsonSchema,
  models: Models,
  at = 'body',
  depth = 0,
): string | undefined {
  if (depth > maxDepth) return `${at} is nested too deeply`;
  if (schema.$ref !== undefined) {
    const model = models.get(schema.$ref.split('/').at(-1) ?? '');
    return model && problemOf(value, model, models, at, depth + 1);
  }
  if (value === null && schema.nullable) return undefined;
  const type = typeOf(value);
  if (schema.type !== undefined) {
    const wanted = [schema.type].flat();
    if (!wanted.includes(type) && !(type === 'integer' && wanted.includes('number')))
      return `${at} is ${type}, not ${wanted.join(' or ')}`;
  }
  if (schema.enum && !schema.enum.some((each) => JSON.stringify(each) === JSON.stringify(value)))
    return `${at} is none of the permitted values`;
  return (
    (type === 'object'
      ? objectProblem(value as Record<string, unknown>, schema, models, at, depth)
      : undefined) ??
    (type === 'array' ? arrayProblem(value as unknown[], schema, models, at, depth) : undefined) ??
    (typeof value === 'string' ? textProblem(value, schema, at) : undefined) ??
    (typeof value === 'number' ? numberProblem(value, schema, at) : undefined) ??
    combinedProblem(value, schema, models, at, depth)
  );
}

function objectProblem(
  value: Record<string, unknown>,
  schema: JsonSchema,
  models: Models,
  at: string,
  depth: number,
): string | undefined {
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
  if (missing.length > 0) return `${at} has missing required properties ([${missing.join(', ')}])`;
  const names = Object.keys(value);
  if (names.length < (schema.minProperties ?? 0) || names.length > (schema.maxProperties ?? Infinity))
    return `${at} has too few or too many properties`;
  for (const name of names) {
    const declared =
      schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const rule = declared ?? schema.additionalProperties;
    if (rule === false) return `${at} has the property ${name}, which is not permitted`;
    if (typeof rule !== 'object') continue;
    const problem = problemOf(value[name], rule, models, `${at}.${name}`, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function arrayProblem(
  value: unknown[],
  schema: JsonSchema,
  models: Models,
  at: string,
  depth: number,
): string | undefined {
  if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity))
    return `${at} has too few or too many items`;
  if (schema.uniqueItems && new Set(value.map((each) => JSON.stringify(each))).size < value.length)
    return `${at} has an item twice`;
  if (!schema.items) return undefined;
  for (const [index, each] of value.entries()) {
    const problem = problemOf(each, schema.items, models, `${at}[${index}]`, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function textProblem(value: string, schema: JsonSchema, at: string): string | undefined {
  if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity))
    return `${at} is too short or too long`;
  if (schema.pattern !== undefined && !foreignPattern(schema.pattern).matches(value))
    return `${at} does not match ${schema.pattern}`;
  return undefined;
}

function numberProblem(value: number, schema: JsonSchema, at: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum === true && value === minimum)))
    return `${at} is too small`;
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum === true && value === maximum)))
    return `${at} is too large`;
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return `${at} is too small`;
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return `${at} is too large`;
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf))
    return `${at} is no multiple of ${multipleOf}`;
  return undefined;
}

function combinedProblem(
  value: unknown,
  schema: JsonSchema,
  models: Models,
  at: string,
  depth: number,
): string | undefined {
  const fits = (each: JsonSchema): boolean => problemOf(value, each, models, at, depth + 1) === undefined;
  for (const each of schema.allOf ?? []) {
    const problem = problemOf(value, each, models, at, depth + 1);
    if (problem !== undefined) return problem;
  }
  if (schema.anyOf && !schema.anyOf.some(fits)) return `${at} matches none of the permitted forms`;
  if (schema.oneOf && schema.oneOf.filter(fits).length !== 1)
    return `${at} does not match exactly one of the permitted forms`;
  if (schema.not && fits(schema.not)) return `${at} has a form that is not permitted`;
  return undefined;
}
