/** Objects and their versions: put, get, head, copy, delete, tags. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CopyObject$,
  type CopyObjectOutput,
  type CopyObjectRequest,
  DeleteObject$,
  type DeleteObjectOutput,
  type DeleteObjectRequest,
  DeleteObjects$,
  type DeleteObjectsOutput,
  type DeleteObjectsRequest,
  DeleteObjectTagging$,
  type DeleteObjectTaggingRequest,
  GetObject$,
  type GetObjectRequest,
  GetObjectTagging$,
  type GetObjectTaggingOutput,
  type GetObjectTaggingRequest,
  HeadObject$,
  type HeadObjectRequest,
  PutObject$,
  type PutObjectOutput,
  type PutObjectRequest,
  PutObjectTagging$,
  type PutObjectTaggingRequest,
} from '@aws-sdk/client-s3';
import { AwsError, type Call, type Cloud, type Operation, operation } from '../../platform.ts';
import { onCopy, onObject } from './access.ts';
import type { Blobs, StoredBlob } from './blobs.ts';
import type { Encryption } from './encryption.ts';
import {
  checkConditions,
  checkKey,
  copySourceOf,
  headersOf,
  quoted,
  rangeOf,
  unquoted,
} from './object-headers.ts';
import type { BucketRecord, ObjectHeaders, S3State, VersionRecord } from './state.ts';

/** Contents up to this size are read whole; larger ones stream. In bytes. */
const readWhole = 256 * 1024;

export interface Objects {
  readonly operations: readonly Operation[];
  /** Makes the content the object's newest version. */
  add(
    bucket: BucketRecord,
    key: string,
    content: StoredBlob,
    etag: string,
    headers: ObjectHeaders,
  ): VersionRecord;
  /** Throws AwsError NoSuchKey, NoSuchVersion or MethodNotAllowed (a delete marker). */
  version(bucket: string, key: string, versionId?: string): VersionRecord;
  /** The object that `x-amz-copy-source` names. */
  source(copySource: string | undefined): VersionRecord;
}

const noSuchKey = (key: string): AwsError =>
  new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });

/** The version id to show: unversioned buckets have none. */
export const shownVersion = (bucket: BucketRecord, version: VersionRecord): { VersionId?: string } =>
  bucket.versioning === undefined ? {} : { VersionId: version.versionId };

