/**
 * JSONPath as Step Functions uses it: children, indexes, slices, unions, wildcards, descendants and filters. A path that
 * may lead to several places gives a list. Filters may compare with a bare word (`[?(@.Name==bucket)]`), as there.
 */

/** The path is no JSONPath, or uses what this evaluator does not have. */
export class PathSyntaxError extends Error {
  override readonly name = 'PathSyntaxError';
}

type Test = (item: unknown, root: unknown) => boolean;
type Operand = (item: unknown, root: unknown) => unknown;

type Step =
  | { kind: 'names'; names: readonly string[] }
  | { kind: 'indexes'; indexes: readonly number[] }
  | { kind: 'slice'; from: number | undefined; to: number | undefined; by: number }
  | { kind: 'all' }
  | { kind: 'descendants' }
  | { kind: 'filter'; test: Test };

export interface Path {
  /** Leads to one place at most. */
  definite: boolean;
  steps: readonly Step[];
}

/** Nothing is there; unlike null, which may be. */
export const missing = Symbol('missing');

const parsed = new Map<string, Path>();

/** `text` begins with `$`. Throws a PathSyntaxError. */
export function parsePath(text: string): Path {
  const known = parsed.get(text);
  if (known) return known;
  const reader = new Reader(text);
  reader.expect('$');
  const path = readSteps(reader);
  if (!reader.done) reader.fail();
  if (parsed.size > 1000) parsed.clear();
  parsed.set(text, path);
  return path;
}

/** The value at a definite path or {@link missing}; the list of values at another. */
export function valueAtPath(path: Path, root: unknown): unknown {
  const values = select(path.steps, root, root);
  if (!path.definite) return values;
  return values.length === 0 ? missing : values[0];
}

function select(steps: readonly Step[], start: unknown, root: unknown): unknown[] {
  let values = [start];
  for (const step of steps) values = values.flatMap((value) => take(step, value, root));
  return values;
}

function take(step: Step, value: unknown, root: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (step.kind) {
    case 'names':
      return step.names.flatMap((name) =>
        !Array.isArray(value) && Object.hasOwn(value, name) ? [(value as Record<string, unknown>)[name]] : [],
      );
    case 'indexes':
      return step.indexes.flatMap((index) => {
        const items = Array.isArray(value) ? (value as unknown[]) : [];
        const at = index < 0 ? items.length + index : index;
        return at in items ? [items[at]] : [];
      });
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_, index) => index % step.by === 0)
        : [];
    case 'all':
      return Object.values(value);
    case 'descendants':
      return [value, ...Object.values(value).flatMap((inner) => take(step, inner, root))];
    case 'filter':
      return (Array.isArray(value) ? value : [value]).filter((item) => step.test(item, root));
  }
}

class Reader {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }
  get done(): boolean {
    return this.#at >= this.#text.length;
  }
  /** What the sticky expression matches here; the reader is behind it then. */
  match(expression: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(expression.source, 'y');
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (!found) return undefined;
    this.#at = sticky.lastIndex;
    return found;
  }
  skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
  expect(text: string): void {
    if (!this.skip(text)) this.fail();
  }
  blank(): void {
    this.match(/\s*/);
  }
  fail(): never {
    throw new PathSyntaxError(`'${this.#text}' is not a JSONPath: see position ${this.#at + 1}`);
  }
}

function readSteps(reader: Reader): Path {
  const steps: Step[] = [];
  for (;;) {
    if (reader.skip('..')) {
      steps.push({ kind: 'descendants' });
      if (reader.skip('[')) steps.push(readBracket(reader));
      else steps.push(readName(reader));
    } else if (reader.skip('.')) steps.push(readName(reader));
    else if (reader.skip('[')) steps.push(readBracket(reader));
    else break;
  }
  const definite = steps.every(
    (step) =>
      (step.kind === 'names' && step.names.length === 1) ||
      (step.kind === 'indexes' && step.indexes.length === 1),
  );
  return { definite, steps };
}

