/** Checks a resource's properties against the specification, and brings scalars to the type that it asks for. */
import type { Properties } from '../../platform.ts';
import { knownAfterApply } from '../template/intrinsics.ts';
import { isObject, validationError } from '../template/model.ts';
import type { PropertyType, Shape, TypeSpecification } from './specification.ts';

/** One thing that is wrong: where, as `#/A/0/B`, and what. */
export interface PropertyProblem {
  path: string;
  message: string;
}

/**
 * Properties with scalars converted as CloudFormation converts them (a Number parameter is text; "true" is a
 * boolean where one is asked for), and all problems found.
 */
export function checkProperties(
  specification: TypeSpecification,
  properties: Properties,
): { properties: Properties; problems: PropertyProblem[] } {
  const problems: PropertyProblem[] = [];
  const checked = checkShape(specification, specification, properties, '#', problems);
  return { properties: checked as Properties, problems };
}

/** CloudFormation's error for a resource whose properties do not fit. */
export const propertiesInvalid = (logicalId: string, problems: readonly PropertyProblem[]) =>
  validationError(
    `Properties validation failed for resource ${logicalId} with message:\n${problems.map(({ path, message }) => `[${path}: ${message}]`).join('\n')}`,
  );

function checkShape(
  root: TypeSpecification,
  shape: Shape,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: PropertyProblem[],
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value)) {
    const type = shape.properties[name];
    if (type === undefined) problems.push({ path, message: `extraneous key [${name}] is not permitted` });
    else if (entry !== null && entry !== undefined)
      result[name] = checkValue(root, type, entry, `${path}/${name}`, problems);
  }
  for (const name of shape.required ?? [])
    if (!(name in result)) problems.push({ path, message: `required key [${name}] not found` });
  return result;
}

function checkValue(
  root: TypeSpecification,
  type: PropertyType,
  value: unknown,
  path: string,
  problems: PropertyProblem[],
): unknown {
  if (typeof value === 'string' && value.includes(knownAfterApply)) return value;
  if (typeof type === 'string') return checkScalar(type, value, path, problems);
  if (isList(type)) {
    if (!Array.isArray(value)) return mismatch('JSONArray', value, path, problems);
    return value.map((entry, index) => checkValue(root, type[0], entry, `${path}/${index}`, problems));
  }
  if ('any' in type) return checkUnion(root, type.any, value, path, problems);
  if (!isObject(value)) return mismatch('JSONObject', value, path, problems);
  if ('map' in type)
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [
        key,
        checkValue(root, type.map, entry, `${path}/${key}`, problems),
      ]),
    );
  const shape = root.definitions?.[type.ref];
  // A definition without properties is open: the specification does not say what goes in.
  if (!shape || Object.keys(shape.properties).length === 0) return value;
  return checkShape(root, shape, value, path, problems);
}

/** The first member that fits; when none does, the first one's problems. */
function checkUnion(
  root: TypeSpecification,
  members: readonly PropertyType[],
  value: unknown,
  path: string,
  problems: PropertyProblem[],
): unknown {
  let first: PropertyProblem[] | undefined;
  // A member that takes the value as it is goes before one that would convert it.
  const exact = members.filter((member) => member === 'json' || member === typeof value);
  for (const member of [...exact, ...members]) {
    const found: PropertyProblem[] = [];
    const result = checkValue(root, member, value, path, found);
    if (found.length === 0) return result;
    first ??= found;
  }
  problems.push(...(first ?? []));
  return value;
}

const tagShape: Shape = { properties: { Key: 'string', Value: 'string' }, required: ['Key'] };

function checkScalar(type: string, value: unknown, path: string, problems: PropertyProblem[]): unknown {
  switch (type) {
    case 'string':
    case 'date-time':
      if (typeof value === 'string') return value;
      if (typeof value === 'number' || typeof value === 'boolean') return String(value);
      return mismatch('String', value, path, problems);
    case 'integer':
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const fits = typeof number === 'number' && !Number.isNaN(number);
      if (fits && (type === 'number' || Number.isInteger(number))) return number;
      return mismatch(type === 'integer' ? 'Integer' : 'Number', value, path, problems);
    }
    case 'boolean':
      if (typeof value === 'boolean') return value;
      if (value === 'true' || value === 'false') return value === 'true';
      return mismatch('Boolean', value, path, problems);
    case 'tag':
      if (!isObject(value)) return mismatch('JSONObject', value, path, problems);
      // Some types have further members in their tags, such as PropagateAtLaunch.
      return {
        ...value,
        ...checkShape(openRoot, { ...tagShape, properties: tagProperties(value) }, value, path, problems),
      };
    default:
      return value;
  }
}

const openRoot: TypeSpecification = { properties: {}, replace: [], attributes: [] };

const tagProperties = (tag: Readonly<Record<string, unknown>>): Record<string, PropertyType> => ({
  ...Object.fromEntries(Object.keys(tag).map((key) => [key, 'json'])),
  ...tagShape.properties,
});

const isList = (type: Exclude<PropertyType, string>): type is readonly [PropertyType] => Array.isArray(type);

function mismatch(expected: string, value: unknown, path: string, problems: PropertyProblem[]): unknown {
  problems.push({ path, message: `expected type: ${expected}, found: ${nameOf(value)}` });
  return value;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'JSONArray';
  switch (typeof value) {
    case 'string':
      return 'String';
    case 'boolean':
      return 'Boolean';
    case 'number':
      return Number.isInteger(value) ? 'Integer' : 'Double';
    default:
      return 'JSONObject';
  }
}
