import { DescribeKeyCommand, KMSClient, ListKeysCommand, ListResourceTagsCommand } from '@aws-sdk/client-kms';
import { EncryptionKeys } from '../../encryption-keys.ts';
import type { ClientOptions } from '../../environment.ts';
import type { Belonging, Kind } from './belongings.ts';
import { type Ownership, tagOf, tenantTag } from './ownership.ts';
import { everyPage } from './pages.ts';

/** KMS keys that data is under. One whose deletion is pending counts as gone: nothing else can be done about it. */
export class Keys implements Kind {
  readonly kind = 'KMS key';
  readonly #client: KMSClient;
  readonly #keys: EncryptionKeys;

  constructor(options: ClientOptions) {
    this.#client = new KMSClient(options);
    this.#keys = new EncryptionKeys(options);
  }

  async find({ has }: Ownership): Promise<Belonging[]> {
    const ids = await everyPage(async (next) => {
      const page = await this.#client.send(new ListKeysCommand({ ...(next && { Marker: next }) }));
      return { items: page.Keys, next: page.NextMarker };
    });
    const found: Belonging[] = [];
    for (const { KeyId = '' } of ids) {
      const tags = await this.#tagsOf(KeyId);
      if (!tags || !has(tags)) continue;
      const tenantId = tagOf(tags, tenantTag);
      found.push({
        kind: this.kind,
        id: KeyId,
        name: KeyId,
        ...(tenantId !== undefined && { tenantId }),
      });
    }
    return found;
  }

  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    await this.#keys.scheduleDeletion(id);
  }

  /** Undefined of keys that are AWS's, somebody else's by their policy, or about to go. */
  async #tagsOf(KeyId: string): Promise<{ Key: string; Value: string }[] | undefined> {
    try {
      const { KeyMetadata } = await this.#client.send(new DescribeKeyCommand({ KeyId }));
      if (KeyMetadata?.KeyManager !== 'CUSTOMER' || KeyMetadata.KeyState === 'PendingDeletion')
        return undefined;
      const tags = await everyPage(async (next) => {
        const page = await this.#client.send(
          new ListResourceTagsCommand({ KeyId, ...(next && { Marker: next }) }),
        );
        return { items: page.Tags, next: page.NextMarker };
      });
      return tags.map(({ TagKey = '', TagValue = '' }) => ({ Key: TagKey, Value: TagValue }));
    } catch (error) {
      if (error instanceof Error && /^(NotFoundException|AccessDeniedException)$/.test(error.name))
        return undefined;
      throw error;
    }
  }
}
