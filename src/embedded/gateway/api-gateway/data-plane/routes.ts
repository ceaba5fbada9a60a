/** Finds the resource that a raw path means: literals before `{parameters}` before `{greedy+}`, segment by segment. */
import { pathParameter } from '../definition.ts';

interface Step<T> {
  literals: Map<string, Step<T>>;
  parameter: { name: string; step: Step<T> } | undefined;
  greedy: { name: string; methods: Map<string, T> } | undefined;
  methods: Map<string, T> | undefined;
}

export interface RouteMatch<T> {
  route: T;
  /** As they stood in the path: nothing is decoded. */
  parameters: Record<string, string>;
}

const newStep = <T>(): Step<T> => ({
  literals: new Map(),
  parameter: undefined,
  greedy: undefined,
  methods: undefined,
});

export class RouteTree<T> {
  readonly #root: Step<T> = newStep();

  /** Methods by path; `ANY` is every other one. */
  constructor(paths: Iterable<readonly [path: string, methods: Map<string, T>]>) {
    for (const [path, methods] of paths) if (methods.size > 0) this.#add(path, methods);
  }

  #add(path: string, methods: Map<string, T>): void {
    let step = this.#root;
    for (const part of path === '/' ? [] : path.slice(1).split('/')) {
      const parameter = pathParameter(part);
      if (parameter?.greedy) {
        step.greedy = { name: parameter.name, methods };
        return;
      }
      if (parameter) {
        step.parameter ??= { name: parameter.name, step: newStep() };
        step = step.parameter.step;
        continue;
      }
      let next = step.literals.get(part);
      if (!next) {
        next = newStep();
        step.literals.set(part, next);
      }
      step = next;
    }
    step.methods = methods;
  }

  /**
   * `path` is raw and begins with a slash. `//`, `%2e` and a trailing slash are what they are: other paths than the one
   * a tidier reader might make of them. Undefined: nothing answers there.
   */
  match(method: string, path: string): RouteMatch<T> | undefined {
    const parameters: Record<string, string> = {};
    const parts = path === '/' ? [] : path.slice(1).split('/');
    const route = find(this.#root, parts, 0, method, parameters);
    return route === undefined ? undefined : { route, parameters };
  }
}

const pick = <T>(methods: Map<string, T>, method: string): T | undefined =>
  methods.get(method) ?? methods.get('ANY');

function find<T>(
  step: Step<T>,
  parts: readonly string[],
  index: number,
  method: string,
  parameters: Record<string, string>,
): T | undefined {
  const part = parts[index];
  if (part === undefined) return step.methods && pick(step.methods, method);
  const literal = step.literals.get(part);
  if (literal) {
    const found = find(literal, parts, index + 1, method, parameters);
    if (found !== undefined) return found;
  }
  if (step.parameter && part !== '') {
    const found = find(step.parameter.step, parts, index + 1, method, parameters);
    if (found !== undefined) {
      parameters[step.parameter.name] = part;
      return found;
    }
  }
  if (step.greedy && part !== '') {
    const found = pick(step.greedy.methods, method);
    if (found !== undefined) {
      parameters[step.greedy.name] = parts.slice(index).join('/');
      return found;
    }
  }
  return undefined;
}
