/** Buckets, and what is configured on them. Configuration is kept and given back; versioning is the part that acts. */
import {
  CreateBucket$,
  type CreateBucketOutput,
  type CreateBucketRequest,
  DeleteBucket$,
  DeleteBucketCors$,
  DeleteBucketEncryption$,
  DeleteBucketLifecycle$,
  DeleteBucketOwnershipControls$,
  DeleteBucketPolicy$,
  DeleteBucketTagging$,
  DeleteBucketWebsite$,
  DeletePublicAccessBlock$,
  GetBucketAcl$,
  type GetBucketAclOutput,
  GetBucketCors$,
  GetBucketEncryption$,
  GetBucketLifecycleConfiguration$,
  GetBucketLocation$,
  type GetBucketLocationOutput,
  GetBucketLogging$,
  GetBucketNotificationConfiguration$,
  GetBucketOwnershipControls$,
  GetBucketPolicy$,
  GetBucketPolicyStatus$,
  GetBucketTagging$,
  GetBucketVersioning$,
  type GetBucketVersioningOutput,
  GetBucketWebsite$,
  GetPublicAccessBlock$,
  HeadBucket$,
  type HeadBucketOutput,
  ListBuckets$,
  type ListBucketsOutput,
  type ListBucketsRequest,
  PutBucketCors$,
  PutBucketEncryption$,
  PutBucketLifecycleConfiguration$,
  PutBucketLogging$,
  PutBucketNotificationConfiguration$,
  PutBucketOwnershipControls$,
  PutBucketPolicy$,
  type PutBucketPolicyRequest,
  PutBucketTagging$,
  PutBucketVersioning$,
  type PutBucketVersioningRequest,
  PutBucketWebsite$,
  PutPublicAccessBlock$,
} from '@aws-sdk/client-s3';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { onBucket } from './access.ts';
import type { BucketRecord, S3State } from './state.ts';

export interface Buckets {
  readonly operations: readonly Operation[];
  /** Throws AwsError InvalidBucketName, BucketAlreadyOwnedByYou. */
  create(name: string): BucketRecord;
  /** Throws AwsError BucketNotEmpty. */
  remove(name: string): void;
  configure(name: string, change: (bucket: BucketRecord) => void): void;
}

/** One subresource: put, get and delete, by what the bucket keeps. */
interface Subresource {
  name: string;
  put?: unknown;
  get?: unknown;
  remove?: unknown;
  /** IAM's words for them; deleting takes the permission to put. */
  action: string;
  /** The member of the Put… input that is kept, and whether it is itself the Get… output. */
  member: string;
  whole?: boolean;
  /** What Get… answers when nothing was put: an error, or this output. */
  missing: readonly [code: string, message: string] | Record<string, unknown>;
}

