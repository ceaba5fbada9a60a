/**
 * Documents from outside are followed by functions that call themselves at each level. A bound on the levels, far above
 * what anybody writes and far below what the stack holds, refuses the others for that reason and not for whatever breaks first.
 */

/** Levels of objects and lists. AWS's own bounds are lower where they are published: 32 in a DynamoDB item. */
export const maxNesting = 200;

/** JSON.parse for text from outside. Throws a SyntaxError, also for a document with more than {@link maxNesting} levels. */
export function parseJson(text: string): unknown {
  const document: unknown = JSON.parse(text);
  refuseNesting(document);
  return document;
}

/** Throws a SyntaxError for a document with more than {@link maxNesting} levels. A value with a circle in it has no end of them. */
export function refuseNesting(document: unknown): void {
  let level: object[] = isContainer(document) ? [document] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxNesting) throw tooDeep();
    const next = new Set<object>();
    for (const container of level)
      for (const inner of Object.values(container)) if (isContainer(inner)) next.add(inner);
    level = [...next];
  }
}

const tooDeep = (): SyntaxError =>
  new SyntaxError(`the document is nested more than ${maxNesting} levels deep`);

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Does an XML text open more than {@link maxNesting} elements in each other? Comments and CDATA may count in; that does no harm. */
export function isNestedXml(text: string): boolean {
  let depth = 0;
  for (const [, closing, empty] of text.matchAll(/<(\/)?[^!?<>/][^<>]*?(\/)?>/g)) {
    if (closing !== undefined) depth -= 1;
    else if (empty === undefined) depth += 1;
    if (depth > maxNesting) return true;
  }
  return false;
}

/** Throws a SyntaxError for a YAML text whose parser would call itself deeper than {@link maxNesting} allows several times over. */
export function refuseYamlNesting(text: string): void {
  // Block collections on one line (`- - - x`); on lines of their own each level costs an indentation, so that the text's size bounds them.
  if (/(?:[-?:][ \t]+){200}/.test(text)) throw tooDeep();
  let depth = 0;
  for (const char of text.match(/[[\]{}]/g) ?? []) {
    depth = char === '[' || char === '{' ? depth + 1 : Math.max(0, depth - 1);
    // Brackets in plain text count in, which only a text that is full of unclosed ones would feel.
    if (depth > maxNesting * 4) throw tooDeep();
  }
}
