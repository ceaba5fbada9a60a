/** What is in a bucket: ListObjects in both versions, and ListObjectVersions. */
import {
  ListObjects$,
  type ListObjectsOutput,
  type ListObjectsRequest,
  ListObjectsV2$,
  type ListObjectsV2Output,
  type ListObjectsV2Request,
  ListObjectVersions$,
  type ListObjectVersionsOutput,
  type ListObjectVersionsRequest,
} from '@aws-sdk/client-s3';
import { AwsError, type Operation, operation } from '../../platform.ts';
import { listing } from './access.ts';
import { quoted } from './object-headers.ts';
import type { S3State, VersionRecord } from './state.ts';

const maxPage = 1000;

/** One object, version or group of keys below a common prefix. */
interface Entry {
  /** What paging goes by. */
  position: string;
  key?: string;
  version?: VersionRecord;
  newest?: boolean;
  commonPrefix?: string;
}

interface Query {
  Prefix?: string | undefined;
  Delimiter?: string | undefined;
  MaxKeys?: number | undefined;
  EncodingType?: string | undefined;
}

const pageSize = (query: Query): number => {
  const size = query.MaxKeys ?? maxPage;
  if (!Number.isInteger(size) || size < 0)
    throw new AwsError('InvalidArgument', 'maxKeys must be a non-negative integer');
  return Math.min(size, maxPage);
};

/** Clients that ask for `url` get keys percent-encoded: XML can't carry every character. */
const encoder =
  (query: Query): ((text: string) => string) =>
  (text) =>
    query.EncodingType === 'url' ? encodeURIComponent(text).replaceAll('%2F', '/') : text;

/** Keys in order, those that share a prefix up to the delimiter as one entry. `after` is exclusive. */
function* entries(
  keys: readonly string[],
  query: Query,
  after: string,
  include: (key: string) => boolean,
): Generator<Entry> {
  const prefix = query.Prefix ?? '';
  const delimiter = query.Delimiter ?? '';
  let group: string | undefined;
  for (const key of keys) {
    if (!key.startsWith(prefix)) {
      if (key > prefix) return;
      continue;
    }
    if (group !== undefined && key.startsWith(group)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut >= 0) {
      const common = key.slice(0, cut + delimiter.length);
      if (common === after || key <= after || !include(key)) continue;
      group = common;
      yield { position: common, commonPrefix: common };
    } else if (key > after && include(key)) {
      yield { position: key, key };
    }
  }
}

function page(from: Iterable<Entry>, size: number): { page: Entry[]; more: boolean } {
  const found: Entry[] = [];
  if (size === 0) return { page: found, more: false };
  for (const entry of from) {
    if (found.length === size) return { page: found, more: true };
    found.push(entry);
  }
  return { page: found, more: false };
}

