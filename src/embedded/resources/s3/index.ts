/** Amazon S3: buckets and objects, their contents as files in the state directory. */
import { createHash } from 'node:crypto';
import type { AwsService, Cloud, S3Api } from '../../platform.ts';
import { openBlobs } from './blobs.ts';
import { createBuckets } from './buckets.ts';
import { bucketPolicyType, bucketType } from './cloudformation.ts';
import { Encryption } from './encryption.ts';
import { createListing } from './listing.ts';
import { createMultipart } from './multipart.ts';
import { createObjects } from './objects.ts';
import { openS3State } from './state.ts';

export function createS3(cloud: Cloud): AwsService & S3Api {
  const state = openS3State(cloud);
  const blobs = openBlobs(cloud);
  // S3 shows accounts by a canonical id of 64 hexadecimal digits.
  const owner = { ID: createHash('sha256').update(cloud.account).digest('hex'), DisplayName: cloud.account };
  const encryption = new Encryption(cloud);
  const buckets = createBuckets(cloud, state, owner);
  const objects = createObjects(cloud, state, blobs, encryption);
  return {
    signingName: 's3',
    protocol: 'rest-xml',
    xmlNamespace: 'http://s3.amazonaws.com/doc/2006-03-01/',
    operations: [
      ...buckets.operations,
      ...objects.operations,
      ...createListing(state, owner),
      ...createMultipart(cloud, state, blobs, objects, encryption),
    ],
    resourceTypes: {
      'AWS::S3::Bucket': bucketType(cloud, state, buckets),
      'AWS::S3::BucketPolicy': bucketPolicyType(state, buckets),
    },
    async read(bucket, key) {
      const { blob, headers } = objects.version(bucket, key);
      encryption.unseal(bucket, key, headers);
      return blobs.readAll(blob);
    },
    async start() {
      const versions = state.objects.values().flatMap((object) => object.versions);
      const parts = state.uploads.values().flatMap((upload) => Object.values(upload.parts));
      await blobs.sweep(new Set([...versions, ...parts].map((each) => each.blob)));
    },
  };
}
