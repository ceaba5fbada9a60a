/** What the describe calls share: reading inert resources, finding them by id, their tags. */
import type { Tag } from '@aws-sdk/client-ec2';
import type { InertResource } from '../inert/state.ts';
import { requireIds } from './filters.ts';

export const tagList = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
export const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : String(value);
export const attribute = (resource: InertResource, name: string): string | undefined =>
  textOf(resource.attributes[name]);
export const property = (resource: InertResource, name: string): string | undefined =>
  textOf(resource.properties[name]);

/** Whether an id is asked for; none asked for means all. */
export const matchesId = (wanted: readonly string[] | undefined, id: string | undefined): boolean =>
  !wanted?.length || (id !== undefined && wanted.includes(id));

/** The resources of the ids asked for, or all. Throws AwsError `code` for an id that is nothing. */
export function asked(
  ids: readonly string[] | undefined,
  resources: InertResource[],
  code: string,
  noun: string,
): InertResource[] {
  requireIds(
    ids,
    resources.map((resource) => resource.physicalId),
    code,
    noun,
  );
  return ids?.length ? resources.filter((resource) => ids.includes(resource.physicalId)) : resources;
}
