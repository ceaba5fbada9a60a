/** The paths with which EventBridge and CloudWatch Logs point into a document: `$.a.b[0]['c']`. */

/** The steps of a path; `$` alone has none. */
export const pathSteps = (path: string): string[] =>
  [...path.matchAll(/\.?\[\s*["']?([^"'\]]+)["']?\s*\]|\.([^.[\]]+)/g)].map(
    ([, bracketed, dotted]) => bracketed ?? dotted ?? '',
  );

/** Undefined where the path leads nowhere. */
export function valueAt(document: unknown, steps: readonly string[]): unknown {
  let value = document;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
