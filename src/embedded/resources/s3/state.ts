/** What S3 keeps: buckets, objects with their versions, and uploads under way. Contents are files, see blobs.ts. */
import { AwsError, type Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';

export interface BucketRecord {
  name: string;
  /** ISO 8601. */
  created: string;
  /** Once enabled it can only be suspended. */
  versioning?: 'Enabled' | 'Suspended';
  /** Answers of the Get… operations of subresources (`policy`, `encryption`, …), as they were put. */
  configuration: Record<string, unknown>;
}

/** The headers that an object keeps. */
export interface ObjectHeaders {
  ContentType?: string;
  CacheControl?: string;
  ContentDisposition?: string;
  ContentEncoding?: string;
  ContentLanguage?: string;
  ServerSideEncryption?: string;
  /** ARN of the key, where there is one. */
  SSEKMSKeyId?: string;
  Metadata?: Record<string, string>;
  Tags?: { Key: string; Value: string }[];
}

export interface VersionRecord {
  /** `null` for what was written while versioning was not enabled. */
  versionId: string;
  modified: string;
  /** A delete marker has no content. */
  marker?: true;
  blob: string;
  size: number;
  /** Without quotes. */
  etag: string;
  headers: ObjectHeaders;
}

export interface ObjectRecord {
  bucket: string;
  key: string;
  /** Newest first; never empty. */
  versions: VersionRecord[];
}

export interface PartRecord {
  blob: string;
  size: number;
  etag: string;
  modified: string;
}

export interface UploadRecord {
  uploadId: string;
  bucket: string;
  key: string;
  initiated: string;
  headers: ObjectHeaders;
  parts: Record<string, PartRecord>;
}

export interface S3State {
  readonly buckets: Collection<BucketRecord>;
  readonly objects: Collection<ObjectRecord>;
  readonly uploads: Collection<UploadRecord>;
  /** Throws AwsError NoSuchBucket. */
  bucket(name: string | undefined): BucketRecord;
  object(bucket: string, key: string): ObjectRecord | undefined;
  /** Stores the object; removes it when no version is left. */
  save(object: ObjectRecord): void;
  /** The bucket's keys in order. */
  keys(bucket: string): readonly string[];
}

const recordKey = (bucket: string, key: string): string => `${bucket}/${key}`;

export function openS3State(cloud: Cloud): S3State {
  const buckets = cloud.store.collection<BucketRecord>('s3.buckets');
  const objects = cloud.store.collection<ObjectRecord>('s3.objects');
  const uploads = cloud.store.collection<UploadRecord>('s3.uploads');
  /** Sorted keys a bucket; built when first asked for, dropped when a key comes or goes. */
  const sorted = new Map<string, readonly string[]>();
  return {
    buckets,
    objects,
    uploads,
    bucket(name = '') {
      const bucket = buckets.get(name);
      if (bucket) return bucket;
      throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: name });
    },
    object: (bucket, key) => objects.get(recordKey(bucket, key)),
    save(object) {
      const id = recordKey(object.bucket, object.key);
      if (objects.has(id) !== object.versions.length > 0) sorted.delete(object.bucket);
      if (object.versions.length > 0) objects.put(id, object);
      else objects.delete(id);
    },
    keys(bucket) {
      const known = sorted.get(bucket);
      if (known) return known;
      const prefix = recordKey(bucket, '');
      const keys = objects
        .keys()
        .filter((id) => id.startsWith(prefix))
        .map((id) => id.slice(prefix.length))
        .sort();
      sorted.set(bucket, keys);
      return keys;
    },
  };
}
