/** The rules of a Choice state. */
import { readPath, type Scope, valueOrMissing } from './data-flow.ts';
import type { ChoiceRule } from './definition.ts';
import { runtimeError } from './errors.ts';
import { missing } from './json-path.ts';

type Comparison = (value: unknown, wanted: unknown) => boolean;

const ordered = (test: (order: number) => boolean, type: 'string' | 'number'): Comparison => {
  return (value, wanted) => {
    if (typeof value !== type || typeof wanted !== type) return false;
    const [left, right] = [value as string | number, wanted as string | number];
    return test(left < right ? -1 : left > right ? 1 : 0);
  };
};
const timestamps = (test: (order: number) => boolean): Comparison => {
  return (value, wanted) =>
    isTimestamp(value) && isTimestamp(wanted) && test(Date.parse(value) - Date.parse(wanted));
};
const isTimestamp = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) &&
  !Number.isNaN(Date.parse(value));
const is =
  (test: (value: unknown) => boolean): Comparison =>
  (value, wanted) =>
    test(value) === wanted;

const orders = {
  Equals: (order: number) => order === 0,
  LessThan: (order: number) => order < 0,
  GreaterThan: (order: number) => order > 0,
  LessThanEquals: (order: number) => order <= 0,
  GreaterThanEquals: (order: number) => order >= 0,
};

const comparisons: Readonly<Record<string, Comparison>> = {
  ...Object.fromEntries(
    Object.entries(orders).flatMap(([name, test]) => [
      [`String${name}`, ordered(test, 'string')],
      [`Numeric${name}`, ordered(test, 'number')],
      [`Timestamp${name}`, timestamps(test)],
    ]),
  ),
  BooleanEquals: (value, wanted) => typeof value === 'boolean' && value === wanted,
  StringMatches: (value, wanted) => typeof value === 'string' && wildcard(String(wanted)).test(value),
  IsNull: is((value) => value === null),
  IsNumeric: is((value) => typeof value === 'number'),
  IsString: is((value) => typeof value === 'string'),
  IsBoolean: is((value) => typeof value === 'boolean'),
  IsTimestamp: is(isTimestamp),
  IsPresent: is((value) => value !== missing),
};

/** `*` stands for any text; `\*` and `\\` for themselves. */
const wildcard = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replace(/\\([*\\])|\*|[.+?^${}()|[\]\\]/g, (match, escaped: string | undefined) =>
      escaped !== undefined ? `\\${escaped}` : match === '*' ? '[\\s\\S]*' : `\\${match}`,
    )}$`,
  );

const structure = new Set(['Variable', 'Next', 'Comment', 'Assign', 'Output']);

/** The comparison that a rule makes, e.g. `StringEquals`, or with its operand from a path `StringEqualsPath`. */
export const comparisonOf = (rule: ChoiceRule): string | undefined =>
  Object.keys(rule).find(
    (name) => !structure.has(name) && Object.hasOwn(comparisons, name.replace(/Path$/, '')),
  );

/** Throws a StatesError when the variable is missing, unless the rule asks for just that. */
export function matchesRule(rule: ChoiceRule, scope: Scope): boolean {
  if (rule.And) return rule.And.every((inner) => matchesRule(inner, scope));
  if (rule.Or) return rule.Or.some((inner) => matchesRule(inner, scope));
  if (rule.Not) return !matchesRule(rule.Not, scope);
  const name = comparisonOf(rule) ?? '';
  const comparison = comparisons[name.replace(/Path$/, '')];
  const path = rule.Variable ?? '';
  const value = valueOrMissing(path, scope);
  if (!comparison) throw runtimeError(`A Choice rule has no comparison that is known`);
  if (value === missing && name !== 'IsPresent')
    throw runtimeError(
      `Invalid path '${path}': The choice state's condition path references an invalid value.`,
    );
  const operand = rule[name];
  return comparison(value, name.endsWith('Path') ? readPath(String(operand), scope, name) : operand);
}
