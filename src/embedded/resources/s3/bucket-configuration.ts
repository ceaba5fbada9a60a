/** What is configured on buckets besides versioning: kept as it was put, and given back. */
import {
  DeleteBucketCors$,
  DeleteBucketEncryption$,
  DeleteBucketLifecycle$,
  DeleteBucketOwnershipControls$,
  DeleteBucketPolicy$,
  DeleteBucketTagging$,
  DeleteBucketWebsite$,
  DeletePublicAccessBlock$,
  GetBucketCors$,
  GetBucketEncryption$,
  GetBucketLifecycleConfiguration$,
  GetBucketLogging$,
  GetBucketNotificationConfiguration$,
  GetBucketOwnershipControls$,
  GetBucketPolicy$,
  GetBucketTagging$,
  GetBucketWebsite$,
  GetPublicAccessBlock$,
  PutBucketCors$,
  PutBucketEncryption$,
  PutBucketLifecycleConfiguration$,
  PutBucketLogging$,
  PutBucketNotificationConfiguration$,
  PutBucketOwnershipControls$,
  PutBucketTagging$,
  PutBucketWebsite$,
  PutPublicAccessBlock$,
} from '@aws-sdk/client-s3';
import { AwsError, type Operation, operation } from '../../platform.ts';
import { onBucket } from './access.ts';
import type { BucketRecord, S3State } from './state.ts';

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

type Named = { Bucket: string } & Record<string, unknown>;

/** Put…, Get… and Delete… of every subresource. */
export function bucketConfiguration(
  state: S3State,
  configure: (name: string, change: (bucket: BucketRecord) => void) => void,
): Operation[] {
  return subresources.flatMap(({ name, put, get, remove: removal, action, member, whole, missing }) => [
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
  ]);
}
