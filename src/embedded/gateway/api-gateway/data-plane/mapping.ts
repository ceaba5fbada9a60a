/** Mapping expressions of request parameters, and the simple form of templates: `$context.x` and `$stageVariables.x` filled in. */
import type { Exchange } from './exchange.ts';

export type Source = (exchange: Exchange) => string | undefined;

/** Compiles `'text'`, `method.request.header.X`, `context.authorizer.x`, `stageVariables.x` and so on. */
export function compileSource(expression: string): Source {
  if (/^'.*'$/s.test(expression)) {
    const text = expression.slice(1, -1);
    return () => text;
  }
  const [first = '', second = '', third = '', ...rest] = expression.split('.');
  if (first === 'context') {
    const name = expression.slice('context.'.length);
    return (exchange) => exchange.context(name);
  }
  if (first === 'stageVariables') return (exchange) => exchange.stage.variables[second];
  if (first === 'method' && second === 'request') {
    const name = rest.join('.');
    switch (third) {
      case 'header':
        return (exchange) => exchange.header(name.toLowerCase());
      case 'multivalueheader':
        return (exchange) => exchange.headers.get(name.toLowerCase())?.join(', ');
      case 'querystring':
        return (exchange) => exchange.search.getAll(name).at(-1);
      case 'multivaluequerystring':
        return (exchange) => exchange.search.getAll(name).join(',') || undefined;
      case 'path':
        return (exchange) => exchange.parameters[name];
      default:
        return () => undefined;
    }
  }
  return () => undefined;
}

/** What a template reads. */
export interface TemplateSource {
  context(name: string): string | undefined;
  readonly stage: { readonly variables: Readonly<Record<string, string>> };
}

// Braces come in pairs or not at all: a `}` after a bare variable belongs to the text around it.
const variables =
  /\$(?:\{(context|stageVariables)\.([A-Za-z0-9_.-]*[A-Za-z0-9_])\}|(context|stageVariables)\.([A-Za-z0-9_.-]*[A-Za-z0-9_]))/g;

/** Compiles a text with `$context` and `$stageVariables` in it; `absent` stands for what a request does not have. */
export function compileTemplate(template: string, absent: string): (source: TemplateSource) => string {
  const literals: string[] = [];
  const sources: ((source: TemplateSource) => string | undefined)[] = [];
  let position = 0;
  for (const found of template.matchAll(variables)) {
    literals.push(template.slice(position, found.index));
    position = found.index + found[0].length;
    const name = found[2] ?? found[4] ?? '';
    sources.push(
      (found[1] ?? found[3]) === 'context'
        ? (exchange) => exchange.context(name)
        : (exchange) => exchange.stage.variables[name],
    );
  }
  literals.push(template.slice(position));
  return (exchange) => {
    let text = literals[0] ?? '';
    for (const [index, source] of sources.entries())
      text += (source(exchange) ?? absent) + (literals[index + 1] ?? '');
    return text;
  };
}
