/** How data flows through a state: InputPath, Parameters, ResultSelector, ResultPath, OutputPath. */
import { runtimeError } from './errors.ts';
import { evaluateIntrinsic } from './intrinsics.ts';
import { missing, PathSyntaxError, parsePath, valueAtPath } from './json-path.ts';

/** What paths may look at: the state's data by `$`, the context object by `$$`. */
export interface Scope {
  data: unknown;
  context: Readonly<Record<string, unknown>>;
}

/** Throws a StatesError States.Runtime when there is nothing. `field` names who asks. */
export function readPath(path: string, scope: Scope, field: string): unknown {
  const value = valueOrMissing(path, scope);
  if (value === missing)
    throw runtimeError(
      `The JSONPath '${path}' specified for the field '${field}' could not be found in the input '${JSON.stringify(path.startsWith('$$') ? scope.context : scope.data)}'`,
    );
  return value;
}

/** {@link missing} where the path leads nowhere. */
export function valueOrMissing(path: string, scope: Scope): unknown {
  try {
    return path.startsWith('$$')
      ? valueAtPath(parsePath(path.slice(1)), scope.context)
      : valueAtPath(parsePath(path), scope.data);
  } catch (error) {
    if (error instanceof PathSyntaxError) throw runtimeError(error.message);
    throw error;
  }
}

/** InputPath and OutputPath: null stands for an empty object. */
export const throughPath = (path: string | null | undefined, scope: Scope, field: string): unknown =>
  path === null ? {} : path === undefined || path === '$' ? scope.data : readPath(path, scope, field);

/** Parameters, ResultSelector, ItemSelector: a field `x.$` is replaced by what its path or intrinsic function gives. */
export function fillTemplate(template: unknown, scope: Scope): unknown {
  if (Array.isArray(template)) return template.map((item) => fillTemplate(item, scope));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) =>
      name.endsWith('.$')
        ? [name.slice(0, -2), readExpression(String(value), scope, name)]
        : [name, fillTemplate(value, scope)],
    ),
  );
}

const readExpression = (text: string, scope: Scope, field: string): unknown =>
  text.startsWith('$')
    ? readPath(text, scope, field)
    : evaluateIntrinsic(text, (path) => readPath(path, scope, field));

/** ResultPath: puts the result into the raw input. null drops the result, `$` the input. */
export function withResult(input: unknown, result: unknown, path: string | null | undefined): unknown {
  if (path === null) return input;
  if (path === undefined || path === '$') return result;
  const { definite, steps } = parsePath(path);
  const root: unknown = structuredClone(input ?? {});
  let at = root;
  for (const [index, step] of steps.entries()) {
    const key = step.kind === 'names' ? step.names[0] : step.kind === 'indexes' ? step.indexes[0] : undefined;
    if (!definite || key === undefined || typeof at !== 'object' || at === null)
      throw runtimeError(`Unable to apply ReferencePath ${path} to input ${JSON.stringify(input)}`);
    const place = at as Record<string | number, unknown>;
    if (index === steps.length - 1) place[key] = result;
    else {
      const inner = place[key];
      if (typeof inner !== 'object' || inner === null) place[key] = {};
      at = place[key];
    }
  }
  return root;
}
