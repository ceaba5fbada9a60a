/** IAM's wildcards and policy variables: `*`, `?`, `${key}`, `${key, 'default'}`, `${*}` `${?}` `${$}`. */
import { anyOne, anyRun, type WildcardPiece, wildcardTest } from '../wildcard.ts';

/** Values of one condition key in a request; undefined when the request doesn't carry the key. Keys are lower case. */
export type Lookup = (key: string) => readonly string[] | undefined;

/** A compiled pattern; with variables it needs the request's context. */
export interface Pattern {
  matches(value: string, lookup: Lookup): boolean;
  /** Matches every value, whatever the request. */
  readonly any: boolean;
}

type Piece = { text: string } | { wildcard: '*' | '?' } | { key: string; fallback: string | undefined };

/** Splits at variables; policies of version 2008-10-17 have none. */
function pieces(source: string, wildcards: boolean, variables: boolean): Piece[] {
  const found: Piece[] = [];
  const pushText = (text: string): void => {
    if (!wildcards) {
      if (text) found.push({ text });
      return;
    }
    for (const part of text.split(/([*?])/)) {
      if (part === '*' || part === '?') found.push({ wildcard: part });
      else if (part) found.push({ text: part });
    }
  };
  if (!variables) {
    pushText(source);
    return found;
  }
  let position = 0;
  for (const match of source.matchAll(/\$\{([^}]*)\}/g)) {
    pushText(source.slice(position, match.index));
    position = match.index + match[0].length;
    const inner = (match[1] ?? '').trim();
    if (inner === '*' || inner === '?' || inner === '$') {
      found.push({ text: inner });
      continue;
    }
    const withDefault = /^(.+?)\s*,\s*'(.*)'$/.exec(inner);
    found.push({ key: (withDefault?.[1] ?? inner).toLowerCase(), fallback: withDefault?.[2] });
  }
  pushText(source.slice(position));
  return found;
}

const never: Pattern['matches'] = () => false;

/** The text a variable stands for: only a key with exactly one value can be one. */
function resolve(piece: { key: string; fallback: string | undefined }, lookup: Lookup): string | undefined {
  const values = lookup(piece.key);
  return values?.length === 1 ? values[0] : piece.fallback;
}

/**
 * Compiles one pattern. A variable that the request can't fill makes the pattern match nothing
 * (docs.aws.amazon.com, "IAM policy elements: variables and tags", policy variables with no value).
 */
export function compilePattern(
  source: string,
  options: { wildcards: boolean; ignoreCase?: boolean; variables: boolean },
): Pattern {
  const parts = pieces(source, options.wildcards, options.variables);
  const ignoreCase = options.ignoreCase ?? false;
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  if (parts.every((piece) => 'wildcard' in piece && piece.wildcard === '*') && parts.length > 0)
    return { matches: () => true, any: true };
  const variable = parts.some((piece) => 'key' in piece);
  const wild = parts.some((piece) => 'wildcard' in piece);
  if (!wild && !variable) {
    const text = fold(parts.map((piece) => ('text' in piece ? piece.text : '')).join(''));
    return { matches: (value) => fold(value) === text, any: false };
  }
  if (!wild) {
    return {
      any: false,
      matches(value, lookup) {
        let text = '';
        for (const piece of parts) {
          const next = 'text' in piece ? piece.text : 'key' in piece ? resolve(piece, lookup) : '';
          if (next === undefined) return false;
          text += next;
        }
        return fold(value) === fold(text);
      },
    };
  }
  const testFor = (lookup: Lookup | undefined): ((value: string) => boolean) | undefined => {
    const known: WildcardPiece[] = [];
    for (const piece of parts) {
      if ('text' in piece) known.push(piece.text);
      else if ('wildcard' in piece) known.push(piece.wildcard === '*' ? anyRun : anyOne);
      else {
        const value = lookup && resolve(piece, lookup);
        if (value === undefined) return undefined;
        known.push(value);
      }
    }
    return wildcardTest(known, ignoreCase);
  };
  if (!variable) return { matches: testFor(undefined) ?? never, any: false };
  return { any: false, matches: (value, lookup) => testFor(lookup)?.(value) ?? false };
}

const sixParts = (parts: readonly string[]): readonly string[] | undefined =>
  parts.length < 6 || parts[0] !== 'arn' ? undefined : [...parts.slice(0, 5), parts.slice(5).join(':')];

/** Splits an ARN into its six parts; the resource part keeps its colons. Undefined when it is no ARN. */
export const arnParts = (text: string): readonly string[] | undefined => sixParts(text.split(':'));

/** An ARN pattern: each of the six parts is matched on its own, so that a wildcard does not reach across them. */
export function compileArn(source: string, variables: boolean): Pattern {
  const options = { wildcards: true, variables };
  // A variable's own colons don't part the ARN.
  const parts = sixParts(source.split(/:(?![^{}]*\})/));
  if (!parts) {
    // Not an ARN: `*`, or a variable that may stand for a whole one. An ARN with parts missing matches none.
    return source.startsWith('arn:') ? { matches: never, any: false } : compilePattern(source, options);
  }
  const patterns = parts.map((part) => compilePattern(part, options));
  return {
    any: false,
    matches(value, lookup) {
      const actual = arnParts(value);
      return actual?.every((part, n) => patterns[n]?.matches(part, lookup)) ?? false;
    },
  };
}
