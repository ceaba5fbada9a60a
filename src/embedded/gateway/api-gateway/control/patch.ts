/** PatchOperations: JSON Patch as API Gateway understands it, with text for values and a fixed set of paths a resource. */
import type { PatchOperation } from '@aws-sdk/client-api-gateway';
import { badRequest } from '../definition.ts';

export interface Patch {
  op: 'add' | 'replace' | 'remove';
  /** Empty when none was given. */
  value: string;
  /** What the stars of the path's pattern stand for, `~1` and `~0` decoded. */
  parts: readonly string[];
}

/** A path, with `*` for one segment, and what a patch of it does. */
export type PatchTable = readonly (readonly [path: string, apply: (patch: Patch) => void])[];

const decoded = (segment: string): string => segment.replaceAll('~1', '/').replaceAll('~0', '~');

function match(pattern: string, path: string): string[] | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parts: string[] = [];
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    if (segment === '*') parts.push(decoded(text));
    else if (segment !== text) return undefined;
  }
  return parts;
}

/** Applies patches in turn. Throws AwsError BadRequestException for a path that the table does not have. */
export function applyPatches(operations: readonly PatchOperation[] | undefined, table: PatchTable): void {
  for (const { op = 'replace', path = '', value = '' } of operations ?? []) {
    if (op !== 'add' && op !== 'replace' && op !== 'remove')
      throw badRequest(`Invalid patch operation specified: '${op}'. Must be one of: [add, replace, remove]`);
    let applied = false;
    for (const [pattern, apply] of table) {
      const parts = match(pattern, path);
      if (!parts) continue;
      apply({ op, value, parts });
      applied = true;
      break;
    }
    if (!applied)
      throw badRequest(
        `Invalid patch path '${path}' specified for op '${op}'. Must be one of: [${table.map(([pattern]) => pattern).join(', ')}]`,
      );
  }
}

/** Throws AwsError BadRequestException when it is not a number within the bounds. */
export function numberOf(value: string, name: string, from = 0, to = Number.MAX_SAFE_INTEGER): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < from || number > to)
    throw badRequest(`Invalid value '${value}' for ${name}`);
  return number;
}

export function booleanOf(value: string, name: string): boolean {
  if (value !== 'true' && value !== 'false')
    throw badRequest(`Invalid value '${value}' for ${name}: it must be true or false`);
  return value === 'true';
}
