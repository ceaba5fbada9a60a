/** Reads the SDK's runtime schemas: what an operation is called, what goes in and out, how it is bound to HTTP. */
import { NormalizedSchema, TypeRegistry } from '@smithy/core/schema';
import type { SchemaRef, StaticOperationSchema } from '@smithy/types';
import type { AwsService, Operation } from '../platform.ts';

/** One operation as the adapters see it. Input and output are looked at when first needed: most never are. */
export interface OperationShape {
  readonly service: AwsService;
  readonly operation: Operation;
  readonly name: string;
  /** e.g. `com.amazonaws.s3`; names the registry that holds the modelled errors. */
  readonly namespace: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Method, path template with its query literals, and status; REST protocols only. */
  readonly http: readonly [method: string, template: string, status: number] | undefined;
}

export function shapeOf(service: AwsService, operation: Operation): OperationShape {
  const schema = operation.schema as StaticOperationSchema;
  const traits = schema[3];
  let input: NormalizedSchema | undefined;
  let output: NormalizedSchema | undefined;
  return {
    service,
    operation,
    name: schema[2],
    namespace: schema[1],
    get input() {
      input ??= NormalizedSchema.of(schema[4]);
      return input;
    },
    get output() {
      output ??= NormalizedSchema.of(schema[5]);
      return output;
    },
    http: typeof traits === 'object' ? (traits.http as OperationShape['http']) : undefined,
  };
}

/** Members of a structure; none for the unit type. */
export const membersOf = (schema: NormalizedSchema): readonly [string, NormalizedSchema][] =>
  schema.isStructSchema() ? [...schema.structIterator()] : [];

/** The names of a structure's required members: the SDK lists them first and counts them. */
export function requiredMembers(schema: NormalizedSchema): readonly string[] {
  if (!schema.isStructSchema()) return [];
  const source = schema.getSchema() as readonly unknown[];
  const count = typeof source[6] === 'number' ? source[6] : 0;
  return (source[4] as readonly string[]).slice(0, count);
}

export interface ErrorShape {
  schema: NormalizedSchema;
  /** What goes over the wire: query services have codes that differ from the shape's name. */
  code: string;
  status: number | undefined;
}

/** The modelled error of that name or wire code, where the service has one. */
export function errorShape(namespace: string, code: string): ErrorShape | undefined {
  const registry = TypeRegistry.for(namespace) as unknown as { schemas: ReadonlyMap<string, SchemaRef> };
  const describe = (ref: SchemaRef): ErrorShape => {
    const schema = NormalizedSchema.of(ref);
    const traits = schema.getMergedTraits() as { httpError?: number; awsQueryError?: [string, number] };
    return {
      schema,
      code: traits.awsQueryError?.[0] ?? schema.getName() ?? code,
      status: traits.httpError ?? traits.awsQueryError?.[1],
    };
  };
  const byName = registry.schemas.get(`${namespace}#${code}`);
  if (byName !== undefined) return describe(byName);
  for (const ref of registry.schemas.values()) {
    const shape = describe(ref);
    if (shape.code === code) return shape;
  }
  return undefined;
}

const withTimestamps = new WeakMap<object, boolean>();

/** Does a timestamp occur anywhere below? Recursive shapes count as without until shown otherwise. */
function hasTimestamps(schema: NormalizedSchema): boolean {
  if (schema.isTimestampSchema()) return true;
  const source = schema.getSchema();
  if (typeof source !== 'object') {
    return schema.isListSchema() || schema.isMapSchema() ? hasTimestamps(schema.getValueSchema()) : false;
  }
  const known = withTimestamps.get(source);
  if (known !== undefined) return known;
  withTimestamps.set(source, false);
  const found = schema.isStructSchema()
    ? membersOf(schema).some(([, member]) => hasTimestamps(member))
    : (schema.isListSchema() || schema.isMapSchema()) && hasTimestamps(schema.getValueSchema());
  withTimestamps.set(source, found);
  return found;
}

/** Turns timestamps that a handler gave as ISO text or milliseconds into Date, which the serializers want. */
export function withDates(schema: NormalizedSchema, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (schema.isTimestampSchema()) {
    return typeof value === 'string' || typeof value === 'number' ? new Date(value) : value;
  }
  if (typeof value !== 'object' || !hasTimestamps(schema)) return value;
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    return Array.isArray(value) ? value.map((each) => withDates(item, each)) : value;
  }
  const source = value as Record<string, unknown>;
  if (schema.isMapSchema()) {
    const item = schema.getValueSchema();
    return Object.fromEntries(Object.entries(source).map(([key, each]) => [key, withDates(item, each)]));
  }
  const converted: Record<string, unknown> = {};
  for (const [name, member] of membersOf(schema)) {
    if (source[name] !== undefined) converted[name] = withDates(member, source[name]);
  }
  return converted;
}
