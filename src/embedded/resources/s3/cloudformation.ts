/** AWS::S3::Bucket and AWS::S3::BucketPolicy. */
import { isDeepStrictEqual } from 'node:util';
import {
  AwsError,
  type Cloud,
  type Properties,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import { type Buckets, validBucketName } from './buckets.ts';
import type { BucketRecord, S3State } from './state.ts';

type Json = Record<string, unknown>;
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const given = (entries: Json): Json =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));

/** Numbers and booleans may come as text from a template. */
const number = (value: unknown): number | undefined => (value === undefined ? undefined : Number(value));
const flag = (value: unknown): boolean | undefined =>
  value === undefined ? undefined : value === true || value === 'true';

function lifecycleRule(rule: Json): Json {
  const noncurrent = rule['NoncurrentVersionExpiration'] as Json | undefined;
  const abort = rule['AbortIncompleteMultipartUpload'] as Json | undefined;
  const tags = list(rule['TagFilters']);
  const prefix = rule['Prefix'] ?? '';
  const expiration = given({
    Days: number(rule['ExpirationInDays']),
    Date: rule['ExpirationDate'],
    ExpiredObjectDeleteMarker: flag(rule['ExpiredObjectDeleteMarker']),
  });
  return given({
    ID: rule['Id'],
    Status: rule['Status'],
    Filter: tags.length > 0 ? { And: { Prefix: prefix, Tags: tags } } : { Prefix: prefix },
    Expiration: Object.keys(expiration).length > 0 ? expiration : undefined,
    Transitions:
      rule['Transitions'] === undefined
        ? undefined
        : list(rule['Transitions']).map((each) =>
            given({
              Days: number(each['TransitionInDays']),
              Date: each['TransitionDate'],
              StorageClass: each['StorageClass'],
            }),
          ),
    NoncurrentVersionExpiration:
      noncurrent || rule['NoncurrentVersionExpirationInDays'] !== undefined
        ? given({
            NoncurrentDays: number(
              noncurrent?.['NoncurrentDays'] ?? rule['NoncurrentVersionExpirationInDays'],
            ),
            NewerNoncurrentVersions: number(noncurrent?.['NewerNoncurrentVersions']),
          })
        : undefined,
    AbortIncompleteMultipartUpload: abort && { DaysAfterInitiation: number(abort['DaysAfterInitiation']) },
  });
}

/** What the bucket's Get… operations will answer, from the template's properties. */
function configurationOf(properties: Properties, tags: Readonly<Record<string, string>>): Json {
  const own = list(properties['Tags']);
  const ownKeys = new Set(own.map((tag) => tag['Key']));
  const tagSet = [
    ...Object.entries(tags)
      .filter(([key]) => !ownKeys.has(key))
      .map(([Key, Value]) => ({ Key, Value })),
    ...own,
  ];
  const encryption = properties['BucketEncryption'] as Json | undefined;
  const block = properties['PublicAccessBlockConfiguration'] as Json | undefined;
  const ownership = properties['OwnershipControls'] as Json | undefined;
  const lifecycle = properties['LifecycleConfiguration'] as Json | undefined;
  const logging = properties['LoggingConfiguration'] as Json | undefined;
  const cors = properties['CorsConfiguration'] as Json | undefined;
  return given({
    tagging: tagSet.length > 0 ? { TagSet: tagSet } : undefined,
    encryption: encryption && {
      ServerSideEncryptionConfiguration: {
        Rules: list(encryption['ServerSideEncryptionConfiguration']).map((rule) =>
          given({
            ApplyServerSideEncryptionByDefault: rule['ServerSideEncryptionByDefault'],
            BucketKeyEnabled: flag(rule['BucketKeyEnabled']),
          }),
        ),
      },
    },
    publicAccessBlock: block && {
      PublicAccessBlockConfiguration: Object.fromEntries(
        ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'].map((name) => [
          name,
          flag(block[name]) ?? false,
        ]),
      ),
    },
    ownershipControls: ownership && { OwnershipControls: { Rules: list(ownership['Rules']) } },
    lifecycle: lifecycle && { Rules: list(lifecycle['Rules']).map(lifecycleRule) },
    logging: logging && {
      LoggingEnabled: {
        TargetBucket: logging['DestinationBucketName'],
        TargetPrefix: logging['LogFilePrefix'] ?? '',
      },
    },
    cors: cors && {
      CORSRules: list(cors['CorsRules']).map((rule) =>
        given({
          ID: rule['Id'],
          AllowedHeaders: rule['AllowedHeaders'],
          AllowedMethods: rule['AllowedMethods'],
          AllowedOrigins: rule['AllowedOrigins'],
          ExposeHeaders: rule['ExposedHeaders'],
          MaxAgeSeconds: number(rule['MaxAge']),
        }),
      ),
    },
  });
}

