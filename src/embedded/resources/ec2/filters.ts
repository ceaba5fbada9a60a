/** EC2's Filters: every filter must match, by any of its values; `*` and `?` are wildcards. */
import type { Filter } from '@aws-sdk/client-ec2';
import { AwsError } from '../../platform.ts';

/** What a filter may look at: name -> the item's values. Tags go by `tag:<key>` and `tag-key`. */
export type FilterFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Throws AwsError InvalidParameterValue for a filter that the call does not have. */
export function matchesFilters(
  filters: readonly Filter[] | undefined,
  fields: FilterFields,
  tags: Readonly<Record<string, string>> = {},
): boolean {
  return (filters ?? []).every((filter) => {
    const name = filter.Name ?? '';
    const values = valuesOf(name, fields, tags);
    return (filter.Values ?? []).some((wanted) => values.some((value) => wildcard(wanted).test(value)));
  });
}

function valuesOf(
  name: string,
  fields: FilterFields,
  tags: Readonly<Record<string, string>>,
): readonly string[] {
  if (name === 'tag-key') return Object.keys(tags);
  if (name.startsWith('tag:')) {
    const value = tags[name.slice(4)];
    return value === undefined ? [] : [value];
  }
  if (!(name in fields)) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  const value = fields[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

const wildcard = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
    's',
  );

/** Checks that every id asked for was found. */
export function requireIds(
  ids: readonly string[] | undefined,
  found: readonly string[],
  code: string,
  noun: string,
): void {
  const missing = (ids ?? []).find((id) => !found.includes(id));
  if (missing !== undefined) throw new AwsError(code, `The ${noun} ID '${missing}' does not exist`);
}