export function createObjects(cloud: Cloud, state: S3State, blobs: Blobs, encryption: Encryption): Objects {
  const now = (): string => new Date(cloud.clock.now()).toISOString();
  const newVersionId = (bucket: BucketRecord): string =>
    bucket.versioning === 'Enabled' ? randomUUID().replaceAll('-', '') : 'null';

  /** Puts a version on top; where versioning is not enabled it takes the `null` version's place. */
  const push = (bucket: BucketRecord, key: string, version: VersionRecord): void => {
    const versions = state.object(bucket.name, key)?.versions ?? [];
    const replaced = version.versionId === 'null' ? versions.filter((each) => each.versionId === 'null') : [];
    state.save({
      bucket: bucket.name,
      key,
      versions: [version, ...versions.filter((each) => !replaced.includes(each))],
    });
    blobs.discard(replaced.filter((each) => !each.marker).map((each) => each.blob));
  };

  const add: Objects['add'] = (bucket, key, content, etag, headers) => {
    const version: VersionRecord = {
      versionId: newVersionId(bucket),
      modified: now(),
      blob: content.blob,
      size: content.size,
      etag,
      headers,
    };
    push(bucket, key, version);
    return version;
  };

  const find: Objects['version'] = (bucketName, key, versionId) => {
    state.bucket(bucketName);
    const versions = state.object(bucketName, key)?.versions ?? [];
    const [newest] = versions;
    const version = versionId === undefined ? newest : versions.find((each) => each.versionId === versionId);
    if (version && !version.marker) return version;
    if (versionId === undefined) throw noSuchKey(key);
    if (version) {
      throw new AwsError(
        'MethodNotAllowed',
        'The specified method is not allowed against this resource.',
        405,
      );
    }
    throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404, { Key: key });
  };

  const source: Objects['source'] = (copySource) => {
    const { bucket, key, versionId } = copySourceOf(copySource);
    return find(bucket, key, versionId);
  };

  const describe = (
    input: GetObjectRequest | HeadObjectRequest,
  ): { version: VersionRecord; output: object } => {
    const bucket = state.bucket(input.Bucket);
    const version = find(bucket.name, input.Key ?? '', input.VersionId);
    checkConditions(version, input);
    const { Tags, ...headers } = version.headers;
    return {
      version,
      output: {
        ...headers,
        ...shownVersion(bucket, version),
        AcceptRanges: 'bytes',
        ContentLength: version.size,
        ETag: quoted(version.etag),
        LastModified: version.modified,
        ...(Tags && Tags.length > 0 && { TagCount: Tags.length }),
        ...(input.ResponseContentType !== undefined && { ContentType: input.ResponseContentType }),
        ...(input.ResponseContentDisposition !== undefined && {
          ContentDisposition: input.ResponseContentDisposition,
        }),
        ...(input.ResponseCacheControl !== undefined && { CacheControl: input.ResponseCacheControl }),
      },
    };
  };

  const ranged = (
    version: VersionRecord,
    range: string | undefined,
  ): { from: number; to: number; output: object } => {
    const part = rangeOf(range, version.size);
    const { from, to } = part ?? { from: 0, to: version.size - 1 };
    return {
      from,
      to,
      output: part
        ? { ContentRange: `bytes ${from}-${to}/${version.size}`, ContentLength: to - from + 1 }
        : {},
    };
  };

  const put = async (
    input: Omit<PutObjectRequest, 'Body'> & { Body?: Readable },
    call: Call,
  ): Promise<PutObjectOutput> => {
    const bucket = state.bucket(input.Bucket);
    const key = checkKey(input.Key);
    const seal = encryption.seal(bucket, key, input, call);
    const content = await blobs.write(input.Body ?? Readable.from([]));
    try {
      if (
        input.ContentMD5 !== undefined &&
        Buffer.from(input.ContentMD5, 'base64').toString('hex') !== content.md5
      ) {
        throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
      }
      // Looked at after the upload: what came meanwhile counts.
      const [existing] = state.object(bucket.name, key)?.versions ?? [];
      if (
        (input.IfNoneMatch === '*' && existing && !existing.marker) ||
        (input.IfMatch !== undefined && unquoted(input.IfMatch) !== existing?.etag)
      ) {
        throw new AwsError(
          'PreconditionFailed',
          'At least one of the pre-conditions you specified did not hold',
          412,
        );
      }
      const version = add(state.bucket(input.Bucket), key, content, content.md5, headersOf(input, seal));
      return { ETag: quoted(version.etag), ...seal, ...shownVersion(bucket, version) };
    } catch (error) {
      blobs.discard([content.blob]);
      throw error;
    }
  };

  const get = async (input: GetObjectRequest, call: Call): Promise<object> => {
    const { version, output } = describe(input);
    encryption.unseal(input.Bucket ?? '', input.Key ?? '', version.headers, call);
    const range = ranged(version, input.Range);
    const length = range.to - range.from + 1;
    const body =
      length <= 0
        ? Buffer.alloc(0)
        : version.size <= readWhole
          ? (await blobs.readAll(version.blob)).subarray(range.from, range.to + 1)
          : blobs.read(version.blob, range.from, range.to);
    return { ...output, ...range.output, Body: body };
  };

  const head = (input: HeadObjectRequest, call: Call): object => {
    const { version, output } = describe(input);
    encryption.unseal(input.Bucket ?? '', input.Key ?? '', version.headers, call);
    return { ...output, ...ranged(version, input.Range).output };
  };

  const copy = async (input: CopyObjectRequest, call: Call): Promise<CopyObjectOutput> => {
    const bucket = state.bucket(input.Bucket);
    const from = source(input.CopySource);
    const named = copySourceOf(input.CopySource);
    encryption.unseal(named.bucket, named.key, from.headers, call);
    const seal = encryption.seal(bucket, input.Key ?? '', input, call);
    const content = await blobs.write(blobs.read(from.blob, 0, Math.max(0, from.size - 1)));
    const replace = input.MetadataDirective === 'REPLACE';
    const { Tagging, ...rest } = input;
    const { SSEKMSKeyId: _before, ...kept } = from.headers;
    const headers = replace ? headersOf(rest, seal) : { ...kept, ...seal };
    if (input.TaggingDirective === 'REPLACE') {
      headers.Tags = headersOf({ ...(Tagging !== undefined && { Tagging }) }, seal).Tags ?? [];
    } else if (from.headers.Tags) headers.Tags = from.headers.Tags;
    const version = add(
      bucket,
      checkKey(input.Key),
      content,
      from.etag.includes('-') ? content.md5 : from.etag,
      headers,
    );
    return {
      CopyObjectResult: { ETag: quoted(version.etag), LastModified: new Date(version.modified) },
      ...seal,
      ...shownVersion(bucket, version),
    };
  };

  const remove = (bucket: BucketRecord, key: string, versionId: string | undefined): DeleteObjectOutput => {
    const object = state.object(bucket.name, key);
    if (versionId !== undefined) {
      const version = object?.versions.find((each) => each.versionId === versionId);
      if (!object || !version) return { VersionId: versionId };
      state.save({ ...object, versions: object.versions.filter((each) => each !== version) });
      if (!version.marker) blobs.discard([version.blob]);
      return { VersionId: versionId, ...(version.marker && { DeleteMarker: true }) };
    }
    if (bucket.versioning === undefined) {
      if (object) {
        state.save({ ...object, versions: [] });
        blobs.discard(object.versions.map((each) => each.blob));
      }
      return {};
    }
    const marker: VersionRecord = {
      versionId: newVersionId(bucket),
      modified: now(),
      marker: true,
      blob: '',
      size: 0,
      etag: '',
      headers: {},
    };
    push(bucket, key, marker);
    return { DeleteMarker: true, VersionId: marker.versionId };
  };

  const removeMany = (input: DeleteObjectsRequest): DeleteObjectsOutput => {
    const bucket = state.bucket(input.Bucket);
    const objects = input.Delete?.Objects ?? [];
    if (objects.length === 0 || objects.length > 1000) {
      throw new AwsError('MalformedXML', 'The request must name 1 to 1000 objects');
    }
    const deleted = objects.map(({ Key = '', VersionId }) => {
      const { DeleteMarker, VersionId: id } = remove(bucket, Key, VersionId);
      return {
        Key,
        ...(VersionId !== undefined && { VersionId }),
        ...(DeleteMarker && { DeleteMarker, DeleteMarkerVersionId: id }),
      };
    });
    return input.Delete?.Quiet ? {} : { Deleted: deleted };
  };

  const retag = (input: DeleteObjectTaggingRequest, tags: { Key: string; Value: string }[]): object => {
    const bucket = state.bucket(input.Bucket);
    const version = find(bucket.name, input.Key ?? '', input.VersionId);
    const object = state.object(bucket.name, input.Key ?? '');
    if (object) {
      const changed = { ...version, headers: { ...version.headers, Tags: tags } };
      state.save({ ...object, versions: object.versions.map((each) => (each === version ? changed : each)) });
    }
    return shownVersion(bucket, version);
  };

  const operations = [
    operation(PutObject$, put, { access: onObject('PutObject') }),
    operation(GetObject$, get, { access: onObject('GetObject', 'GetObjectVersion') }),
    operation(HeadObject$, head, { access: onObject('GetObject', 'GetObjectVersion') }),
    operation(CopyObject$, copy, { access: onCopy }),
    operation(
      DeleteObject$,
      (input: DeleteObjectRequest) => remove(state.bucket(input.Bucket), input.Key ?? '', input.VersionId),
      { access: onObject('DeleteObject', 'DeleteObjectVersion') },
    ),
    operation(DeleteObjects$, removeMany, {
      access: (input: DeleteObjectsRequest) =>
        (input.Delete?.Objects ?? []).flatMap((object) =>
          onObject(
            'DeleteObject',
            'DeleteObjectVersion',
          )({ Bucket: input.Bucket, Key: object.Key, VersionId: object.VersionId }),
        ),
    }),
    operation(
      GetObjectTagging$,
      (input: GetObjectTaggingRequest): GetObjectTaggingOutput => {
        const bucket = state.bucket(input.Bucket);
        const version = find(bucket.name, input.Key ?? '', input.VersionId);
        return { TagSet: version.headers.Tags ?? [], ...shownVersion(bucket, version) };
      },
      { access: onObject('GetObjectTagging', 'GetObjectVersionTagging') },
    ),
    operation(
      PutObjectTagging$,
      (input: PutObjectTaggingRequest) =>
        retag(
          input,
          (input.Tagging?.TagSet ?? []).map(({ Key = '', Value = '' }) => ({ Key, Value })),
        ),
      { access: onObject('PutObjectTagging', 'PutObjectVersionTagging') },
    ),
    operation(DeleteObjectTagging$, (input: DeleteObjectTaggingRequest) => retag(input, []), {
      access: onObject('DeleteObjectTagging', 'DeleteObjectVersionTagging'),
    }),
  ];
  return { operations, add, version: find, source };
}