export function bucketType(cloud: Cloud, state: S3State, buckets: Buckets): ResourceType {
  const describe = (name: string): ResourceState => ({
    physicalId: name,
    attributes: {
      Arn: `arn:${cloud.partition}:s3:::${name}`,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${cloud.region}.amazonaws.com`,
      DualStackDomainName: `${name}.s3.dualstack.${cloud.region}.amazonaws.com`,
      WebsiteURL: `http://${name}.s3-website-${cloud.region}.amazonaws.com`,
    },
  });
  const configure = (name: string, properties: Properties, tags: Readonly<Record<string, string>>): void =>
    buckets.configure(name, (bucket: BucketRecord) => {
      // The policy is a resource of its own.
      const { policy } = bucket.configuration;
      bucket.configuration = {
        ...configurationOf(properties, tags),
        ...(policy !== undefined && { policy }),
      };
      const status = (properties['VersioningConfiguration'] as Json | undefined)?.['Status'];
      if (status === 'Enabled' || status === 'Suspended') bucket.versioning = status;
      else if (bucket.versioning !== undefined) bucket.versioning = 'Suspended';
    });
  return {
    replaceOn: ['BucketName'],
    validate(properties) {
      const name = properties['BucketName'];
      if (name !== undefined && (typeof name !== 'string' || !validBucketName(name))) {
        throw new AwsError('InvalidBucketName', `Bucket name ${JSON.stringify(name)} is not valid`);
      }
    },
    create(context, properties) {
      const name =
        typeof properties['BucketName'] === 'string'
          ? properties['BucketName']
          : context
              .physicalName(63)
              .toLowerCase()
              .replace(/[^a-z0-9-]/g, '-');
      if (state.buckets.has(name)) {
        throw new AwsError('AlreadyExists', `${name} already exists`, 409);
      }
      buckets.create(name);
      configure(name, properties, context.tags);
      return describe(name);
    },
    update(context, name, properties) {
      configure(name, properties, context.tags);
      return describe(name);
    },
    delete(_context, name) {
      if (state.buckets.has(name)) buckets.remove(name);
    },
  };
}

export function bucketPolicyType(state: S3State, buckets: Buckets): ResourceType {
  const put = (properties: Properties): ResourceState => {
    const bucket = String(properties['Bucket']);
    const document = properties['PolicyDocument'];
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    buckets.configure(bucket, (record) => {
      record.configuration['policy'] = { Policy: text };
    });
    return { physicalId: bucket, attributes: { Bucket: bucket } };
  };
  return {
    replaceOn: ['Bucket'],
    validate(properties) {
      for (const name of ['Bucket', 'PolicyDocument']) {
        if (properties[name] === undefined)
          throw new AwsError('ValidationError', `Property ${name} is required`);
      }
    },
    create: (_context, properties) => put(properties),
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, bucket, properties) {
      const kept = state.buckets.get(bucket)?.configuration['policy'] as { Policy: string } | undefined;
      if (!kept) return;
      // A policy that replaced this one stays.
      const document = properties['PolicyDocument'];
      const own = typeof document === 'string' ? (JSON.parse(document) as unknown) : document;
      if (!isDeepStrictEqual(JSON.parse(kept.Policy), own)) return;
      buckets.configure(bucket, (record) => {
        delete record.configuration['policy'];
      });
    },
  };
}