export function createListing(
  state: S3State,
  owner: { ID: string; DisplayName: string },
): readonly Operation[] {
  const list = (bucketName: string | undefined, query: Query, after: string) => {
    const bucket = state.bucket(bucketName);
    const newest = (key: string): VersionRecord | undefined => state.object(bucket.name, key)?.versions[0];
    const encode = encoder(query);
    const result = page(
      entries(state.keys(bucket.name), query, after, (key) => newest(key)?.marker === undefined),
      pageSize(query),
    );
    return {
      last: result.page.at(-1)?.position,
      output: {
        Name: bucket.name,
        Prefix: encode(query.Prefix ?? ''),
        ...(query.Delimiter !== undefined && { Delimiter: encode(query.Delimiter) }),
        ...(query.EncodingType === 'url' && { EncodingType: 'url' as const }),
        MaxKeys: pageSize(query),
        IsTruncated: result.more,
        Contents: result.page.flatMap(({ key }) => {
          const version = key === undefined ? undefined : newest(key);
          if (key === undefined || !version) return [];
          return [
            {
              Key: encode(key),
              LastModified: new Date(version.modified),
              ETag: quoted(version.etag),
              Size: version.size,
              StorageClass: 'STANDARD' as const,
            },
          ];
        }),
        CommonPrefixes: result.page.flatMap(({ commonPrefix }) =>
          commonPrefix === undefined ? [] : [{ Prefix: encode(commonPrefix) }],
        ),
      },
    };
  };

  const first = (input: ListObjectsRequest): ListObjectsOutput => {
    const { output, last } = list(input.Bucket, input, input.Marker ?? '');
    const encode = encoder(input);
    return {
      ...output,
      Contents: output.Contents.map((object) => ({ ...object, Owner: owner })),
      Marker: encode(input.Marker ?? ''),
      ...(output.IsTruncated && last !== undefined && { NextMarker: encode(last) }),
    };
  };

  const second = (input: ListObjectsV2Request): ListObjectsV2Output => {
    const after =
      input.ContinuationToken === undefined
        ? (input.StartAfter ?? '')
        : Buffer.from(input.ContinuationToken, 'base64url').toString();
    const { output, last } = list(input.Bucket, input, after);
    return {
      ...output,
      ...(input.FetchOwner && { Contents: output.Contents.map((object) => ({ ...object, Owner: owner })) }),
      KeyCount: output.Contents.length + output.CommonPrefixes.length,
      ...(input.StartAfter !== undefined && { StartAfter: encoder(input)(input.StartAfter) }),
      ...(input.ContinuationToken !== undefined && { ContinuationToken: input.ContinuationToken }),
      ...(output.IsTruncated &&
        last !== undefined && { NextContinuationToken: Buffer.from(last).toString('base64url') }),
    };
  };

  const versions = (input: ListObjectVersionsRequest): ListObjectVersionsOutput => {
    const bucket = state.bucket(input.Bucket);
    const encode = encoder(input);
    const marker = input.KeyMarker ?? '';
    function* all(): Generator<Entry> {
      // The marker's key is walked again: some of its versions may be still to come.
      if (marker !== '' && input.VersionIdMarker !== undefined) {
        const own = state.object(bucket.name, marker)?.versions ?? [];
        const seen = own.findIndex((version) => version.versionId === input.VersionIdMarker);
        for (const version of own.slice(seen + 1)) {
          yield { position: marker, key: marker, version, newest: version === own[0] };
        }
      }
      for (const entry of entries(state.keys(bucket.name), input, marker, () => true)) {
        if (entry.key === undefined) yield entry;
        else {
          const own = state.object(bucket.name, entry.key)?.versions ?? [];
          for (const version of own) yield { ...entry, version, newest: version === own[0] };
        }
      }
    }
    const result = page(all(), pageSize(input));
    const last = result.page.at(-1);
    const describe = (entry: Entry, version: VersionRecord) => ({
      Key: encode(entry.key ?? ''),
      VersionId: version.versionId,
      IsLatest: entry.newest ?? false,
      LastModified: new Date(version.modified),
      Owner: owner,
    });
    return {
      Name: bucket.name,
      Prefix: encode(input.Prefix ?? ''),
      KeyMarker: encode(marker),
      VersionIdMarker: input.VersionIdMarker ?? '',
      ...(input.Delimiter !== undefined && { Delimiter: encode(input.Delimiter) }),
      ...(input.EncodingType === 'url' && { EncodingType: 'url' as const }),
      MaxKeys: pageSize(input),
      IsTruncated: result.more,
      ...(result.more && last && { NextKeyMarker: encode(last.position) }),
      ...(result.more && last?.version && { NextVersionIdMarker: last.version.versionId }),
      Versions: result.page.flatMap((entry) =>
        entry.version && !entry.version.marker
          ? [
              {
                ...describe(entry, entry.version),
                ETag: quoted(entry.version.etag),
                Size: entry.version.size,
                StorageClass: 'STANDARD' as const,
              },
            ]
          : [],
      ),
      DeleteMarkers: result.page.flatMap((entry) =>
        entry.version?.marker ? [describe(entry, entry.version)] : [],
      ),
      CommonPrefixes: result.page.flatMap(({ commonPrefix }) =>
        commonPrefix === undefined ? [] : [{ Prefix: encode(commonPrefix) }],
      ),
    };
  };

  return [
    operation(ListObjects$, first, { access: listing('ListBucket') }),
    operation(ListObjectsV2$, second, { access: listing('ListBucket') }),
    operation(ListObjectVersions$, versions, { access: listing('ListBucketVersions') }),
  ];
}
