/**
 * Tables under keys of their owner's. Whoever reads or writes items must be allowed to decrypt by the table's key, through
 * DynamoDB. Source: "How DynamoDB uses AWS KMS" and "DynamoDB encryption at rest usage notes".
 */
import { AwsError, type Call, type Cloud } from '../../platform.ts';
import type { TableRecord } from './table.ts';

/** The key's ARN. Throws ValidationException when there is no such key, or it is not enabled. */
export function checkedKey(cloud: Cloud, keyId: string): string {
  try {
    return cloud.kms.use(keyId, 'DescribeKey', {});
  } catch (error) {
    throw new AwsError('ValidationException', `KMS validation error: ${(error as Error).message}`);
  }
}

/** Whoever makes a table under a key, or puts one under it, hands DynamoDB a grant. */
export function allowGrant(cloud: Cloud, keyId: string, { principal }: Call): void {
  const key = checkedKey(cloud, keyId);
  for (const action of ['DescribeKey', 'CreateGrant'])
    cloud.kms.use(key, action, { caller: principal, via: 'dynamodb' });
}

/** Throws AccessDeniedException. AWS asks KMS every five minutes; here every call does. */
export function unlock(cloud: Cloud, table: TableRecord | undefined, { principal }: Call): void {
  const keyId = table?.encryption?.kmsKeyId;
  if (table === undefined || keyId === undefined) return;
  try {
    cloud.kms.use(keyId, 'Decrypt', {
      caller: principal,
      via: 'dynamodb',
      encryptionContext: {
        'aws:dynamodb:tableName': table.schema.TableName,
        'aws:dynamodb:subscriberId': cloud.account,
      },
    });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError('AccessDeniedException', `KMS key access denied error: ${error.message}`);
  }
}

export function isLocked(cloud: Cloud, { encryption }: TableRecord): boolean {
  if (encryption?.kmsKeyId === undefined) return false;
  try {
    cloud.kms.use(encryption.kmsKeyId, 'Decrypt', {});
    return false;
  } catch {
    return true;
  }
}
