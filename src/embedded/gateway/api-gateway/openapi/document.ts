/** Access to an OpenAPI document whose shape nobody has checked yet. */

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Follows a `$ref` within the document; an unresolvable one is an empty object. */
export function dereference(document: Json, value: unknown): Json {
  let current = objectOf(value);
  for (let depth = 0; depth < 16; depth++) {
    const reference = textOf(current['$ref']);
    if (reference === undefined) return current;
    if (!reference.startsWith('#/')) return {};
    let found: unknown = document;
    for (const part of reference.slice(2).split('/'))
      found = objectOf(found)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    current = objectOf(found);
  }
  return current;
}

/** The last part of `#/definitions/Pet` or `#/components/schemas/Pet`. */
export const referencedName = (value: unknown): string | undefined =>
  textOf(objectOf(value)['$ref'])?.split('/').at(-1);

/** Texts of a map; numbers and booleans, which YAML makes of plain words, become text. */
export function textMap(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      typeof each === 'string'
        ? each
        : isObject(each) || Array.isArray(each)
          ? JSON.stringify(each)
          : String(each),
    ]),
  );
}
