/** Uploads in parts. */
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUpload$,
  type AbortMultipartUploadRequest,
  CompleteMultipartUpload$,
  type CompleteMultipartUploadOutput,
  type CompleteMultipartUploadRequest,
  CreateMultipartUpload$,
  type CreateMultipartUploadOutput,
  type CreateMultipartUploadRequest,
  ListMultipartUploads$,
  type ListMultipartUploadsOutput,
  type ListMultipartUploadsRequest,
  ListParts$,
  type ListPartsOutput,
  type ListPartsRequest,
  UploadPart$,
  UploadPartCopy$,
  type UploadPartCopyOutput,
  type UploadPartCopyRequest,
  type UploadPartOutput,
  type UploadPartRequest,
} from '@aws-sdk/client-s3';
import { AwsError, type Call, type Cloud, type Operation, operation } from '../../platform.ts';
import { onBucket, onCopy, onObject } from './access.ts';
import type { Blobs, StoredBlob } from './blobs.ts';
import { type Encryption, sealOf } from './encryption.ts';
import { checkKey, copySourceOf, headersOf, quoted } from './object-headers.ts';
import { type Objects, shownVersion } from './objects.ts';
import type { PartRecord, S3State, UploadRecord } from './state.ts';

/** Every part but the last has at least this many bytes. Source: "Amazon S3 multipart upload limits". */
const minPart = 5 * 1024 * 1024;
const maxParts = 10_000;

interface UploadReference {
  Bucket: string | undefined;
  Key: string | undefined;
  UploadId: string | undefined;
}

