/** Statements of rules, compiled: which requests they match. Sources: AWS WAF's API reference, "Rule statements". */
import type { WafRequest } from '../../platform.ts';
import { AwsError } from '../../platform.ts';
import { managedGroups } from './managed-groups.ts';
import { Rates } from './rates.ts';

/** As the API and templates spell it; a search string is text here. */
export type Statement = Readonly<Record<string, unknown>>;

export interface Compiled {
  matches(request: WafRequest, now: number): boolean;
  /** Web ACL capacity units. */
  capacity: number;
}

export const invalid = (field: string, value: unknown, reason: string): AwsError =>
  new AwsError(
    'WAFInvalidParameterException',
    `Error reason: ${reason}, field: ${field}, parameter: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    400,
    { Field: field, Parameter: JSON.stringify(value), Reason: reason },
  );

const object = (value: unknown): Record<string, unknown> => (value ?? {}) as Record<string, unknown>;
const list = (value: unknown): Record<string, unknown>[] => (value ?? []) as Record<string, unknown>[];

type Compile = (body: Record<string, unknown>) => Compiled;

const compilers: Readonly<Record<string, Compile>> = {
  RateBasedStatement: rateBased,
  ManagedRuleGroupStatement: managed,
  ByteMatchStatement: byteMatch,
  SizeConstraintStatement: sizeConstraint,
  NotStatement(body) {
    const inner = compileStatement(object(body['Statement']));
    return { capacity: inner.capacity, matches: (request, now) => !inner.matches(request, now) };
  },
  AndStatement(body) {
    const inner = several(body);
    return {
      capacity: total(inner),
      matches: (request, now) => inner.every((each) => each.matches(request, now)),
    };
  },
  OrStatement(body) {
    const inner = several(body);
    return {
      capacity: total(inner),
      matches: (request, now) => inner.some((each) => each.matches(request, now)),
    };
  },
};

/** Throws WAFInvalidParameterException; also for a kind of statement that is not here, so that no rule is there in name only. */
export function compileStatement(statement: Statement): Compiled {
  const [kind, ...others] = Object.keys(statement).filter((key) => statement[key] !== undefined);
  if (kind === undefined || others.length > 0)
    throw invalid('STATEMENT', statement, 'A statement must have exactly one kind');
  const compile = compilers[kind];
  if (!compile) throw invalid('STATEMENT', kind, `The embedded cloud has no ${kind}`);
  return compile(object(statement[kind]));
}

const several = (body: Record<string, unknown>): Compiled[] => {
  const inner = list(body['Statements']).map(compileStatement);
  if (inner.length < 2) throw invalid('STATEMENT', body, 'You must specify at least two statements');
  return inner;
};
const total = (parts: readonly Compiled[]): number => parts.reduce((sum, { capacity }) => sum + capacity, 0);

function rateBased(body: Record<string, unknown>): Compiled {
  const limit = Number(body['Limit']);
  if (!(limit >= 10 && limit <= 2_000_000_000))
    throw invalid('RATE_BASED_STATEMENT', limit, 'Limit must be from 10 to 2000000000');
  const window = Number(body['EvaluationWindowSec'] ?? 300);
  if (![60, 120, 300, 600].includes(window))
    throw invalid('RATE_BASED_STATEMENT', window, 'EvaluationWindowSec must be 60, 120, 300 or 600');
  const aggregate = String(body['AggregateKeyType']);
  const scope = body['ScopeDownStatement'] ? compileStatement(object(body['ScopeDownStatement'])) : undefined;
  if (aggregate === 'CONSTANT' && !scope)
    throw invalid('RATE_BASED_STATEMENT', aggregate, 'CONSTANT needs a ScopeDownStatement');
  if (aggregate !== 'IP' && aggregate !== 'CONSTANT')
    throw invalid('RATE_BASED_STATEMENT', aggregate, 'The embedded cloud aggregates by IP or CONSTANT');
  const rates = new Rates(limit, window);
  return {
    capacity: 2 + (scope ? scope.capacity : 0),
    matches(request, now) {
      if (scope && !scope.matches(request, now)) return false;
      return rates.exceeded(aggregate === 'IP' ? request.sourceIp : '', now);
    },
  };
}

function managed(body: Record<string, unknown>): Compiled {
  const name = String(body['Name']);
  const capacity = body['VendorName'] === 'AWS' ? managedGroups[name] : undefined;
  if (capacity === undefined)
    throw invalid('MANAGED_RULE_GROUP_STATEMENT', name, 'There is no such managed rule group');
  return { capacity, matches: () => false };
}

type Field = (request: WafRequest) => string;

function fieldOf(body: Record<string, unknown>): Field {
  const field = object(body['FieldToMatch']);
  const [kind] = Object.keys(field);
  switch (kind) {
    case 'UriPath':
      return ({ path }) => path;
    case 'QueryString':
      return ({ query }) => query;
    case 'Method':
      return ({ method }) => method;
    case 'SingleHeader': {
      const name = String(object(field[kind])['Name']).toLowerCase();
      return ({ header }) => header(name) ?? '';
    }
    default:
      throw invalid(
        'FIELD_TO_MATCH',
        kind,
        'The embedded cloud looks at UriPath, QueryString, Method and SingleHeader',
      );
  }
}

const transformations: Readonly<Record<string, (text: string) => string>> = {
  NONE: (text) => text,
  LOWERCASE: (text) => text.toLowerCase(),
  URL_DECODE: (text) =>
    text.replace(/%([0-9a-f]{2})/gi, (_whole, code) => String.fromCharCode(Number.parseInt(code, 16))),
  COMPRESS_WHITE_SPACE: (text) => text.replace(/\s+/g, ' '),
};

function transformed(body: Record<string, unknown>): Field {
  const field = fieldOf(body);
  const steps = list(body['TextTransformations'])
    .toSorted((left, right) => Number(left['Priority']) - Number(right['Priority']))
    .map(({ Type }) => {
      const step = transformations[String(Type)];
      if (!step)
        throw invalid('TEXT_TRANSFORMATION', Type, `The embedded cloud has no transformation ${Type}`);
      return step;
    });
  if (steps.length === 0)
    throw invalid('TEXT_TRANSFORMATION', [], 'You must specify at least one text transformation');
  return (request) => steps.reduce((text, step) => step(text), field(request));
}

const positions: Readonly<Record<string, (text: string, search: string) => boolean>> = {
  EXACTLY: (text, search) => text === search,
  STARTS_WITH: (text, search) => text.startsWith(search),
  ENDS_WITH: (text, search) => text.endsWith(search),
  CONTAINS: (text, search) => text.includes(search),
  CONTAINS_WORD: (text, search) =>
    text.split(/[^A-Za-z0-9_]+/).includes(search) && /^[A-Za-z0-9_]+$/.test(search),
};

function byteMatch(body: Record<string, unknown>): Compiled {
  const text = transformed(body);
  const position = positions[String(body['PositionalConstraint'])];
  if (!position)
    throw invalid('BYTE_MATCH_STATEMENT', body['PositionalConstraint'], 'There is no such position');
  const search =
    body['SearchStringBase64'] === undefined
      ? String(body['SearchString'] ?? '')
      : Buffer.from(String(body['SearchStringBase64']), 'base64').toString();
  return { capacity: 10, matches: (request) => position(text(request), search) };
}

const comparisons: Readonly<Record<string, (size: number, bound: number) => boolean>> = {
  EQ: (size, bound) => size === bound,
  NE: (size, bound) => size !== bound,
  LE: (size, bound) => size <= bound,
  LT: (size, bound) => size < bound,
  GE: (size, bound) => size >= bound,
  GT: (size, bound) => size > bound,
};

function sizeConstraint(body: Record<string, unknown>): Compiled {
  const text = transformed(body);
  const compare = comparisons[String(body['ComparisonOperator'])];
  if (!compare)
    throw invalid('SIZE_CONSTRAINT_STATEMENT', body['ComparisonOperator'], 'There is no such operator');
  const bound = Number(body['Size']);
  return { capacity: 1, matches: (request) => compare(Buffer.byteLength(text(request)), bound) };
}
