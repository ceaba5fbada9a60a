import { stackNames, withPrefix } from '../../../model/names.ts';
import type { Context } from '../../context.ts';
import { ownerTags } from '../../session.ts';

/** The tag of what belongs to one tenant; its value is the tenant's id. */
export const tenantTag = 'saas-ecs:tenant';

/** Tags as AWS's services spell them: a list of pairs, or a map. */
type Given =
  | readonly { Key?: string | undefined; Value?: string | undefined }[]
  | Readonly<Record<string, string>>
  | undefined;

/** What tells an environment's belongings from everything else in the account. */
export interface Ownership {
  /** Both tags, app and environment, are this environment's. */
  has(tags: Given): boolean;
  /**
   * How names begin that CloudFormation made for its stacks' resources. It spares a look at the tags of all that is
   * in the account; the tags decide.
   */
  readonly beginnings: readonly string[];
}

export function ownershipOf(context: Pick<Context, 'target'>): Ownership {
  const { prefix } = context.target;
  const wanted = Object.entries(ownerTags(context));
  return {
    has: (tags) => wanted.every(([key, value]) => tagOf(tags, key) === value),
    beginnings: [...Object.values(stackNames), 'tenant-', 'cell-'].map((name) => withPrefix(prefix, name)),
  };
}

export function tagOf(tags: Given, key: string): string | undefined {
  if (tags === undefined) return undefined;
  if (Array.isArray(tags)) return tags.find(({ Key }) => Key === key)?.Value;
  return (tags as Readonly<Record<string, string>>)[key];
}
