/** What a template's values refer to: the edges of the dependency graph, found without evaluating anything. */
import { isObject } from './model.ts';

export type Reference =
  | { kind: 'Ref'; name: string }
  | { kind: 'GetAtt'; name: string; attribute: string }
  | { kind: 'Condition'; name: string }
  | { kind: 'FindInMap'; name: string };

/** `${Name}` or `${Name.Attribute}` in a Fn::Sub; `${!Literal}` is text. */
export const subPattern = /\$\{(!?)([^{}]*)\}/g;

/** Splits `Name.Dotted.Attribute` at its first dot. */
export function splitAttribute(text: string): { name: string; attribute: string | undefined } {
  const dot = text.indexOf('.');
  return dot < 0
    ? { name: text, attribute: undefined }
    : { name: text.slice(0, dot), attribute: text.slice(dot + 1) };
}

/** All references in a value, at any depth. */
export function referencesIn(value: unknown): Reference[] {
  const found: Reference[] = [];
  collect(value, found);
  return found;
}

function collect(value: unknown, found: Reference[]): void {
  if (Array.isArray(value)) {
    for (const entry of value) collect(entry, found);
    return;
  }
  if (!isObject(value)) return;
  const keys = Object.keys(value);
  const key = keys.length === 1 ? keys[0] : undefined;
  const argument = key === undefined ? undefined : value[key];
  switch (key) {
    case 'Ref':
      if (typeof argument === 'string') found.push({ kind: 'Ref', name: argument });
      return;
    case 'Condition':
      // Only as the operand of a condition function; in a policy statement `Condition` holds an object.
      if (typeof argument === 'string') found.push({ kind: 'Condition', name: argument });
      else collect(argument, found);
      return;
    case 'Fn::GetAtt':
      collectGetAtt(argument, found);
      return;
    case 'Fn::Sub':
      collectSub(argument, found);
      return;
    case 'Fn::If':
      if (Array.isArray(argument) && typeof argument[0] === 'string')
        found.push({ kind: 'Condition', name: argument[0] });
      break;
    case 'Fn::FindInMap':
      if (Array.isArray(argument) && typeof argument[0] === 'string')
        found.push({ kind: 'FindInMap', name: argument[0] });
      break;
    default:
  }
  for (const entry of Object.values(value)) collect(entry, found);
}

function collectGetAtt(argument: unknown, found: Reference[]): void {
  if (typeof argument === 'string') {
    const { name, attribute } = splitAttribute(argument);
    found.push({ kind: 'GetAtt', name, attribute: attribute ?? '' });
  } else if (Array.isArray(argument) && typeof argument[0] === 'string') {
    const attribute: unknown = argument[1];
    found.push({
      kind: 'GetAtt',
      name: argument[0],
      attribute: typeof attribute === 'string' ? attribute : '',
    });
    collect(attribute, found);
  }
}

function collectSub(argument: unknown, found: Reference[]): void {
  const [text, variables] = Array.isArray(argument) ? (argument as unknown[]) : [argument, undefined];
  if (typeof text !== 'string') return;
  for (const [, literal, inner = ''] of text.matchAll(subPattern)) {
    if (literal) continue;
    const expression = inner.trim();
    if (isObject(variables) && expression in variables) continue;
    const { name, attribute } = splitAttribute(expression);
    found.push(attribute === undefined ? { kind: 'Ref', name } : { kind: 'GetAtt', name, attribute });
  }
  collect(variables, found);
}
