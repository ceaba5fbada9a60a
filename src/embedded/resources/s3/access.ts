/** IAM actions of S3's operations: they differ from the operations' names. Source: "Actions, resources, and condition keys for Amazon S3". */
import type { Access } from '../../platform.ts';
import { copySourceOf } from './object-headers.ts';

type Named = { Bucket?: string | undefined; Key?: string | undefined; VersionId?: string | undefined };

export const bucketArn = (bucket: string | undefined): string => `arn:aws:s3:::${bucket ?? ''}`;
const objectArn = (bucket: string | undefined, key: string | undefined): string =>
  `${bucketArn(bucket)}/${key ?? ''}`;

export const onBucket =
  (action: string) =>
  (input: Named): Access[] => [{ action: `s3:${action}`, resource: bucketArn(input.Bucket) }];

/** ListBucket carries what is listed, for conditions such as `s3:prefix`. */
export const listing =
  (action: string) =>
  (input: Named & { Prefix?: string | undefined; Delimiter?: string | undefined }): Access[] => [
    {
      action: `s3:${action}`,
      resource: bucketArn(input.Bucket),
      context: { 's3:prefix': input.Prefix ?? '', 's3:delimiter': input.Delimiter },
    },
  ];

/** `withVersion` is the action when a version is named. */
export const onObject =
  (action: string, withVersion = action) =>
  (input: Named): Access[] => [
    {
      action: `s3:${input.VersionId === undefined ? action : withVersion}`,
      resource: objectArn(input.Bucket, input.Key),
    },
  ];

/** Copying reads the source and writes the destination. */
export const onCopy = (input: Named & { CopySource?: string | undefined }): Access[] => {
  const { bucket, key, versionId } = copySourceOf(input.CopySource);
  return [
    ...onObject('GetObject', 'GetObjectVersion')({ Bucket: bucket, Key: key, VersionId: versionId }),
    { action: 's3:PutObject', resource: objectArn(input.Bucket, input.Key) },
  ];
};