function readName(reader: Reader): Step {
  if (reader.skip('*')) return { kind: 'all' };
  const [name] = reader.match(/[^\s.[\]()'",=!<>&|*?@$]+/) ?? reader.fail();
  return { kind: 'names', names: [name] };
}

/** What follows `[`, with its `]`. */
function readBracket(reader: Reader): Step {
  reader.blank();
  const step = readSelector(reader);
  reader.blank();
  reader.expect(']');
  return step;
}

function readSelector(reader: Reader): Step {
  if (reader.skip('*')) return { kind: 'all' };
  if (reader.skip('?')) {
    reader.blank();
    reader.expect('(');
    const test = readEither(reader);
    reader.blank();
    reader.expect(')');
    return { kind: 'filter', test };
  }
  const slice = reader.match(/(-?\d+)?\s*:\s*(-?\d+)?(?:\s*:\s*(\d+))?/);
  if (slice) {
    const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
    return { kind: 'slice', from: number(slice[1]), to: number(slice[2]), by: Number(slice[3] ?? 1) || 1 };
  }
  const names: string[] = [];
  const indexes: number[] = [];
  do {
    reader.blank();
    const index = reader.match(/-?\d+/);
    if (index) indexes.push(Number(index[0]));
    else names.push(readQuoted(reader) ?? reader.fail());
    reader.blank();
  } while (reader.skip(','));
  if (names.length > 0 && indexes.length > 0) reader.fail();
  return names.length > 0 ? { kind: 'names', names } : { kind: 'indexes', indexes };
}

function readQuoted(reader: Reader): string | undefined {
  const found = reader.match(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/);
  return found && (found[1] ?? found[2] ?? '').replace(/\\(.)/g, '$1');
}

function readEither(reader: Reader): Test {
  const tests = [readBoth(reader)];
  for (reader.blank(); reader.skip('||'); reader.blank()) tests.push(readBoth(reader));
  return (item, root) => tests.some((test) => test(item, root));
}

function readBoth(reader: Reader): Test {
  const tests = [readTest(reader)];
  for (reader.blank(); reader.skip('&&'); reader.blank()) tests.push(readTest(reader));
  return (item, root) => tests.every((test) => test(item, root));
}

function readTest(reader: Reader): Test {
  reader.blank();
  if (reader.skip('(')) {
    const test = readEither(reader);
    reader.blank();
    reader.expect(')');
    return test;
  }
  if (reader.match(/!(?!=)/)) {
    const test = readTest(reader);
    return (item, root) => !test(item, root);
  }
  const left = readOperand(reader);
  reader.blank();
  const operator = reader.match(/==|!=|<=|>=|<|>/)?.[0];
  if (operator === undefined) return (item, root) => left(item, root) !== missing;
  reader.blank();
  const right = readOperand(reader);
  return (item, root) => compare(operator, left(item, root), right(item, root));
}

function compare(operator: string, left: unknown, right: unknown): boolean {
  const same = left === right || JSON.stringify(left) === JSON.stringify(right);
  if (operator === '==') return left !== missing && right !== missing && same;
  if (operator === '!=') return left === missing || right === missing || !same;
  const ordered =
    (typeof left === 'number' && typeof right === 'number') ||
    (typeof left === 'string' && typeof right === 'string');
  if (!ordered) return false;
  const [a, b] = [left as number, right as number];
  return operator === '<' ? a < b : operator === '<=' ? a <= b : operator === '>' ? a > b : a >= b;
}

function readOperand(reader: Reader): Operand {
  const start = reader.match(/[@$]/)?.[0];
  if (start !== undefined) {
    const path = readSteps(reader);
    return (item, root) => valueAtPath(path, start === '@' ? item : root);
  }
  const quoted = readQuoted(reader);
  if (quoted !== undefined) return () => quoted;
  const number = reader.match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-])/);
  if (number) return () => Number(number[0]);
  const [word] = reader.match(/[\w-]+/) ?? reader.fail();
  const literal = ({ true: true, false: false, null: null } as Record<string, unknown>)[word];
  return () => (literal === undefined ? word : literal);
}
