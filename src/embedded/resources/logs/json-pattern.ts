/** JSON filter patterns: `{ ($.a.b = "x*" || $.c[0] > 3) && $.d IS NULL }`. */
import { pathSteps, valueAt } from '../json-path.ts';
import { regularExpression, unreadable } from './filter-pattern.ts';

type Test = (document: unknown) => boolean;
type ValueTest = (value: unknown) => boolean;

const token =
  /\s*(&&|\|\||[(){}]|!=|<=|>=|[=<>]|"(?:[^"\\]|\\.)*"|%[^%]+%|\$(?:\.?\[[^\]]+\]|\.[^\s.[\]=!<>&|(){}]+)*|[^\s=!<>&|(){}]+)/y;

/** Throws AwsError InvalidParameterException. */
export function parseJsonPattern(pattern: string): Test {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < pattern.trimEnd().length) {
    const match = token.exec(pattern);
    if (!match?.[1]) throw unreadable(pattern, 'it can not be read');
    tokens.push(match[1]);
  }
  let position = 0;
  const next = (): string | undefined => tokens[position++];
  const expect = (wanted: string): void => {
    if (next() !== wanted) throw unreadable(pattern, `${wanted} expected`);
  };

  const either = (): Test => {
    const tests = [both()];
    while (tokens[position] === '||') {
      position += 1;
      tests.push(both());
    }
    return (document) => tests.some((test) => test(document));
  };
  const both = (): Test => {
    const tests = [condition()];
    while (tokens[position] === '&&') {
      position += 1;
      tests.push(condition());
    }
    return (document) => tests.every((test) => test(document));
  };
  const condition = (): Test => {
    if (tokens[position] === '(') {
      position += 1;
      const inner = either();
      expect(')');
      return inner;
    }
    const selector = next();
    if (!selector?.startsWith('$')) throw unreadable(pattern, 'a selector such as $.name expected');
    const path = pathSteps(selector);
    const test = comparison(next() ?? '', next() ?? '', pattern);
    return (document) => test(valueAt(document, path));
  };

  expect('{');
  const test = either();
  expect('}');
  if (position < tokens.length) throw unreadable(pattern, 'text after the closing brace');
  return test;
}

function comparison(operator: string, operand: string, pattern: string): ValueTest {
  switch (`${operator} ${operand}`.toUpperCase()) {
    case 'IS NULL':
      return (value) => value === null;
    case 'IS TRUE':
      return (value) => value === true;
    case 'IS FALSE':
      return (value) => value === false;
    case 'NOT EXISTS':
      return (value) => value === undefined;
  }
  if (operand === '') throw unreadable(pattern, 'a value expected');
  if (operator === '=') return equality(operand);
  if (operator === '!=') {
    const equals = equality(operand);
    return (value) => value !== undefined && !equals(value);
  }
  const bound = Number(operand);
  if (Number.isNaN(bound)) throw unreadable(pattern, `${operator} compares numbers`);
  const compare: Record<string, (value: number) => boolean> = {
    '<': (value) => value < bound,
    '<=': (value) => value <= bound,
    '>': (value) => value > bound,
    '>=': (value) => value >= bound,
  };
  const test = compare[operator];
  if (!test) throw unreadable(pattern, `${operator} is no comparison`);
  return (value) => typeof value === 'number' && test(value);
}

function equality(operand: string): ValueTest {
  if (operand.startsWith('%')) {
    const regular = regularExpression(operand.slice(1, -1));
    return (value) => typeof value === 'string' && regular.test(value);
  }
  const quoted = operand.startsWith('"');
  const text = quoted ? operand.slice(1, -1).replace(/\\(.)/g, '$1') : operand;
  const number = quoted || text.includes('*') ? Number.NaN : Number(text);
  const parts = text.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const wildcard = new RegExp(`^${parts.join('[^]*')}$`);
  return (value) => {
    if (typeof value === 'number')
      return Number.isNaN(number) ? wildcard.test(String(value)) : value === number;
    if (typeof value === 'string') return wildcard.test(value);
    return typeof value === 'boolean' && String(value) === text;
  };
}