const subresources: readonly Subresource[] = [
  {
    name: 'encryption',
    put: PutBucketEncryption$,
    get: GetBucketEncryption$,
    remove: DeleteBucketEncryption$,
    action: 'EncryptionConfiguration',
    member: 'ServerSideEncryptionConfiguration',
    // Every bucket is encrypted since 2023.
    missing: {
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }],
      },
    },
  },
  {
    name: 'publicAccessBlock',
    put: PutPublicAccessBlock$,
    get: GetPublicAccessBlock$,
    remove: DeletePublicAccessBlock$,
    action: 'BucketPublicAccessBlock',
    member: 'PublicAccessBlockConfiguration',
    missing: ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
  },
  {
    name: 'lifecycle',
    put: PutBucketLifecycleConfiguration$,
    get: GetBucketLifecycleConfiguration$,
    remove: DeleteBucketLifecycle$,
    action: 'LifecycleConfiguration',
    member: 'LifecycleConfiguration',
    whole: true,
    missing: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
  },
  {
    name: 'tagging',
    put: PutBucketTagging$,
    get: GetBucketTagging$,
    remove: DeleteBucketTagging$,
    action: 'BucketTagging',
    member: 'Tagging',
    whole: true,
    missing: ['NoSuchTagSet', 'The TagSet does not exist'],
  },
  {
    name: 'ownershipControls',
    put: PutBucketOwnershipControls$,
    get: GetBucketOwnershipControls$,
    remove: DeleteBucketOwnershipControls$,
    action: 'BucketOwnershipControls',
    member: 'OwnershipControls',
    missing: { OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] } },
  },
  {
    name: 'cors',
    put: PutBucketCors$,
    get: GetBucketCors$,
    remove: DeleteBucketCors$,
    action: 'BucketCORS',
    member: 'CORSConfiguration',
    whole: true,
    missing: ['NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
  },
  {
    name: 'website',
    put: PutBucketWebsite$,
    get: GetBucketWebsite$,
    remove: DeleteBucketWebsite$,
    action: 'BucketWebsite',
    member: 'WebsiteConfiguration',
    whole: true,
    missing: ['NoSuchWebsiteConfiguration', 'The specified bucket does not have a website configuration'],
  },
  {
    name: 'logging',
    put: PutBucketLogging$,
    get: GetBucketLogging$,
    action: 'BucketLogging',
    member: 'BucketLoggingStatus',
    whole: true,
    missing: {},
  },
  {
    name: 'notification',
    put: PutBucketNotificationConfiguration$,
    get: GetBucketNotificationConfiguration$,
    action: 'BucketNotification',
    member: 'NotificationConfiguration',
    whole: true,
    missing: {},
  },
  {
    name: 'policy',
    get: GetBucketPolicy$,
    remove: DeleteBucketPolicy$,
    action: 'BucketPolicy',
    member: 'Policy',
    missing: ['NoSuchBucketPolicy', 'The bucket policy does not exist'],
  },
];

/** Source: "General purpose bucket naming rules". */
export const validBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+(\.\d+){3}$/.test(name);

/** Throws AwsError MalformedPolicy when the text is no policy document. */
export function checkPolicy(text: string): void {
  let statements: unknown;
  try {
    statements = (JSON.parse(text) as { Statement?: unknown } | null)?.Statement;
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
    state.buckets.delete(name);
  };

  const configure: Buckets['configure'] = (name, change) => {
    const bucket = structuredClone(state.bucket(name));
    change(bucket);
    state.buckets.put(name, bucket);
  };

  const named = { Bucket: '' };
  type Named = typeof named & Record<string, unknown>;
  const generic = subresources.flatMap(
    ({ name, put, get, remove: removal, action, member, whole, missing }) => [
      ...(put === undefined
        ? []
        : [
            operation(
              put,
              (input: Named) => {
                configure(input.Bucket, (bucket) => {
                  bucket.configuration[name] = whole ? input[member] : { [member]: input[member] };
                });
                return {};
              },
              { access: onBucket(`Put${action}`) },
            ),
          ]),
      ...(get === undefined
        ? []
        : [
            operation(
              get,
              (input: Named) => {
                const kept = state.bucket(input.Bucket).configuration[name];
                if (kept !== undefined) return kept;
                if (!Array.isArray(missing)) return missing;
                throw new AwsError(missing[0], missing[1], 404, { BucketName: input.Bucket });
              },
              { access: onBucket(`Get${action}`) },
            ),
          ]),
      ...(removal === undefined
        ? []
        : [
            operation(
              removal,
              (input: Named) => {
                configure(input.Bucket, (bucket) => {
                  delete bucket.configuration[name];
                });
                return {};
              },
              { access: onBucket(name === 'policy' ? 'DeleteBucketPolicy' : `Put${action}`) },
            ),
          ]),
    ],
  );

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
        const all = state.buckets
          .values()
          .filter((bucket) => bucket.name.startsWith(prefix) && bucket.name > after)
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const last = all[size - 1];
        return {
          Owner: owner,
          ...(input.Prefix !== undefined && { Prefix: prefix }),
          ...(all.length > size && last && { ContinuationToken: last.name }),
          Buckets: all.slice(0, size).map((bucket) => ({
            Name: bucket.name,
            CreationDate: new Date(bucket.created),
            BucketRegion: cloud.region,
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
    ...generic,
  ];
  return { operations, create, remove, configure };
}
