/** Values that programs stumble over, and ordinary ones among them. */
import fc, { type Arbitrary } from 'fast-check';

/** Names that things are made under, so that later cases find them; words that are names in JavaScript; and worse. */
const known = [
  'fuzz',
  'fuzz-1',
  'Fuzz',
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  'NaN',
  'true',
  'null',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '*',
  '..',
  '../../../../etc/passwd',
  '/',
  '//',
  '%',
  '%00',
  '%2e%2e%2f',
  '\u0000',
  '\r\n',
  '\ud800',
  '\u202e',
  'ﬁ',
  'İ',
  '${x}',
  '{{resolve:ssm:fuzz}}',
  '$.a[*]..b',
  '^(a+)+$',
  `${'a'.repeat(40)}!`,
  '<a>&amp;',
  ']]>',
  "'; DROP TABLE x --",
  '(a+)+$',
  '[',
  '{"a":1}',
  'arn:aws:iam::000000000000:role/fuzz',
  'arn:aws:lambda:us-east-1:000000000000:function:fuzz',
  'arn:aws:states:us-east-1:000000000000:stateMachine:fuzz',
  'arn:',
  'arn:::::',
  'http://127.0.0.1:1/x',
  '2026-01-31T00:00:00Z',
  '0000-00-00',
  'rate(1 minute)',
  'cron(* * * * ? *)',
  '10.0.0.0/16',
  '999.999.999.999/99',
];

export const badText: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...known) },
  { weight: 3, arbitrary: fc.string({ maxLength: 24 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 24 }) },
  { weight: 1, arbitrary: fc.constantFrom('a'.repeat(300), '😀'.repeat(1_100), 'x,'.repeat(5_000)) },
);

export const badNumber: Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, 1e21, -1e21, Number.MAX_SAFE_INTEGER, 2 ** 31, 2 ** 53, 5e-324),
  fc.integer({ min: -10, max: 1_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

export const badValue: Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: badText },
  { weight: 2, arbitrary: badNumber },
  { weight: 2, arbitrary: fc.constantFrom<unknown[]>(null, true, false, {}, [], [null], [[]], { a: null }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as Arbitrary<unknown> },
);

/** JSON that is deeper than any program should follow. */
export const deepJson = (depth: number, open = '[', close = ']'): string =>
  open.repeat(depth) + close.repeat(depth);

/** One change to a document: a value anywhere in it replaced, removed, or a key added. */
export interface Change {
  /** Which of all places, counted round. */
  at: number;
  kind: 'replace' | 'remove' | 'add' | 'swap';
  key: string;
  value: unknown;
}

export const change: Arbitrary<Change> = fc.record({
  at: fc.nat({ max: 1_000_000 }),
  kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'swap'),
  key: badText,
  value: badValue,
});

/** A copy of the JSON document with the changes made. */
export function changed(document: unknown, changes: readonly Change[]): unknown {
  const root = { document: structuredClone(document) };
  for (const { at, kind, key, value: given } of changes) {
    const value = structuredClone(given);
    const places: [container: Record<string, unknown>, key: string][] = [];
    const walk = (container: Record<string, unknown>): void => {
      for (const [name, inner] of Object.entries(container)) {
        places.push([container, name]);
        if (typeof inner === 'object' && inner !== null) walk(inner as Record<string, unknown>);
      }
    };
    walk(root);
    const place = places[at % places.length];
    if (!place) continue;
    const [container, name] = place;
    const put = (target: Record<string, unknown>, as: string, what: unknown): void => {
      Object.defineProperty(target, as, {
        value: what,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    };
    if (kind === 'replace') put(container, name, value);
    else if (kind === 'remove') {
      if (Array.isArray(container)) container.splice(Number(name), 1);
      else if (container !== (root as unknown)) delete container[name];
    } else if (kind === 'add') {
      const inner = container[name];
      if (Array.isArray(inner)) inner.push(value);
      else if (typeof inner === 'object' && inner !== null) put(inner as Record<string, unknown>, key, value);
      else put(container, name, value);
    } else {
      const other = places[(at * 7919) % places.length];
      if (other) put(container, name, structuredClone(other[0][other[1]]));
    }
  }
  return root.document;
}
