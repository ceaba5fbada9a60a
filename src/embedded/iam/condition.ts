/**
 * IAM's condition operators. Semantics from docs.aws.amazon.com, "IAM JSON policy elements: Condition operators" and
 * "Set operators for multivalued context keys".
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { compileArn, compilePattern, type Lookup } from './pattern.ts';

export type Condition = (lookup: Lookup) => boolean;
/** Whether one value of the request is met by one of the policy's values. */
type Test = (value: string, lookup: Lookup) => boolean;

interface Operator {
  compile(values: readonly string[], variables: boolean): Test;
  negated: boolean;
}

const anyOf =
  (compileOne: (value: string, variables: boolean) => Test): Operator['compile'] =>
  (values, variables) => {
    const tests = values.map((value) => compileOne(value, variables));
    if (tests.length === 1 && tests[0]) return tests[0];
    return (value, lookup) => tests.some((test) => test(value, lookup));
  };

const text = (options: { wildcards: boolean; ignoreCase?: boolean }): Operator['compile'] =>
  anyOf((source, variables) => compilePattern(source, { ...options, variables }).matches);

const compared = (
  parse: (value: string) => number,
  holds: (request: number, policy: number) => boolean,
): Operator['compile'] =>
  anyOf((source, variables) => {
    const fixed = parse(source);
    if (!Number.isNaN(fixed)) return (value) => holds(parse(value), fixed);
    // The only other thing that can stand there is a variable.
    const variable = variables ? /^\$\{([^},]+)\}$/.exec(source)?.[1]?.toLowerCase() : undefined;
    if (!variable) return () => false;
    return (value, lookup) => {
      const filled = lookup(variable);
      return filled?.length === 1 && holds(parse(value), parse(filled[0] ?? ''));
    };
  });

const number = (value: string): number => (value.trim() === '' ? Number.NaN : Number(value));
/** ISO 8601 or seconds since the epoch, in milliseconds. */
const date = (value: string): number =>
  /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);

const address = anyOf((source) => {
  const [network = '', length] = source.split('/');
  const family = isIPv4(network) ? 'ipv4' : isIPv6(network) ? 'ipv6' : undefined;
  if (!family) return () => false;
  const list = new BlockList();
  list.addSubnet(network, length === undefined ? (family === 'ipv4' ? 32 : 128) : Number(length), family);
  return (value) => {
    const kind = isIPv4(value) ? 'ipv4' : isIPv6(value) ? 'ipv6' : undefined;
    return kind !== undefined && list.check(value, kind);
  };
});

const comparisons: Record<string, (request: number, policy: number) => boolean> = {
  LessThan: (a, b) => a < b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThan: (a, b) => a > b,
  GreaterThanEquals: (a, b) => a >= b,
};
const equal = (a: number, b: number): boolean => a === b;
const arnMatch = anyOf((source, variables) => compileArn(source, variables).matches);

const operators = new Map<string, Operator>();
const define = (name: string, compile: Operator['compile'], negated = false): void => {
  operators.set(name.toLowerCase(), { compile, negated });
};
define('StringEquals', text({ wildcards: false }));
define('StringNotEquals', text({ wildcards: false }), true);
define('StringEqualsIgnoreCase', text({ wildcards: false, ignoreCase: true }));
define('StringNotEqualsIgnoreCase', text({ wildcards: false, ignoreCase: true }), true);
define('StringLike', text({ wildcards: true }));
define('StringNotLike', text({ wildcards: true }), true);
for (const [kind, parse] of [
  ['Numeric', number],
  ['Date', date],
] as const) {
  define(`${kind}Equals`, compared(parse, equal));
  define(`${kind}NotEquals`, compared(parse, equal), true);
  for (const [name, holds] of Object.entries(comparisons)) define(kind + name, compared(parse, holds));
}
define('Bool', text({ wildcards: false, ignoreCase: true }));
define('BinaryEquals', text({ wildcards: false }));
define('IpAddress', address);
define('NotIpAddress', address, true);
for (const name of ['ArnEquals', 'ArnLike']) define(name, arnMatch);
for (const name of ['ArnNotEquals', 'ArnNotLike']) define(name, arnMatch, true);

/**
 * Compiles one entry of a Condition block, e.g. `ForAllValues:StringEquals` on `dynamodb:LeadingKeys`.
 * Throws an Error that names an operator IAM does not have.
 */
export function compileCondition(
  operator: string,
  key: string,
  values: readonly string[],
  variables: boolean,
): Condition {
  const [, set, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/i.exec(operator) ?? [];
  const wanted = key.toLowerCase();
  if (name.toLowerCase() === 'null' && !ifExists) {
    return (lookup) => {
      const absent = (lookup(wanted)?.length ?? 0) === 0;
      return values.some((value) => (value.toLowerCase() === 'true') === absent);
    };
  }
  const found = operators.get(name.toLowerCase());
  if (!found) throw new Error(`Invalid Condition type : ${operator}.`);
  const met = found.compile(values, variables);
  // A negated operator holds when none of the policy's values is met.
  const test: Test = found.negated ? (value, lookup) => !met(value, lookup) : met;
  const quantifier = set?.toLowerCase();
  return (lookup) => {
    const given = lookup(wanted);
    if (given === undefined || given.length === 0) {
      if (ifExists) return true;
      if (quantifier === 'forallvalues') return true;
      // ForAnyValue needs a value; a single-valued negated operator holds on an absent key.
      return quantifier === undefined && found.negated;
    }
    if (quantifier === 'forallvalues') return given.every((value) => test(value, lookup));
    if (quantifier === 'foranyvalue') return given.some((value) => test(value, lookup));
    // Several values need a set operator; without one the condition does not hold.
    const [only] = given;
    return given.length === 1 && only !== undefined && test(only, lookup);
  };
}
