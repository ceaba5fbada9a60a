import {
  DescribeKeyCommand,
  type KeyMetadata,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { ClientOptions } from './environment.ts';

/**
 * Days until a key that is no longer needed is gone for good: the least that KMS allows. What was under it is deleted by
 * then; whoever takes it back needs the key as well.
 */
export const pendingDays = 7;

/** KMS keys that data is under: a tenant's own, and the environment's. */
export class EncryptionKeys {
  readonly #client: KMSClient;

  constructor(options: ClientOptions) {
    this.#client = new KMSClient(options);
  }

  /** Undefined when there is none of that id or ARN. */
  async find(key: string): Promise<KeyMetadata | undefined> {
    try {
      return (await this.#client.send(new DescribeKeyCommand({ KeyId: key }))).KeyMetadata;
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundException') return undefined;
      throw error;
    }
  }

  /** False when it is gone, or going, already. Nothing under it can be read from now on. */
  async scheduleDeletion(key: string): Promise<boolean> {
    const known = await this.find(key);
    if (!known || known.KeyState === 'PendingDeletion') return false;
    await this.#client.send(new ScheduleKeyDeletionCommand({ KeyId: key, PendingWindowInDays: pendingDays }));
    return true;
  }

  async isInUse(key: string): Promise<boolean> {
    const known = await this.find(key);
    return known !== undefined && known.KeyState !== 'PendingDeletion';
  }
}
