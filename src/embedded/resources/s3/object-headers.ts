/** The headers of objects: what is kept of a request's, and what conditions and ranges ask. */
import type { GetObjectRequest, PutObjectRequest } from '@aws-sdk/client-s3';
import { AwsError } from '../../platform.ts';
import type { Seal } from './encryption.ts';
import type { ObjectHeaders, VersionRecord } from './state.ts';

export const quoted = (etag: string): string => `"${etag}"`;
export const unquoted = (etag: string): string => etag.trim().replace(/^(W\/)?"?|"$/g, '');

export function headersOf(
  input: Partial<
    Pick<
      PutObjectRequest,
      | 'ContentType'
      | 'CacheControl'
      | 'ContentDisposition'
      | 'ContentEncoding'
      | 'ContentLanguage'
      | 'Metadata'
      | 'Tagging'
    >
  >,
  seal: Seal,
): ObjectHeaders {
  // aws-chunked is about the transfer, not the content.
  const encoding = input.ContentEncoding?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== 'aws-chunked' && each !== '')
    .join(',');
  return {
    ContentType: input.ContentType ?? 'application/octet-stream',
    ...seal,
    ...(input.CacheControl !== undefined && { CacheControl: input.CacheControl }),
    ...(input.ContentDisposition !== undefined && { ContentDisposition: input.ContentDisposition }),
    ...(encoding && { ContentEncoding: encoding }),
    ...(input.ContentLanguage !== undefined && { ContentLanguage: input.ContentLanguage }),
    ...(input.Metadata && { Metadata: input.Metadata }),
    ...(input.Tagging !== undefined && {
      Tags: [...new URLSearchParams(input.Tagging)].map(([Key, Value]) => ({ Key, Value })),
    }),
  };
}

/** `bytes=a-b`, `a-` or `-n` as inclusive positions; undefined when there is no such range to honour. */
export function rangeOf(range: string | undefined, size: number): { from: number; to: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const from = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const to = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (from > to) {
    throw new AwsError('InvalidRange', 'The requested range is not satisfiable', 416, {
      ActualObjectSize: size,
    });
  }
  return { from, to };
}

type Conditions = Pick<GetObjectRequest, 'IfMatch' | 'IfNoneMatch' | 'IfModifiedSince' | 'IfUnmodifiedSince'>;

export function checkConditions(version: VersionRecord, conditions: Conditions): void {
  const matches = (tags: string): boolean =>
    tags.split(',').some((tag) => tag.trim() === '*' || unquoted(tag) === version.etag);
  // HTTP dates have whole seconds.
  const modified = Math.floor(Date.parse(version.modified) / 1000);
  const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
  const failed =
    conditions.IfMatch !== undefined
      ? !matches(conditions.IfMatch)
      : conditions.IfUnmodifiedSince !== undefined && modified > seconds(conditions.IfUnmodifiedSince);
  if (failed) {
    throw new AwsError(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
      412,
    );
  }
  const unchanged =
    conditions.IfNoneMatch !== undefined
      ? matches(conditions.IfNoneMatch)
      : conditions.IfModifiedSince !== undefined && modified <= seconds(conditions.IfModifiedSince);
  if (unchanged) throw new AwsError('NotModified', 'Not Modified', 304);
}

/** Throws AwsError KeyTooLongError; the limit is 1,024 bytes. */
export function checkKey(key = ''): string {
  if (Buffer.byteLength(key) > 1024) throw new AwsError('KeyTooLongError', 'Your key is too long');
  return key;
}

/** What `x-amz-copy-source` names: `/bucket/key?versionId=…`, percent-encoded. Throws AwsError InvalidArgument. */
export function copySourceOf(source = ''): { bucket: string; key: string; versionId: string | undefined } {
  const [path = '', search = ''] = source.replace(/^\//, '').split('?');
  let name: string;
  try {
    name = decodeURIComponent(path);
  } catch {
    throw new AwsError('InvalidArgument', 'Invalid copy source encoding.');
  }
  const slash = name.indexOf('/');
  if (slash < 0) throw new AwsError('InvalidArgument', 'Copy Source must mention the source bucket and key');
  const versionId = new URLSearchParams(search).get('versionId') ?? undefined;
  return { bucket: name.slice(0, slash), key: name.slice(slash + 1), versionId };
}
