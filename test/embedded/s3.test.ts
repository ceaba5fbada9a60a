/** S3 by its real client, on a whole embedded cloud. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { ResourceContext } from '../../src/embedded/platform.ts';

let stateDir: string;
let cloud: RunningCloud;
let s3: S3Client;
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-s3-'));
  cloud = await startCloud({ stateDir });
  s3 = new S3Client({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
});
afterAll(async () => {
  await cloud?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

let count = 0;
async function newBucket(): Promise<string> {
  count += 1;
  const Bucket = `bucket-${count}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}
const put = (Bucket: string, Key: string, Body: string | Buffer = 'x') =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body }));
const text = async (Bucket: string, Key: string, VersionId?: string): Promise<string | undefined> =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body?.transformToString();

describe('objects', () => {
  test('come back with content, headers and the MD5 as ETag', async () => {
    const Bucket = await newBucket();
    const Key = 'a dir/ünï&<>"\'+%.txt';
    const { ETag } = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: 'hello',
        ContentType: 'text/plain',
        CacheControl: 'no-store',
        Metadata: { owner: 'me' },
        Tagging: 'a=1&b=2',
      }),
    );
    expect(ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(await text(Bucket, Key)).toBe('hello');
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
      ContentLength: 5,
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { owner: 'me' },
      ETag,
    });
    expect(await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).toMatchObject({
      TagSet: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    });
    await s3.send(
      new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'c', Value: '3' }] } }),
    );
    expect(await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).toMatchObject({
      TagSet: [{ Key: 'c', Value: '3' }],
    });
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents).toMatchObject([{ Key, Size: 5, ETag }]);
  });

  test('stream when large, whole and in ranges', async () => {
    const Bucket = await newBucket();
    const body = Buffer.alloc(700_001, '0123456789');
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'big', Body: Readable.from([body]), ContentLength: body.length }),
    );
    const whole = await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }));
    expect(Buffer.from((await whole.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    const range = async (Range: string) => {
      const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'big', Range }));
      return [part.ContentRange, part.$metadata.httpStatusCode, await part.Body?.transformToString()];
    };
    expect(await range('bytes=2-5')).toEqual(['bytes 2-5/700001', 206, '2345']);
    expect(await range('bytes=-3')).toEqual(['bytes 699998-700000/700001', 206, '890']);
    await expect(range('bytes=700001-')).rejects.toMatchObject({ name: 'InvalidRange' });
  });

  test('answer conditions, and say what is missing', async () => {
    const Bucket = await newBucket();
    const { ETag } = await put(Bucket, 'k', 'one');
    await expect(
      s3.send(new GetObjectCommand({ Bucket, Key: 'k', IfNoneMatch: ETag })),
    ).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    });
    await expect(
      s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two', IfNoneMatch: '*' })),
    ).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    expect(await text(Bucket, 'k')).toBe('one');
    await expect(text(Bucket, 'none')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(text('no-bucket', 'k')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'no-bucket' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
  });

  test('are copied, within the cloud', async () => {
    const Bucket = await newBucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'from/a b', Body: 'content', Metadata: { m: '1' } }));
    const CopySource = `${Bucket}/${encodeURIComponent('from/a b')}`;
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource }));
    const copied = await s3.send(new GetObjectCommand({ Bucket, Key: 'to' }));
    expect(copied.Metadata).toEqual({ m: '1' });
    expect(await copied.Body?.transformToString()).toBe('content');
    expect((await cloud.s3.read(Bucket, 'to')).toString()).toBe('content');
  });
});

describe('listing', () => {
  test('groups by delimiter and pages through, in both versions', async () => {
    const Bucket = await newBucket();
    for (const key of ['a/1', 'a/2', 'b', 'c/1', 'c/x/1', 'd']) await put(Bucket, key);
    const seen: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 1, ContinuationToken }),
      );
      expect(page.KeyCount).toBe(1);
      seen.push(page.Contents?.[0]?.Key ?? page.CommonPrefixes?.[0]?.Prefix);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(seen).toEqual(['a/', 'b', 'c/', 'd']);
    const first = await s3.send(
      new ListObjectsCommand({ Bucket, Prefix: 'c/', Delimiter: '/', EncodingType: 'url' }),
    );
    expect(first).toMatchObject({
      IsTruncated: false,
      Contents: [{ Key: 'c/1' }],
      CommonPrefixes: [{ Prefix: 'c/x/' }],
    });
    const after = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'a/1', Delimiter: '/' }));
    expect(after.CommonPrefixes?.map((each) => each.Prefix)).toEqual(['a/', 'c/']);
  });

  test('shows buckets', async () => {
    const Bucket = await newBucket();
    const { Buckets, Owner } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets).toContainEqual(expect.objectContaining({ Name: Bucket, CreationDate: expect.any(Date) }));
    expect(Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
  });
});

test('versions are kept, hidden by delete markers, and deleted one by one', async () => {
  const Bucket = await newBucket();
  await put(Bucket, 'k', 'zero');
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const one = await put(Bucket, 'k', 'one');
  const two = await put(Bucket, 'k', 'two');
  const gone = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  expect(gone).toMatchObject({ DeleteMarker: true, VersionId: expect.any(String) });
  await expect(text(Bucket, 'k')).rejects.toMatchObject({ name: 'NoSuchKey' });
  expect(await text(Bucket, 'k', one.VersionId)).toBe('one');
  expect(await text(Bucket, 'k', 'null')).toBe('zero');
  const versions = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  expect(versions.Versions?.map((each) => each.VersionId)).toEqual([two.VersionId, one.VersionId, 'null']);
  expect(versions.DeleteMarkers).toMatchObject([{ VersionId: gone.VersionId, IsLatest: true }]);
  const paged = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 2 }));
  const rest = await s3.send(
    new ListObjectVersionsCommand({
      Bucket,
      KeyMarker: paged.NextKeyMarker,
      VersionIdMarker: paged.NextVersionIdMarker,
    }),
  );
  expect(rest.Versions?.map((each) => each.VersionId)).toEqual([one.VersionId, 'null']);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: gone.VersionId }));
  expect(await text(Bucket, 'k')).toBe('two');
  await expect(s3.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({
    name: 'BucketNotEmpty',
  });
  const result = await s3.send(
    new DeleteObjectsCommand({
      Bucket,
      Delete: { Objects: versions.Versions?.map(({ Key, VersionId }) => ({ Key, VersionId })) },
    }),
  );
  expect(result.Deleted).toHaveLength(3);
  await s3.send(new DeleteBucketCommand({ Bucket }));
});

describe('multipart uploads', () => {
  const part = Buffer.alloc(5 * 1024 * 1024, 'p');

  test('put the parts together', async () => {
    const Bucket = await newBucket();
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'big', ContentType: 'text/plain' }),
    );
    const upload = async (PartNumber: number, Body: Buffer | string) => ({
      PartNumber,
      ETag: (await s3.send(new UploadPartCommand({ Bucket, Key: 'big', UploadId, PartNumber, Body }))).ETag,
    });
    const second = await upload(2, 'tail');
    const first = await upload(1, part);
    await put(Bucket, 'source', '0123456789');
    const copied = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'big',
        UploadId,
        PartNumber: 3,
        CopySource: `${Bucket}/source`,
        CopySourceRange: 'bytes=2-4',
      }),
    );
    expect((await s3.send(new ListPartsCommand({ Bucket, Key: 'big', UploadId }))).Parts).toHaveLength(3);
    const complete = (Parts: { PartNumber: number; ETag: string | undefined }[]) =>
      s3.send(
        new CompleteMultipartUploadCommand({ Bucket, Key: 'big', UploadId, MultipartUpload: { Parts } }),
      );
    await expect(complete([second, first])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(complete([first, { PartNumber: 2, ETag: '"0"' }])).rejects.toMatchObject({
      name: 'InvalidPart',
    });
    const third = { PartNumber: 3, ETag: copied.CopyPartResult?.ETag };
    await expect(complete([second, third])).rejects.toMatchObject({ name: 'EntityTooSmall' });
    // 'tail' is too small to be in the middle.
    const done = await complete([first, third]);
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }));
    const content = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    expect(content.length).toBe(part.length + 3);
    expect(content.subarray(-4).toString()).toBe('p234');
    expect(got.ContentType).toBe('text/plain');
    await expect(complete([first])).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });
});

describe('CloudFormation types', () => {
  const context: ResourceContext = {
    stackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/s/1',
    stackName: 's',
    logicalId: 'Bucket',
    tags: { stack: 'tag' },
    signal: new AbortController().signal,
    physicalName: () => 'S-Bucket-1A2B',
  };
  const type = (name: string) => {
    const found = cloud.services.flatMap((service) => service.resourceTypes?.[name] ?? [])[0];
    if (!found) throw new Error(`${name} is missing`);
    return found;
  };

  test('make a bucket whose configuration can be read, and a policy on it', async () => {
    const { physicalId: Bucket, attributes } = await type('AWS::S3::Bucket').create(context, {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: 'true' },
      LifecycleConfiguration: { Rules: [{ Id: 'old', Status: 'Enabled', ExpirationInDays: 30 }] },
      Tags: [{ Key: 'own', Value: 'tag' }],
    });
    expect(Bucket).toBe('s-bucket-1a2b');
    expect(attributes).toMatchObject({ Arn: `arn:aws:s3:::${Bucket}` });
    expect(await s3.send(new GetBucketVersioningCommand({ Bucket }))).toMatchObject({ Status: 'Enabled' });
    expect(await s3.send(new GetBucketEncryptionCommand({ Bucket }))).toMatchObject({
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
    });
    expect(await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: false,
      },
    });
    expect(await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).toMatchObject({
      Rules: [{ ID: 'old', Expiration: { Days: 30 } }],
    });
    expect(await s3.send(new GetBucketTaggingCommand({ Bucket }))).toMatchObject({
      TagSet: [
        { Key: 'stack', Value: 'tag' },
        { Key: 'own', Value: 'tag' },
      ],
    });
    const properties = { Bucket, PolicyDocument: { Version: '2012-10-17', Statement: [] } };
    const policy = await type('AWS::S3::BucketPolicy').create(context, properties);
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    expect(JSON.parse(Policy ?? '')).toEqual(properties.PolicyDocument);
    await type('AWS::S3::BucketPolicy').delete(context, policy.physicalId, properties);
    await expect(s3.send(new GetBucketPolicyCommand({ Bucket }))).rejects.toMatchObject({
      name: 'NoSuchBucketPolicy',
    });
    await expect(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: 'no' }))).rejects.toMatchObject({
      name: 'MalformedPolicy',
    });
    await put(Bucket, 'k');
    const remove = async () => type('AWS::S3::Bucket').delete(context, Bucket, {});
    await expect(remove()).rejects.toMatchObject({ code: 'BucketNotEmpty' });
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: Versions?.[0]?.VersionId }));
    await remove();
    await remove();
  });

  test('refuse a bad name before anything is made', () => {
    expect(() => type('AWS::S3::Bucket').validate?.({ BucketName: 'Not_A_Name' })).toThrow('Not_A_Name');
  });
});

test('objects survive a restart', async () => {
  const Bucket = await newBucket();
  await put(Bucket, 'k', 'kept');
  const port = Number(new URL(cloud.endpoint).port);
  await cloud.stop();
  cloud = await startCloud({ stateDir, port });
  expect(await text(Bucket, 'k')).toBe('kept');
});
