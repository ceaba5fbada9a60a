/** CloudFormation's intrinsic functions. Evaluation is pure; what names stand for comes from a {@link Scope}. */
import { cidrBlocks } from './cidr.ts';
import { isObject, validationError } from './model.ts';
import { splitAttribute, subPattern } from './references.ts';

/** What the names in a template stand for where it is evaluated. Each function throws when there is no such thing. */
export interface Scope {
  /** A parameter's value, a pseudo parameter, a resource's physical id; {@link noValue} for AWS::NoValue. */
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  condition(name: string): boolean;
  mappings: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  importValue(name: string): unknown;
  availabilityZones(region: string): string[];
}

/** AWS::NoValue: whatever holds it is left out. */
export const noValue: unique symbol = Symbol('AWS::NoValue');

/**
 * Stands for a value that exists only after the deployment, when a change set is made; CloudFormation shows this
 * text too. Strings made from it contain it.
 */
export const knownAfterApply = '{{changeSet:KNOWN_AFTER_APPLY}}';

type Evaluate = (value: unknown) => unknown;
type IntrinsicFunction = (argument: unknown, evaluate: Evaluate, scope: Scope) => unknown;

/** Evaluates every function in a value. Undefined when nothing is left of it (AWS::NoValue). */
export function evaluate(value: unknown, scope: Scope): unknown {
  const result = resolve(value, scope);
  return result === noValue ? undefined : result;
}

/** Evaluates a condition, by name or as written. */
export function evaluateCondition(value: unknown, scope: Scope): boolean {
  const result = resolve(value, scope);
  if (typeof result === 'boolean') return result;
  if (result === 'true' || result === 'false') return result === 'true';
  throw validationError(
    `Template error: every condition must evaluate to a boolean, got ${JSON.stringify(result)}`,
  );
}

function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value))
    return value.map((entry) => resolve(entry, scope)).filter((entry) => entry !== noValue);
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const key = keys[0];
  if (keys.length === 1 && key !== undefined) {
    const argument = value[key];
    if (key === 'Ref') return scope.ref(text(argument, 'Ref'));
    if (key === 'Condition' && typeof argument === 'string') return scope.condition(argument);
    const intrinsic = functions[key];
    if (intrinsic) return intrinsic(argument, (inner) => resolve(inner, scope), scope);
    if (key.startsWith('Fn::'))
      throw validationError(
        `Template format error: Encountered unsupported function: ${key} Supported functions are: [${Object.keys(functions).join(', ')}]`,
      );
  }
  const result: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value)) {
    const resolved = resolve(entry, scope);
    if (resolved !== noValue) result[name] = resolved;
  }
  return result;
}

