/** Listener rule conditions: checked when a rule is made, compiled once, evaluated per request. */
import { isIPv4 } from 'node:net';
import type { RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../../platform.ts';
import { wildcardPieces, wildcardTest } from '../../wildcard.ts';
import { quotas } from './quotas.ts';

/** What a request shows to the rules. */
export interface RoutedRequest {
  method: string;
  /** Raw, without the query. */
  path: string;
  /** Raw, without its question mark. */
  query: string;
  /** By lower-case name. */
  header(name: string): string | undefined;
  sourceIp: string;
}
export type Match = (request: RoutedRequest) => boolean;

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

/** `*` is any run of characters, `?` exactly one. */
export function wildcard(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) {
    if (!ignoreCase) return (text) => text === pattern;
    const lower = pattern.toLowerCase();
    return (text) => text.length === lower.length && text.toLowerCase() === lower;
  }
  return wildcardTest(wildcardPieces(pattern), ignoreCase);
}

const anyOf = (values: readonly string[], ignoreCase: boolean): ((text: string) => boolean) => {
  const tests = values.map((value) => wildcard(value, ignoreCase));
  return (text) => tests.some((test) => test(text));
};

/** Values in either spelling: `Values`, or the field's own configuration. */
function valuesOf(condition: RuleCondition): string[] {
  const own = {
    'host-header': condition.HostHeaderConfig?.Values,
    'path-pattern': condition.PathPatternConfig?.Values,
    'http-header': condition.HttpHeaderConfig?.Values,
    'http-request-method': condition.HttpRequestMethodConfig?.Values,
    'source-ip': condition.SourceIpConfig?.Values,
    'query-string': condition.QueryStringConfig?.Values?.map(({ Value = '' }) => Value),
  }[condition.Field ?? ''];
  return own ?? condition.Values ?? [];
}

/** Throws AwsError ValidationError. */
export function checkConditions(conditions: readonly RuleCondition[]): void {
  if (conditions.length === 0) throw invalid('A rule must have at least one condition');
  let values = 0;
  let wildcards = 0;
  const fields = new Set<string>();
  for (const condition of conditions) {
    const { Field = '' } = condition;
    if (
      ![
        'host-header',
        'path-pattern',
        'http-header',
        'http-request-method',
        'source-ip',
        'query-string',
      ].includes(Field)
    )
      throw invalid(`Condition field '${Field}' is not supported`);
    if (fields.has(Field) && Field !== 'http-header' && Field !== 'query-string')
      throw invalid(`A rule can only have one '${Field}' condition`);
    fields.add(Field);
    const regular = condition as {
      RegexValues?: string[];
      PathPatternConfig?: { RegexValues?: string[] };
      HostHeaderConfig?: { RegexValues?: string[] };
      HttpHeaderConfig?: { RegexValues?: string[] };
    };
    if (
      regular.RegexValues ??
      regular.PathPatternConfig?.RegexValues ??
      regular.HostHeaderConfig?.RegexValues ??
      regular.HttpHeaderConfig?.RegexValues
    )
      throw invalid(
        "Regular expressions in conditions are not available in the embedded cloud; use 'Values'",
      );
    const list = valuesOf(condition);
    if (list.length === 0) throw invalid(`A condition value must be specified`);
    for (const value of list) {
      if (value.length > 128)
        throw invalid(`Condition value '${value}' contains more than the allowed 128 characters`);
      if (Field !== 'source-ip' && Field !== 'http-request-method')
        wildcards += value.match(/[*?]/g)?.length ?? 0;
    }
    if (Field === 'http-header') {
      const name = condition.HttpHeaderConfig?.HttpHeaderName ?? '';
      if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}$/.test(name))
        throw invalid(`The header name '${name}' is not valid`);
      if (name.toLowerCase() === 'host') throw invalid("Use the field 'host-header' for the Host header");
    }
    if (Field === 'http-request-method')
      for (const value of list)
        if (!/^[A-Z_-]{1,40}$/.test(value)) throw invalid(`The HTTP request method '${value}' is not valid`);
    if (Field === 'source-ip') for (const value of list) cidr(value);
    values += list.length;
  }
  if (values > quotas.conditionValuesPerRule)
    throw invalid(`A rule can only have '${quotas.conditionValuesPerRule}' condition values`);
  if (wildcards > quotas.wildcardsPerRule)
    throw invalid(`A rule can only have '${quotas.wildcardsPerRule}' condition wildcards`);
}

const addressNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** An IPv4 block as a test; IPv6 blocks match nothing here, where every caller has an IPv4 address. */
function cidr(block: string): (address: string) => boolean {
  const [network = '', bits = ''] = block.split('/');
  if (network.includes(':') && /^\d{1,3}$/.test(bits)) return () => false;
  const length = Number(bits);
  if (!isIPv4(network) || !/^\d{1,2}$/.test(bits) || length > 32)
    throw invalid(`The CIDR block '${block}' is not valid`);
  const size = 2 ** (32 - length);
  const wanted = Math.floor(addressNumber(network) / size);
  return (address) => isIPv4(address) && Math.floor(addressNumber(address) / size) === wanted;
}

function queryMatch(condition: RuleCondition): Match {
  const pairs = (condition.QueryStringConfig?.Values ?? []).map(({ Key, Value = '' }) => ({
    key: Key === undefined ? undefined : wildcard(Key, true),
    value: wildcard(Value, true),
  }));
  return ({ query }) => {
    const given = new URLSearchParams(query);
    for (const [key, value] of given)
      if (pairs.some((pair) => (pair.key ? pair.key(key) : true) && pair.value(value))) return true;
    return false;
  };
}

/** One condition as a test of requests; it has passed {@link checkConditions}. */
export function compileCondition(condition: RuleCondition): Match {
  const values = valuesOf(condition);
  switch (condition.Field) {
    case 'path-pattern': {
      const test = anyOf(values, false);
      return ({ path }) => test(path);
    }
    case 'host-header': {
      const test = anyOf(values, true);
      return (request) => test((request.header('host') ?? '').replace(/:\d+$/, ''));
    }
    case 'http-header': {
      const name = (condition.HttpHeaderConfig?.HttpHeaderName ?? '').toLowerCase();
      const test = anyOf(values, true);
      return (request) => {
        const value = request.header(name);
        return value !== undefined && test(value);
      };
    }
    case 'http-request-method': {
      const methods = new Set(values);
      return ({ method }) => methods.has(method);
    }
    case 'query-string':
      return queryMatch(condition);
    case 'source-ip': {
      const blocks = values.map(cidr);
      return ({ sourceIp }) => blocks.some((block) => block(sourceIp));
    }
    default:
      return () => false;
  }
}
