import type { Properties, ResourceContext } from '../../../platform.ts';

/** The stack's tags under the resource's own. */
export const tagsOf = (context: ResourceContext, properties: Properties): Record<string, string> => ({
  ...context.tags,
  ...Object.fromEntries(
    ((properties['Tags'] ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]),
  ),
});

/** Members that are there, under other names; what is undefined is left out. */
export const given = <T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
