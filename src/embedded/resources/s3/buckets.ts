/** Buckets, and what is configured on them. Configuration is kept and given back; versioning is the part that acts. */
import {
  CreateBucket$,
  type CreateBucketOutput,
  type CreateBucketRequest,
  DeleteBucket$,
  GetBucketAcl$,
  type GetBucketAclOutput,
  GetBucketLocation$,
  type GetBucketLocationOutput,
  GetBucketPolicyStatus$,
  GetBucketVersioning$,
  type GetBucketVersioningOutput,
  HeadBucket$,
  type HeadBucketOutput,
  ListBuckets$,
  type ListBucketsOutput,
  type ListBucketsRequest,
  PutBucketPolicy$,
  type PutBucketPolicyRequest,
  PutBucketVersioning$,
  type PutBucketVersioningRequest,
} from '@aws-sdk/client-s3';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { onBucket } from './access.ts';
import { bucketConfiguration } from './bucket-configuration.ts';
import type { BucketRecord, S3State } from './state.ts';

type Named = { Bucket: string };

export interface Buckets {
  readonly operations: readonly Operation[];
  /** Throws AwsError InvalidBucketName, BucketAlreadyOwnedByYou. */
  create(name: string): BucketRecord;
  /** Throws AwsError BucketNotEmpty. */
  remove(name: string): void;
  configure(name: string, change: (bucket: BucketRecord) => void): void;
}

/** Source: "General purpose bucket naming rules". */
export const validBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+(\.\d+){3}$/.test(name);

/** Throws AwsError MalformedPolicy when the text is no policy document. */
export function checkPolicy(text: string): void {
  let statements: unknown;
  try {
    statements = (parseJson(text) as { Statement?: unknown } | null)?.Statement;
  } catch {}
  if (typeof statements !== 'object' || statements === null) {
    throw new AwsError('MalformedPolicy', 'Policies must be valid JSON and have a Statement');
  }
}

export function createBuckets(
  cloud: Cloud,
  state: S3State,
  owner: { ID: string; DisplayName: string },
): Buckets {
  const create = (name: string): BucketRecord => {
    if (!validBucketName(name)) {
      throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, {
        BucketName: name,
      });
    }
    if (state.buckets.has(name)) {
      throw new AwsError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        409,
        { BucketName: name },
      );
    }
    const bucket: BucketRecord = {
      name,
      created: new Date(cloud.clock.now()).toISOString(),
      configuration: {},
    };
    state.buckets.put(name, bucket);
    return bucket;
  };

  const remove = (name: string): void => {
    const bucket = state.bucket(name);
    if (state.keys(bucket.name).length > 0) {
      throw new AwsError(
        'BucketNotEmpty',
        'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
        409,
        { BucketName: name },
      );
    }
    // Uploads under way go with their bucket; their parts' files go at the next start.
    for (const upload of state.uploads.values()) {
      if (upload.bucket === name) state.uploads.delete(upload.uploadId);
    }
    state.buckets.delete(name);
  };

  const configure: Buckets['configure'] = (name, change) => {
    const bucket = structuredClone(state.bucket(name));
    change(bucket);
    state.buckets.put(name, bucket);
  };

  const operations = [
    operation(
      CreateBucket$,
      (input: CreateBucketRequest): CreateBucketOutput => ({
        Location: `/${create(input.Bucket ?? '').name}`,
      }),
      { access: onBucket('CreateBucket') },
    ),
    operation(
      DeleteBucket$,
      (input: Named) => {
        remove(input.Bucket);
        return {};
      },
      { access: onBucket('DeleteBucket') },
    ),
    operation(
      HeadBucket$,
      (input: Named): HeadBucketOutput => {
        state.bucket(input.Bucket);
        return { BucketRegion: cloud.region };
      },
      { access: onBucket('ListBucket') },
    ),
    operation(
      ListBuckets$,
      (input: ListBucketsRequest): ListBucketsOutput => {
        const prefix = input.Prefix ?? '';
        const after = input.ContinuationToken ?? '';
        const size = input.MaxBuckets ?? 10_000;
        // "ListBuckets", API reference: a bucket's Region is told when the request has a parameter.
        const telling = Object.values(input).some((value) => value !== undefined);
        const here = [undefined, cloud.region].includes(input.BucketRegion);
        const all = state.buckets
          .values()
          .filter((bucket) => here && bucket.name.startsWith(prefix) && bucket.name > after)
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const last = all[size - 1];
        return {
          Owner: owner,
          ...(input.Prefix !== undefined && { Prefix: prefix }),
          ...(all.length > size && last && { ContinuationToken: last.name }),
          Buckets: all.slice(0, size).map((bucket) => ({
            Name: bucket.name,
            CreationDate: new Date(bucket.created),
            ...(telling && { BucketRegion: cloud.region }),
          })),
        };
      },
      { access: () => [{ action: 's3:ListAllMyBuckets', resource: '*' }] },
    ),
    operation(
      GetBucketLocation$,
      (input: Named): GetBucketLocationOutput => {
        state.bucket(input.Bucket);
        // The oldest Region has no name here.
        return cloud.region === 'us-east-1'
          ? {}
          : {
              LocationConstraint: cloud.region as NonNullable<GetBucketLocationOutput['LocationConstraint']>,
            };
      },
      { access: onBucket('GetBucketLocation') },
    ),
    operation(
      GetBucketVersioning$,
      (input: Named): GetBucketVersioningOutput => {
        const { versioning } = state.bucket(input.Bucket);
        return versioning === undefined ? {} : { Status: versioning };
      },
      { access: onBucket('GetBucketVersioning') },
    ),
    operation(
      PutBucketVersioning$,
      (input: PutBucketVersioningRequest) => {
        const status = input.VersioningConfiguration?.Status;
        if (status !== 'Enabled' && status !== 'Suspended') {
          throw new AwsError(
            'IllegalVersioningConfigurationException',
            'The versioning status is Enabled or Suspended',
          );
        }
        configure(input.Bucket ?? '', (bucket) => {
          bucket.versioning = status;
        });
        return {};
      },
      { access: onBucket('PutBucketVersioning') },
    ),
    operation(
      PutBucketPolicy$,
      (input: PutBucketPolicyRequest) => {
        const policy = input.Policy ?? '';
        checkPolicy(policy);
        configure(input.Bucket ?? '', (bucket) => {
          bucket.configuration['policy'] = { Policy: policy };
        });
        return {};
      },
      { access: onBucket('PutBucketPolicy') },
    ),
    operation(
      GetBucketPolicyStatus$,
      (input: Named) => {
        state.bucket(input.Bucket);
        return { PolicyStatus: { IsPublic: false } };
      },
      { access: onBucket('GetBucketPolicyStatus') },
    ),
    operation(
      GetBucketAcl$,
      (input: Named): GetBucketAclOutput => {
        state.bucket(input.Bucket);
        return {
          Owner: owner,
          Grants: [{ Grantee: { ...owner, Type: 'CanonicalUser' }, Permission: 'FULL_CONTROL' }],
        };
      },
      { access: onBucket('GetBucketAcl') },
    ),
    ...bucketConfiguration(state, configure),
  ];
  return { operations, create, remove, configure };
}
