/**
 * Texts with wildcards, matched without going back: what stands between two runs is looked for once, leftmost, so that a
 * long text costs its length times the pattern's at most. As regular expressions, `*a*a*a*b` would take a power of it.
 */

/** Any run of characters, an empty one too. */
export const anyRun = Symbol('*');
/** Exactly one character (a UTF-16 unit). */
export const anyOne = Symbol('?');
export type WildcardPiece = string | typeof anyRun | typeof anyOne;

/** What stands between two runs. */
interface Segment {
  length: number;
  at(text: string, position: number): boolean;
  /** The leftmost place from `from` on, or -1. */
  find(text: string, from: number): number;
}

function segmentOf(pieces: readonly (string | typeof anyOne)[]): Segment {
  if (!pieces.includes(anyOne)) {
    const plain = pieces.join('');
    return {
      length: plain.length,
      at: (text, position) => text.startsWith(plain, position),
      find: (text, from) => text.indexOf(plain, from),
    };
  }
  const fixed: { offset: number; part: string }[] = [];
  let length = 0;
  for (const piece of pieces) {
    if (piece !== anyOne) fixed.push({ offset: length, part: piece });
    length += piece === anyOne ? 1 : piece.length;
  }
  const at = (text: string, position: number): boolean =>
    position + length <= text.length &&
    fixed.every(({ offset, part }) => text.startsWith(part, position + offset));
  return {
    length,
    at,
    find(text, from) {
      for (let position = from; position + length <= text.length; position++)
        if (at(text, position)) return position;
      return -1;
    },
  };
}

/** A test of whole texts. */
export function wildcardTest(
  pieces: readonly WildcardPiece[],
  ignoreCase = false,
): (text: string) => boolean {
  const groups: (string | typeof anyOne)[][] = [[]];
  for (const piece of pieces) {
    if (piece === anyRun) groups.push([]);
    else groups.at(-1)?.push(ignoreCase && piece !== anyOne ? piece.toLowerCase() : piece);
  }
  const [first = segmentOf([]), ...others] = groups.map(segmentOf);
  const last = others.pop();
  const inner = others.filter(({ length }) => length > 0);
  return (given) => {
    const text = ignoreCase ? given.toLowerCase() : given;
    if (!first.at(text, 0)) return false;
    if (!last) return text.length === first.length;
    let position = first.length;
    for (const segment of inner) {
      const found = segment.find(text, position);
      if (found < 0) return false;
      position = found + segment.length;
    }
    const end = text.length - last.length;
    return end >= position && last.at(text, end);
  };
}

/** Splits a pattern in which `*` is a run and `?` one character, and nothing escapes them. */
export const wildcardPieces = (pattern: string): WildcardPiece[] =>
  pattern
    .split(/([*?])/)
    .filter((part) => part !== '')
    .map((part) => (part === '*' ? anyRun : part === '?' ? anyOne : part));
