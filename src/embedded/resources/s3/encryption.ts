/**
 * Objects under KMS keys: whoever writes one must be allowed to make a data key, whoever reads one to decrypt it. Source:
 * "Using server-side encryption with AWS KMS keys (SSE-KMS)", Amazon S3 user guide.
 */
import type { ServerSideEncryption } from '@aws-sdk/client-s3';
import { AwsError, type Call, type Cloud } from '../../platform.ts';
import { bucketArn } from './access.ts';
import type { BucketRecord, ObjectHeaders } from './state.ts';

export interface Seal {
  ServerSideEncryption: ServerSideEncryption;
  SSEKMSKeyId?: string;
}

interface Asked {
  ServerSideEncryption?: string | undefined;
  SSEKMSKeyId?: string | undefined;
}

/** How a bucket encrypts what says nothing of it. */
function defaultOf({ configuration }: BucketRecord): Asked {
  const { encryption } = configuration as {
    encryption?: {
      ServerSideEncryptionConfiguration?: {
        Rules?: { ApplyServerSideEncryptionByDefault?: { SSEAlgorithm?: string; KMSMasterKeyID?: string } }[];
      };
    };
  };
  const rule = encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
  return { ServerSideEncryption: rule?.SSEAlgorithm, SSEKMSKeyId: rule?.KMSMasterKeyID };
}

/** Of an object that is there. */
export const sealOf = ({ ServerSideEncryption, SSEKMSKeyId }: ObjectHeaders): Seal => ({
  ServerSideEncryption: (ServerSideEncryption ?? 'AES256') as ServerSideEncryption,
  ...(SSEKMSKeyId !== undefined && { SSEKMSKeyId }),
});

export class Encryption {
  readonly #cloud: Cloud;
  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** What an object that the caller is about to write is encrypted by. Throws AccessDenied and KMS's errors. */
  seal(bucket: BucketRecord, key: string, asked: Asked, { principal }: Call): Seal {
    const { ServerSideEncryption: algorithm, SSEKMSKeyId: id } =
      asked.ServerSideEncryption === undefined ? defaultOf(bucket) : asked;
    if (algorithm !== 'aws:kms' && algorithm !== 'aws:kms:dsse') return { ServerSideEncryption: 'AES256' };
    const keyId = id ?? 'alias/aws/s3';
    return {
      ServerSideEncryption: algorithm,
      SSEKMSKeyId: this.#use(keyId, 'GenerateDataKey', bucket.name, key, principal),
    };
  }

  /** Without a call it is this cloud that reads: only the key's state counts. */
  unseal(bucket: string, key: string, { SSEKMSKeyId: keyId }: ObjectHeaders, call?: Call): void {
    if (keyId !== undefined) this.#use(keyId, 'Decrypt', bucket, key, call?.principal);
  }

  #use(
    keyId: string,
    action: string,
    bucket: string,
    key: string,
    caller: Call['principal'] | undefined,
  ): string {
    try {
      return this.#cloud.kms.use(keyId, action, {
        caller,
        via: 's3',
        encryptionContext: { 'aws:s3:arn': `${bucketArn(bucket)}/${key}` },
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (error.code === 'AccessDeniedException') throw new AwsError('AccessDenied', error.message, 403);
      throw new AwsError(`KMS.${error.code}`, error.message);
    }
  }
}
