/** What IAM's answers have in common: documents, tags, pages, roles. */
import type { Role, Tag } from '@aws-sdk/client-iam';
import { AwsError } from '../../platform.ts';
import type { RoleRecord } from '../state.ts';

/** Documents travel URL-encoded in answers (RFC 3986). */
export const encoded = (document: string): string =>
  encodeURIComponent(document).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

export const tagList = (tags: Record<string, string>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
export const tagMap = (tags: readonly Tag[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));

interface Paged {
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

/** One page in the order of the names; the marker is the position. */
export function page<T>(
  all: readonly T[],
  input: Paged,
): { items: T[]; IsTruncated: boolean; Marker?: string } {
  const from = input.Marker === undefined ? 0 : Number(input.Marker);
  if (!Number.isInteger(from)) throw new AwsError('ValidationError', `Invalid Marker: ${input.Marker}`);
  const to = from + Math.min(input.MaxItems ?? 100, 1000);
  const items = all.slice(from, to);
  return to < all.length ? { items, IsTruncated: true, Marker: String(to) } : { items, IsTruncated: false };
}

export const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

export function roleOutput(role: RoleRecord): Role {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encoded(role.trust),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDuration,
    ...(role.boundary
      ? {
          PermissionsBoundary: {
            PermissionsBoundaryType: 'PermissionsBoundaryPolicy' as const,
            PermissionsBoundaryArn: role.boundary,
          },
        }
      : {}),
    Tags: tagList(role.tags),
    RoleLastUsed: {},
  };
}