const functions: Readonly<Record<string, IntrinsicFunction>> = {
  'Fn::GetAtt'(argument, evaluate, scope) {
    if (typeof argument === 'string') {
      const { name, attribute } = splitAttribute(argument);
      if (attribute === undefined)
        throw malformed(
          'Fn::GetAtt',
          'requires two non-empty parameters, the resource name and the attribute',
        );
      return scope.attribute(name, attribute);
    }
    const [name, attribute] = list(argument, 'Fn::GetAtt', 2);
    return scope.attribute(text(name, 'Fn::GetAtt'), text(evaluate(attribute), 'Fn::GetAtt'));
  },

  'Fn::Sub'(argument, evaluate, scope) {
    const [template, given] = Array.isArray(argument) ? (argument as unknown[]) : [argument, {}];
    if (typeof template !== 'string' || !isObject(given))
      throw malformed(
        'Fn::Sub',
        'requires a string, or a list of a string and a map of the variables to substitute',
      );
    return template.replace(subPattern, (_match, literal: string, inner: string) => {
      if (literal) return `\${${inner}}`;
      const expression = inner.trim();
      if (expression in given) return scalar(evaluate(given[expression]), 'Fn::Sub');
      const { name, attribute } = splitAttribute(expression);
      return scalar(attribute === undefined ? scope.ref(name) : scope.attribute(name, attribute), 'Fn::Sub');
    });
  },

  'Fn::Join'(argument, evaluate) {
    const [delimiter, parts] = list(argument, 'Fn::Join', 2);
    const values = evaluate(parts);
    if (values === knownAfterApply) return values;
    if (typeof delimiter !== 'string' || !Array.isArray(values))
      throw malformed(
        'Fn::Join',
        'requires a list argument with two elements: a delimiter and a list of values',
      );
    return values.map((entry: unknown) => scalar(entry, 'Fn::Join')).join(delimiter);
  },

  'Fn::Split'(argument, evaluate) {
    const [delimiter, source] = list(argument, 'Fn::Split', 2);
    const value = evaluate(source);
    if (typeof delimiter !== 'string' || typeof value !== 'string')
      throw malformed('Fn::Split', 'requires a delimiter and a string');
    return value === knownAfterApply ? value : value.split(delimiter);
  },

  'Fn::Select'(argument, evaluate) {
    const [position, source] = list(argument, 'Fn::Select', 2);
    const index = Number(evaluate(position));
    const values = evaluate(source);
    if (values === knownAfterApply) return values;
    if (!Array.isArray(values))
      throw malformed(
        'Fn::Select',
        'requires a list argument with two elements: an integer index and a list',
      );
    if (!Number.isInteger(index) || index < 0 || index >= values.length)
      throw validationError(
        `Template error: Fn::Select  cannot select nonexistent value at index ${String(position)}`,
      );
    return values[index] as unknown;
  },

  'Fn::If'(argument, evaluate, scope) {
    const [condition, yes, no] = list(argument, 'Fn::If', 3);
    return evaluate(scope.condition(text(condition, 'Fn::If')) ? yes : no);
  },

  'Fn::Equals'(argument, evaluate) {
    const [left, right] = list(argument, 'Fn::Equals', 2);
    return comparable(evaluate(left)) === comparable(evaluate(right));
  },

  'Fn::Not'(argument, _evaluate, scope) {
    const [operand] = list(argument, 'Fn::Not', 1);
    return !evaluateCondition(operand, scope);
  },

  'Fn::And'(argument, _evaluate, scope) {
    return list(argument, 'Fn::And').every((operand) => evaluateCondition(operand, scope));
  },

  'Fn::Or'(argument, _evaluate, scope) {
    return list(argument, 'Fn::Or').some((operand) => evaluateCondition(operand, scope));
  },

  'Fn::FindInMap'(argument, evaluate, scope) {
    const [map, first, second, options] = list(argument, 'Fn::FindInMap');
    const [mapName, firstKey, secondKey] = [map, first, second].map((entry) =>
      scalar(evaluate(entry), 'Fn::FindInMap'),
    ) as [string, string, string];
    const mapping = scope.mappings[mapName];
    const found = mapping?.[firstKey]?.[secondKey];
    if (found !== undefined) return found;
    if (isObject(options) && 'DefaultValue' in options) return evaluate(options['DefaultValue']);
    if (!mapping)
      throw validationError(
        `Template error: Mapping named '${mapName}' is not present in the 'Mappings' section of template.`,
      );
    throw validationError(`Template error: Unable to get mapping for ${mapName}::${firstKey}::${secondKey}`);
  },

  'Fn::ImportValue': (argument, evaluate, scope) =>
    scope.importValue(scalar(evaluate(argument), 'Fn::ImportValue')),

  'Fn::Base64': (argument, evaluate) =>
    Buffer.from(scalar(evaluate(argument), 'Fn::Base64')).toString('base64'),

  'Fn::Cidr'(argument, evaluate) {
    const [block, count, bits] = list(argument, 'Fn::Cidr').map(evaluate);
    if (typeof block === 'string' && block.includes(knownAfterApply)) return knownAfterApply;
    return cidrBlocks(
      scalar(block, 'Fn::Cidr'),
      Number(count),
      bits === undefined ? (String(block).includes(':') ? 64 : 8) : Number(bits),
    );
  },

  'Fn::GetAZs'(argument, evaluate, scope) {
    const region = scalar(evaluate(argument), 'Fn::GetAZs');
    return scope.availabilityZones(region === '' ? String(scope.ref('AWS::Region')) : region);
  },

  'Fn::Length'(argument, evaluate) {
    const value = evaluate(argument);
    if (!Array.isArray(value)) throw malformed('Fn::Length', 'requires a list');
    return value.length;
  },

  'Fn::ToJsonString': (argument, evaluate) => JSON.stringify(evaluate(argument)),

  'Fn::Contains'(argument, evaluate) {
    const [values, value] = list(argument, 'Fn::Contains', 2).map(evaluate);
    return Array.isArray(values) && values.some((entry) => comparable(entry) === comparable(value));
  },

  'Fn::EachMemberEquals'(argument, evaluate) {
    const [values, value] = list(argument, 'Fn::EachMemberEquals', 2).map(evaluate);
    return Array.isArray(values) && values.every((entry) => comparable(entry) === comparable(value));
  },

  'Fn::EachMemberIn'(argument, evaluate) {
    const [values, among] = list(argument, 'Fn::EachMemberIn', 2).map(evaluate);
    if (!Array.isArray(values) || !Array.isArray(among)) return false;
    const allowed = new Set(among.map(comparable));
    return values.every((entry) => allowed.has(comparable(entry)));
  },
};

const malformed = (name: string, requirement: string) =>
  validationError(`Template error: every ${name} object ${requirement}`);

function list(argument: unknown, name: string, length?: number): unknown[] {
  if (!Array.isArray(argument) || (length !== undefined && argument.length !== length))
    throw malformed(name, `requires a list${length === undefined ? '' : ` with ${length} elements`}`);
  return argument as unknown[];
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw malformed(name, 'must have a string for the name it refers to');
}

/** The text of a scalar, as CloudFormation puts it into strings. */
function scalar(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw malformed(
    name,
    `needs string values, got ${value === noValue ? 'AWS::NoValue' : JSON.stringify(value)}`,
  );
}

/** Equality is by text: the string "true" equals the boolean. */
const comparable = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);
