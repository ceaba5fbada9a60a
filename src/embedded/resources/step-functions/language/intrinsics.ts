/** The intrinsic functions of Amazon States Language: `States.Format('{}', $.name)`. */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import { parseJson } from '../../../../model/nesting.ts';
import { runtimeError, StatesError } from './errors.ts';

/** Resolves a path that stands among the arguments. */
export type PathReader = (path: string) => unknown;

type Call = (paths: PathReader) => unknown;

const failed = (message: string): StatesError => new StatesError('States.IntrinsicFailure', message);

/** Evaluates `States.…(…)`. Throws a StatesError: States.IntrinsicFailure for arguments that are wrong. */
export function evaluateIntrinsic(text: string, paths: PathReader): unknown {
  return parseIntrinsic(text)(paths);
}

/** Throws a StatesError when the text is no intrinsic function that there is. */
export function parseIntrinsic(text: string): Call {
  let at = 0;
  const broken = (): never => {
    throw runtimeError(`'${text}' is not a valid intrinsic function`);
  };
  const match = (expression: RegExp): RegExpExecArray | undefined => {
    const sticky = new RegExp(`\\s*(?:${expression.source})`, 'y');
    sticky.lastIndex = at;
    const found = sticky.exec(text);
    if (found) at = sticky.lastIndex;
    return found ?? undefined;
  };
  const readArgument = (): Call => {
    const string = match(/'((?:[^'\\]|\\.)*)'/);
    // The backslashes before braces are Format's own.
    if (string) return () => (string[1] ?? '').replace(/\\(['\\])/g, '$1');
    const number = match(/(-?\d+(?:\.\d+)?)/);
    if (number) return () => Number(number[1]);
    const word = match(/(true|false|null)\b/);
    if (word) return () => JSON.parse(word[1] ?? 'null');
    if (match(/(?=States\.)/)) return readCall();
    const path = readPathText();
    return (paths) => paths(path);
  };
  /** A path ends at a comma or bracket that is not inside brackets or quotes of its own. */
  const readPathText = (): string => {
    match(/(?=\S)/);
    const start = at;
    let depth = 0;
    let quote = '';
    for (; at < text.length; at++) {
      const character = text.charAt(at);
      if (quote) {
        if (character === quote) quote = '';
      } else if (character === "'" || character === '"') quote = character;
      else if ('[('.includes(character)) depth++;
      else if (depth === 0 && ',)'.includes(character)) break;
      else if ('])'.includes(character)) depth--;
    }
    const path = text.slice(start, at).trim();
    return path.startsWith('$') ? path : broken();
  };
  const readCall = (): Call => {
    const name = match(/States\.(\w+)\s*\(/)?.[1] ?? broken();
    const run = functions[name];
    if (!run) throw runtimeError(`the intrinsic function States.${name} does not exist`);
    const args: Call[] = [];
    if (!match(/\)/)) {
      do args.push(readArgument());
      while (match(/,/));
      if (!match(/\)/)) broken();
    }
    return (paths) => {
      try {
        return run(...args.map((argument) => argument(paths)));
      } catch (error) {
        if (error instanceof StatesError) throw error;
        throw failed(`States.${name}: ${(error as Error).message}`);
      }
    };
  };
  const call = readCall();
  if (text.slice(at).trim() !== '') broken();
  return call;
}

const array = (value: unknown): unknown[] => {
  if (!Array.isArray(value)) throw new Error('the argument must be an array');
  return value;
};
const string = (value: unknown): string => {
  if (typeof value !== 'string') throw new Error('the argument must be a string');
  return value;
};
const integer = (value: unknown): number => {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new Error('the argument must be an integer');
  return value;
};
const object = (value: unknown): Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('the argument must be an object');
  return value as Record<string, unknown>;
};
const equal = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);
const hashes: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

const functions: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  Array: (...items) => items,
  ArrayContains: (items, wanted) => array(items).some((item) => equal(item, wanted)),
  ArrayGetItem(items, index) {
    const [list, at] = [array(items), integer(index)];
    if (at < 0 || at >= list.length)
      throw new Error(`the index ${at} is outside of the array, which has ${list.length} items`);
    return list[at];
  },
  ArrayLength: (items) => array(items).length,
  ArrayPartition(items, size) {
    const [list, length] = [array(items), integer(size)];
    if (length < 1) throw new Error('a chunk has one item at least');
    return Array.from({ length: Math.ceil(list.length / length) }, (_, index) =>
      list.slice(index * length, (index + 1) * length),
    );
  },
  ArrayRange(first, last, step) {
    const [from, to, by] = [integer(first), integer(last), integer(step)];
    const length = by === 0 ? 0 : Math.floor((to - from) / by) + 1;
    if (by === 0 || length > 1000) throw new Error('a range has at most 1000 items and a step other than 0');
    return Array.from({ length: Math.max(0, length) }, (_, index) => from + index * by);
  },
  ArrayUnique: (items) =>
    array(items).filter((item, index, all) => all.findIndex((other) => equal(other, item)) === index),
  Base64Decode: (text) => Buffer.from(string(text), 'base64').toString('utf8'),
  Base64Encode: (text) => Buffer.from(string(text)).toString('base64'),
  Format(template, ...values) {
    const rest = [...values];
    const text = string(template).replace(/\\([{}\\])|\{\}/g, (_match, escaped: string | undefined) => {
      if (escaped !== undefined) return escaped;
      if (rest.length === 0) throw new Error('there are fewer arguments than {}');
      const value = rest.shift();
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
    if (rest.length > 0) throw new Error('there are more arguments than {}');
    return text;
  },
  Hash(data, algorithm) {
    const name = hashes[string(algorithm)];
    if (!name) throw new Error(`unknown algorithm ${string(algorithm)}`);
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    return createHash(name).update(text).digest('hex');
  },
  JsonMerge(left, right, deep) {
    if (deep !== false) throw new Error('only shallow merging exists: the third argument must be false');
    return { ...object(left), ...object(right) };
  },
  JsonToString: (value) => JSON.stringify(value),
  MathAdd: (left, right) => integer(left) + integer(right),
  MathRandom: (from, to) => randomInt(integer(from), integer(to)),
  StringSplit: (text, separators) => {
    const any = string(separators).replace(/[\\\]^-]/g, '\\$&');
    return string(text)
      .split(new RegExp(`[${any}]`))
      .filter(Boolean);
  },
  StringToJson: (text) => parseJson(string(text)) as unknown,
  UUID: () => randomUUID(),
};
