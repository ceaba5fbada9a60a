/** Reads a Dockerfile: instructions with their lines, continuations joined, comments dropped. */

export interface Instruction {
  /** Upper case, e.g. `COPY`. */
  name: string;
  /** `--from=build` as `from: 'build'`. */
  flags: Record<string, string>;
  /** What follows the flags, as it stands. */
  rest: string;
  line: number;
}

/** A problem of a Dockerfile, with its line. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  constructor(line: number, message: string) {
    super(`Dockerfile:${line}: ${message}`);
  }
}

export function parseDockerfile(text: string): Instruction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const continuation = /^#\s*escape\s*=\s*`/im.test(lines[0] ?? '') ? '`' : '\\';
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let logical = (lines[index] ?? '').trim();
    if (!logical || logical.startsWith('#')) continue;
    while (logical.endsWith(continuation)) {
      index++;
      logical = logical.slice(0, -1);
      // Comments and empty lines within a continuation are skipped.
      while (index < lines.length && /^\s*(#.*)?$/.test(lines[index] ?? '')) index++;
      logical += lines[index]?.trimEnd() ?? '';
      if (index >= lines.length) break;
    }
    instructions.push(instruction(logical, line));
  }
  return instructions;
}

function instruction(text: string, line: number): Instruction {
  const match = /^([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text.trim());
  if (!match?.[1]) throw new DockerfileError(line, `not an instruction: ${text.trim()}`);
  const name = match[1].toUpperCase();
  let rest = (match[2] ?? '').trim();
  const flags: Record<string, string> = {};
  for (;;) {
    const flag = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(rest);
    if (!flag?.[1]) break;
    flags[flag[1]] = flag[2] ?? 'true';
    rest = rest.slice(flag[0].length).trim();
  }
  return { name, flags, rest, line };
}

/** Exec form (a JSON list) or shell form, which a shell runs. */
export function commandOf(rest: string, shell: readonly string[]): string[] {
  const list = jsonList(rest);
  return list ?? [...shell, rest];
}

/** A JSON list of strings, or undefined. */
export function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  } catch {
    // Docker takes it for the shell form, too.
  }
  return undefined;
}

/** Splits at blanks; quotes group and are removed, as in ENV and LABEL. */
export function words(text: string): string[] {
  const found: string[] = [];
  const pattern = /(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"'\\]|\\.)+))(\s*)/y;
  let word = '';
  let open = false;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    word += match[1]?.replace(/\\(["\\$])/g, '$1') ?? match[2] ?? match[3]?.replace(/\\(.)/g, '$1') ?? '';
    open = true;
    if (match[4]) {
      found.push(word);
      word = '';
      open = false;
    }
  }
  if (open) found.push(word);
  return found;
}

/** `a=1 b="2 3"`, or the old form `a 1`. */
export function assignments(text: string): [string, string][] {
  const parts = words(text);
  if (!/^[^\s=]+=/.test(text)) {
    const match = /^(\S+)\s+([\s\S]*)$/.exec(text);
    return match?.[1] ? [[match[1], match[2] ?? '']] : [];
  }
  return parts.map((part) => {
    const cut = part.indexOf('=');
    return [part.slice(0, cut), part.slice(cut + 1)];
  });
}

/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(
    /\\\$|\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g,
    (whole, plain?: string, braced?: string, sign?: string, other?: string) => {
      if (whole === '\\$') return '$';
      const value = values[plain ?? braced ?? ''];
      if (sign === '-') return value || (other ?? '');
      if (sign === '+') return value ? (other ?? '') : '';
      return value ?? '';
    },
  );
}