export function createMultipart(
  cloud: Cloud,
  state: S3State,
  blobs: Blobs,
  objects: Objects,
  encryption: Encryption,
): readonly Operation[] {
  const now = (): string => new Date(cloud.clock.now()).toISOString();

  const find = (input: UploadReference): UploadRecord => {
    const bucket = state.bucket(input.Bucket);
    const upload = state.uploads.get(input.UploadId ?? '');
    if (upload?.bucket === bucket.name && upload.key === input.Key) return upload;
    throw new AwsError(
      'NoSuchUpload',
      'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
      404,
    );
  };

  const create = (input: CreateMultipartUploadRequest, call: Call): CreateMultipartUploadOutput => {
    const bucket = state.bucket(input.Bucket);
    const seal = encryption.seal(bucket, input.Key ?? '', input, call);
    // Parts are put together by reading them.
    encryption.unseal(bucket.name, input.Key ?? '', seal, call);
    const uploadId = randomUUID().replaceAll('-', '');
    state.uploads.put(uploadId, {
      uploadId,
      bucket: bucket.name,
      key: checkKey(input.Key),
      initiated: now(),
      headers: headersOf(input, seal),
      parts: {},
    });
    return { Bucket: bucket.name, Key: input.Key, UploadId: uploadId, ...seal };
  };

  const addPart = (
    input: UploadReference & { PartNumber: number | undefined },
    content: StoredBlob,
  ): PartRecord => {
    const part = { blob: content.blob, size: content.size, etag: content.md5, modified: now() };
    // Found anew: it may have been aborted while the part came in.
    const upload = find(input);
    const number = String(input.PartNumber);
    const replaced = upload.parts[number];
    state.uploads.put(upload.uploadId, { ...upload, parts: { ...upload.parts, [number]: part } });
    if (replaced) blobs.discard([replaced.blob]);
    return part;
  };

  const store = async (
    input: UploadReference & { PartNumber: number | undefined },
    source: Readable,
  ): Promise<PartRecord> => {
    find(input);
    const number = input.PartNumber ?? 0;
    if (!Number.isInteger(number) || number < 1 || number > maxParts) {
      throw new AwsError(
        'InvalidArgument',
        `Part number must be an integer between 1 and ${maxParts}, inclusive`,
      );
    }
    const content = await blobs.write(source);
    try {
      return addPart(input, content);
    } catch (error) {
      blobs.discard([content.blob]);
      throw error;
    }
  };

  const upload = async (
    input: Omit<UploadPartRequest, 'Body'> & { Body?: Readable },
  ): Promise<UploadPartOutput> => {
    const part = await store(input as typeof input & UploadReference, input.Body ?? Readable.from([]));
    return { ETag: quoted(part.etag), ...sealOf(find(input as typeof input & UploadReference).headers) };
  };

  const copy = async (input: UploadPartCopyRequest, call: Call): Promise<UploadPartCopyOutput> => {
    const source = objects.source(input.CopySource);
    const named = copySourceOf(input.CopySource);
    encryption.unseal(named.bucket, named.key, source.headers, call);
    const range = /^bytes=(\d+)-(\d+)$/.exec(input.CopySourceRange ?? '');
    const from = range ? Number(range[1]) : 0;
    const to = range ? Number(range[2]) : source.size - 1;
    if (to >= source.size || from > to) {
      throw new AwsError('InvalidArgument', 'The range of the copy source is not within the object');
    }
    const part = await store(input as typeof input & UploadReference, blobs.read(source.blob, from, to));
    return { CopyPartResult: { ETag: quoted(part.etag), LastModified: new Date(part.modified) } };
  };

  const complete = async (input: CompleteMultipartUploadRequest): Promise<CompleteMultipartUploadOutput> => {
    const found = find(input as typeof input & UploadReference);
    const parts = chosenParts(found, input);
    const content = await blobs.write(
      Readable.from(
        (async function* () {
          for (const part of parts) {
            if (part.size > 0) yield* blobs.read(part.blob, 0, part.size - 1) as AsyncIterable<Buffer>;
          }
        })(),
        { objectMode: false },
      ),
    );
    const digest = createHash('md5');
    for (const part of parts) digest.update(Buffer.from(part.etag, 'hex'));
    const etag = `${digest.digest('hex')}-${parts.length}`;
    try {
      // Found anew: it may have been aborted or completed meanwhile.
      find(input as typeof input & UploadReference);
    } catch (error) {
      blobs.discard([content.blob]);
      throw error;
    }
    const bucket = state.bucket(input.Bucket);
    const version = objects.add(bucket, found.key, content, etag, found.headers);
    forget(found);
    return {
      Bucket: bucket.name,
      Key: found.key,
      ETag: quoted(etag),
      Location: `${cloud.endpoint}/${bucket.name}/${encodeURI(found.key)}`,
      ...sealOf(found.headers),
      ...shownVersion(bucket, version),
    };
  };

  const forget = (found: UploadRecord): void => {
    const latest = state.uploads.get(found.uploadId) ?? found;
    state.uploads.delete(found.uploadId);
    blobs.discard(Object.values(latest.parts).map((part) => part.blob));
  };

  const parts = (input: ListPartsRequest): ListPartsOutput => {
    const found = find(input as typeof input & UploadReference);
    const after = Number(input.PartNumberMarker ?? 0);
    const size = Math.min(input.MaxParts ?? 1000, 1000);
    const all = Object.entries(found.parts)
      .map(([number, part]) => ({ number: Number(number), part }))
      .filter(({ number }) => number > after)
      .sort((a, b) => a.number - b.number);
    const page = all.slice(0, size);
    return {
      Bucket: found.bucket,
      Key: found.key,
      UploadId: found.uploadId,
      MaxParts: size,
      IsTruncated: all.length > size,
      ...(all.length > size && { NextPartNumberMarker: String(page.at(-1)?.number ?? 0) }),
      Parts: page.map(({ number, part }) => ({
        PartNumber: number,
        ETag: quoted(part.etag),
        Size: part.size,
        LastModified: new Date(part.modified),
      })),
    };
  };

  const uploads = (input: ListMultipartUploadsRequest): ListMultipartUploadsOutput => {
    const bucket = state.bucket(input.Bucket);
    return {
      Bucket: bucket.name,
      IsTruncated: false,
      MaxUploads: 1000,
      Uploads: state.uploads
        .values()
        .filter((each) => each.bucket === bucket.name && each.key.startsWith(input.Prefix ?? ''))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map((each) => ({ Key: each.key, UploadId: each.uploadId, Initiated: new Date(each.initiated) })),
    };
  };

  const abort = (input: AbortMultipartUploadRequest): Record<string, never> => {
    forget(find(input as typeof input & UploadReference));
    return {};
  };

  return [
    operation(CreateMultipartUpload$, create, { access: onObject('PutObject') }),
    operation(UploadPart$, upload, { access: onObject('PutObject') }),
    operation(UploadPartCopy$, copy, { access: onCopy }),
    operation(CompleteMultipartUpload$, complete, { access: onObject('PutObject') }),
    operation(AbortMultipartUpload$, abort, { access: onObject('AbortMultipartUpload') }),
    operation(ListParts$, parts, { access: onObject('ListMultipartUploadParts') }),
    operation(ListMultipartUploads$, uploads, { access: onBucket('ListBucketMultipartUploads') }),
  ];
}

/** The parts that the request names, checked: ascending, with their ETags, none but the last too small. */
function chosenParts(upload: UploadRecord, input: CompleteMultipartUploadRequest): PartRecord[] {
  const named = input.MultipartUpload?.Parts ?? [];
  if (named.length === 0) throw new AwsError('MalformedXML', 'You must specify at least one part');
  const numbers = named.map((part) => part.PartNumber ?? 0);
  if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))) {
    throw new AwsError('InvalidPartOrder', 'The list of parts was not in ascending order.');
  }
  return named.map(({ PartNumber = 0, ETag }, index) => {
    const part = upload.parts[String(PartNumber)];
    if (!part || (ETag !== undefined && ETag.replaceAll('"', '') !== part.etag)) {
      throw new AwsError(
        'InvalidPart',
        'One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part’s entity tag.',
      );
    }
    if (index < named.length - 1 && part.size < minPart) {
      throw new AwsError(
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed object size',
      );
    }
    return part;
  });
}
