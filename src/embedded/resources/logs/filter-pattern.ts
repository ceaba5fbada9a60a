/**
 * Filter patterns: terms (`a "b c" -d`), alternatives (`?a ?b`), regular expressions (`%a.b%`) and JSON patterns
 * (`{ $.level = "error" && $.status >= 500 }`). Space-delimited patterns (`[a, b]`) are refused.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */

import { parseJson } from '../../../model/nesting.ts';
import { AwsError } from '../../platform.ts';
import { parseJsonPattern } from './json-pattern.ts';

export type MessageTest = (message: string) => boolean;

/** Throws AwsError InvalidParameterException for a pattern that can't be read. */
export function compileFilter(pattern: string | undefined): MessageTest {
  const text = (pattern ?? '').trim();
  if (text === '') return () => true;
  if (text.startsWith('{')) return jsonTest(text);
  if (text.startsWith('[')) {
    throw unreadable(pattern, 'space-delimited patterns are not implemented');
  }
  const required: MessageTest[] = [];
  const excluded: MessageTest[] = [];
  const optional: MessageTest[] = [];
  for (const [, sign = '', quoted, expression, word] of text.matchAll(
    /([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|(\S+))/g,
  )) {
    const list = sign === '-' ? excluded : sign === '?' ? optional : required;
    if (expression !== undefined) {
      const regular = regularExpression(expression);
      list.push((message) => regular.test(message));
    } else {
      const term = quoted === undefined ? (word ?? '') : quoted.replace(/\\(.)/g, '$1');
      list.push((message) => message.includes(term));
    }
  }
  // Alternatives beside other terms don't count, as on AWS.
  const alternatives = required.length + excluded.length === 0 ? optional : [];
  return (message) =>
    required.every((test) => test(message)) &&
    !excluded.some((test) => test(message)) &&
    (alternatives.length === 0 || alternatives.some((test) => test(message)));
}

function jsonTest(text: string): MessageTest {
  const test = parseJsonPattern(text);
  return (message) => {
    const start = message.trimStart();
    if (!start.startsWith('{') && !start.startsWith('[')) return false;
    try {
      return test(parseJson(start));
    } catch {
      return false;
    }
  };
}

/**
 * CloudWatch Logs user guide, "Supported regular expressions (regex) syntax": no groups, so that none takes exponential time.
 */
const supported = /^(?:\\[\x20-\x7e]|[A-Za-z0-9:_#=@/;,^$?[\]{}|*+.-])*$/;

export function regularExpression(source: string): RegExp {
  if (!supported.test(source))
    throw unreadable(`%${source}%`, 'the regular expression has characters that are not supported');
  try {
    return new RegExp(source);
  } catch {
    throw unreadable(`%${source}%`, 'the regular expression is not valid');
  }
}

export const unreadable = (pattern: string | undefined, why: string): AwsError =>
  new AwsError('InvalidParameterException', `Invalid filter pattern ${JSON.stringify(pattern)}: ${why}`);
