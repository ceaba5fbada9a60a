/**
 * CloudFormation spells an API's members with a capital and gives numbers and booleans as text at times. With the
 * operation's runtime schema a resource's properties become that operation's input.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import { AwsError, type Properties } from './platform.ts';

/**
 * The input that `schema` (e.g. `CreateServiceRequest$`) describes. `renamed`: properties whose name differs in more than
 * its case. Throws a ValidationError that names a property which the operation doesn't have.
 */
export function inputFromProperties<Input>(
  schema: unknown,
  properties: Properties,
  renamed: Readonly<Record<string, string>> = {},
): Input {
  const named: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) named[renamed[name] ?? name] = value;
  return convert(
    NormalizedSchema.of(schema as Parameters<typeof NormalizedSchema.of>[0]),
    named,
    '',
  ) as Input;
}

function convert(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (schema.isStructSchema()) {
    if (typeof value !== 'object' || Array.isArray(value)) throw wrong(path, 'an object');
    const members = new Map(
      [...schema.structIterator()].map(([name, member]) => [key(name), { name, member }]),
    );
    const converted: Record<string, unknown> = {};
    for (const [property, inner] of Object.entries(value)) {
      const found = members.get(key(property));
      if (!found)
        throw new AwsError('ValidationError', `Encountered unsupported property ${path}${property}`);
      const result = convert(found.member, inner, `${path}${property}/`);
      if (result !== undefined) converted[found.name] = result;
    }
    return converted;
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrong(path, 'a list');
    return value.map((item, index) => convert(schema.getValueSchema(), item, `${path}${index}/`));
  }
  if (schema.isMapSchema()) {
    if (typeof value !== 'object' || Array.isArray(value)) throw wrong(path, 'an object');
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        convert(schema.getValueSchema(), inner, `${path}${name}/`),
      ]),
    );
  }
  if (schema.isNumericSchema()) {
    const number = Number(value);
    if (value === '' || Number.isNaN(number)) throw wrong(path, 'a number');
    return number;
  }
  if (schema.isBooleanSchema()) {
    if (value !== true && value !== false && value !== 'true' && value !== 'false')
      throw wrong(path, 'true or false');
    return value === true || value === 'true';
  }
  if (schema.isStringSchema()) {
    if (typeof value === 'object') throw wrong(path, 'text');
    return String(value);
  }
  return value;
}

/** `EnableECSManagedTags` and `enableECSManagedTags` are one. */
const key = (name: string): string => name.toLowerCase();
const wrong = (path: string, what: string): AwsError =>
  new AwsError('ValidationError', `Property ${path.replace(/\/$/, '')} must be ${what}`);
