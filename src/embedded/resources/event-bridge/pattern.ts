/**
 * Event patterns: which events a rule is for.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError } from '../../platform.ts';

type Json = Record<string, unknown>;
type Test = (event: unknown) => boolean;
/** Values at a field: several where an array is on the way, none where the field is missing. */
type ValueTest = (values: readonly unknown[]) => boolean;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

const invalid = (why: string): AwsError =>
  new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${why}`);

/** Throws AwsError InvalidEventPatternException for a pattern that can't be read. */
export function compilePattern(pattern: string): Test {
  let parsed: unknown;
  try {
    parsed = parseJson(pattern);
  } catch {
    throw invalid('The pattern is not valid JSON');
  }
  if (!isObject(parsed)) throw invalid('Filter is not an object');
  if (Object.keys(parsed).length === 0) throw invalid('Empty objects are not allowed');
  return objectTest(parsed, '');
}

function objectTest(pattern: Json, path: string): Test {
  const tests = Object.entries(pattern).map(([name, value]): Test => {
    if (name === '$or') {
      if (!Array.isArray(value) || value.length < 2 || !value.every(isObject)) {
        throw invalid('"$or" must be an array of at least two objects');
      }
      const alternatives = value.map((each) => objectTest(each, path));
      return (event) => alternatives.some((test) => test(event));
    }
    const at = path === '' ? name : `${path}.${name}`;
    if (Array.isArray(value)) {
      const test = fieldTest(value, at);
      return (event) => test(valuesAt(event, name));
    }
    if (!isObject(value)) throw invalid(`"${at}" must be an object or an array`);
    if (Object.keys(value).length === 0) throw invalid('Empty objects are not allowed');
    const inner = objectTest(value, at);
    // An array of objects fits when one of them does; a missing field may be asked to be missing.
    return (event) => {
      const below = isObject(event) ? event[name] : undefined;
      return Array.isArray(below) ? below.some(inner) : inner(below);
    };
  });
  return (event) => tests.every((test) => test(event));
}

function valuesAt(event: unknown, name: string): unknown[] {
  if (!isObject(event) || !Object.hasOwn(event, name)) return [];
  const value = event[name];
  return Array.isArray(value) ? value : [value];
}

function fieldTest(alternatives: readonly unknown[], path: string): ValueTest {
  if (alternatives.length === 0) throw invalid(`Empty arrays are not allowed: "${path}"`);
  const tests = alternatives.map((alternative) => alternativeTest(alternative, path));
  return (values) => tests.some((test) => test(values));
}

/** Objects are not values. */
const some =
  (test: (value: unknown) => boolean): ValueTest =>
  (values) =>
    values.some((value) => !isObject(value) && test(value));

function alternativeTest(alternative: unknown, path: string): ValueTest {
  if (!isObject(alternative)) {
    if (Array.isArray(alternative)) throw invalid(`"${path}" has an array in an array`);
    return some((value) => value === alternative);
  }
  const [entry, ...more] = Object.entries(alternative);
  if (!entry || more.length > 0) throw invalid(`"${path}": only one key is allowed in a match expression`);
  const [name, operand] = entry;
  switch (name) {
    case 'exists':
      if (typeof operand !== 'boolean') throw invalid('exists match pattern must be either true or false.');
      // Only leaves exist: an object is not one.
      return (values) => values.some((value) => !isObject(value)) === operand;
    case 'anything-but':
      return anythingBut(operand, path);
    case 'numeric':
      return some(numericTest(operand));
    case 'cidr':
      return some(cidrTest(operand));
    default:
      return some(textTest(name, operand, path));
  }
}

function textTest(name: string, operand: unknown, path: string): (value: unknown) => boolean {
  if ((name === 'prefix' || name === 'suffix') && isObject(operand)) {
    const folded = operand['equals-ignore-case'];
    if (!isText(folded)) throw invalid(`${name} match pattern must be a string`);
    const test = textTest(name, folded.toLowerCase(), path);
    return (value) => isText(value) && test(value.toLowerCase());
  }
  if (!isText(operand)) throw invalid(`${name} match pattern must be a string`);
  switch (name) {
    case 'prefix':
      return (value) => isText(value) && value.startsWith(operand);
    case 'suffix':
      return (value) => isText(value) && value.endsWith(operand);
    case 'equals-ignore-case':
      return (value) => isText(value) && value.toLowerCase() === operand.toLowerCase();
    case 'wildcard': {
      if (operand.includes('**')) throw invalid('Consecutive wildcard characters are not allowed');
      const escaped = operand
        .split('*')
        .map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
        .join('[^]*');
      const regular = new RegExp(`^${escaped}$`);
      return (value) => isText(value) && regular.test(value);
    }
    default:
      throw invalid(`Unrecognized match type ${name}`);
  }
}

/** True of a value that is there and is none of those named. */
function anythingBut(operand: unknown, path: string): ValueTest {
  if (isObject(operand)) {
    const [entry, ...more] = Object.entries(operand);
    if (!entry || more.length > 0) throw invalid('Only one key is allowed in an anything-but expression');
    const [name, given] = entry;
    const tests = (Array.isArray(given) ? given : [given]).map((each) => textTest(name, each, path));
    return (values) => some(() => true)(values) && !values.some((value) => tests.some((test) => test(value)));
  }
  const excluded = Array.isArray(operand) ? operand : [operand];
  if (excluded.length === 0 || excluded.some((each) => !isText(each) && typeof each !== 'number')) {
    throw invalid('anything-but match pattern must be strings or numbers');
  }
  return (values) => some(() => true)(values) && !values.some((value) => excluded.includes(value as string));
}

function numericTest(operand: unknown): (value: unknown) => boolean {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) {
    throw invalid('Value of numeric must be an array of one or two comparisons');
  }
  const comparisons: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const bound: unknown = operand[index + 1];
    if (typeof bound !== 'number') throw invalid(`Value of ${operand[index]} must be numeric`);
    const operators: Record<string, (value: number) => boolean> = {
      '=': (value) => value === bound,
      '<': (value) => value < bound,
      '<=': (value) => value <= bound,
      '>': (value) => value > bound,
      '>=': (value) => value >= bound,
    };
    const comparison = operators[String(operand[index])];
    if (!comparison) throw invalid(`Unrecognized numeric range operator: ${operand[index]}`);
    comparisons.push(comparison);
  }
  return (value) => typeof value === 'number' && comparisons.every((comparison) => comparison(value));
}

function cidrTest(operand: unknown): (value: unknown) => boolean {
  const [address = '', bits = ''] = String(operand).split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (!family || !/^\d+$/.test(bits)) throw invalid('Malformed CIDR, one "/" required');
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family);
  return (value) =>
    isText(value) && ((isIPv4(value) && block.check(value)) || (isIPv6(value) && block.check(value, 'ipv6')));
}
