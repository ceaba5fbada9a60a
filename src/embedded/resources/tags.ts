/** Tags: the forms in which AWS's services spell them, and a stack's tags below a resource's own. */
export type Tags = Record<string, string>;

/** What the wire and templates hold: a list of pairs, or a map (SSM's and Cognito's template properties). */
type Given = readonly { Key?: string | undefined; Value?: string | undefined }[] | Readonly<Tags>;

export function tagsFrom(given: unknown): Tags {
  const tags = (given ?? {}) as Given;
  if (!Array.isArray(tags)) return { ...(tags as Tags) };
  return Object.fromEntries(
    (tags as { Key?: string; Value?: string }[]).map(({ Key = '', Value = '' }) => [Key, String(Value)]),
  );
}

/** A resource's tags in a stack: its own win over the stack's. */
export const stackTags = (stack: Readonly<Tags>, own: unknown): Tags => ({ ...stack, ...tagsFrom(own) });

export const tagList = (tags: Readonly<Tags>): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
