/** Buckets go only when they are empty, versions and delete markers included. */
import {
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { ClientOptions } from '../../environment.ts';
import type { Belonging, Kind } from './belongings.ts';
import { type Ownership, tagOf, tenantTag } from './ownership.ts';
import { everyPage } from './pages.ts';

/** CloudFormation cuts a stack's name short in a bucket's, which has 63 characters at most. */
const recognizable = 12;

const isNamed = (error: unknown, ...names: string[]): boolean =>
  error instanceof Error && names.includes(error.name);

export class Buckets implements Kind {
  readonly kind = 'bucket';
  readonly #client: S3Client;
  readonly #region: string;

  constructor(options: ClientOptions) {
    this.#client = new S3Client(options);
    this.#region = options.region;
  }

  async find({ has, beginnings }: Ownership): Promise<Belonging[]> {
    const buckets = await everyPage(async (next) => {
      const page = await this.#client.send(
        new ListBucketsCommand({
          BucketRegion: this.#region,
          MaxBuckets: 1_000,
          ...(next && { ContinuationToken: next }),
        }),
      );
      return { items: page.Buckets, next: page.ContinuationToken };
    });
    const found: Belonging[] = [];
    for (const { Name: name = '' } of buckets) {
      if (!beginnings.some((beginning) => name.startsWith(beginning.toLowerCase().slice(0, recognizable))))
        continue;
      const tags = await this.#tags(name);
      if (!has(tags)) continue;
      const tenantId = tagOf(tags, tenantTag);
      found.push({
        kind: this.kind,
        id: name,
        name,
        size: await this.#size(name),
        ...(tenantId !== undefined && { tenantId }),
      });
    }
    return found;
  }

  async remove({ id }: Pick<Belonging, 'id'>, signal: AbortSignal): Promise<void> {
    try {
      await this.empty(id, signal);
      await this.#client.send(new DeleteBucketCommand({ Bucket: id }));
    } catch (error) {
      if (!isNamed(error, 'NoSuchBucket')) throw error;
    }
  }

  /** Deletes every version of every object, a page (1,000) at a time. Throws when S3 refuses one of them. */
  async empty(bucket: string, signal: AbortSignal): Promise<number> {
    let deleted = 0;
    for (;;) {
      signal.throwIfAborted();
      // Always the first page: what was on it is gone.
      const page = await this.#client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
      const doomed = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      if (doomed.length === 0) return deleted;
      const { Errors = [] } = await this.#client.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Quiet: true, Objects: doomed.map(({ Key, VersionId }) => ({ Key, VersionId })) },
        }),
      );
      const [refused] = Errors;
      if (refused)
        throw Object.assign(new Error(`${refused.Key} in the bucket ${bucket}: ${refused.Message}`), {
          name: refused.Code ?? 'Error',
        });
      deleted += doomed.length;
    }
  }

  async #tags(bucket: string): Promise<{ Key?: string | undefined; Value?: string | undefined }[]> {
    try {
      return (await this.#client.send(new GetBucketTaggingCommand({ Bucket: bucket }))).TagSet ?? [];
    } catch (error) {
      // Another's bucket may keep its tags to itself; ours has some.
      if (isNamed(error, 'NoSuchTagSet', 'NoSuchBucket', 'AccessDenied')) return [];
      throw error;
    }
  }

  /** By one page: how much more there is would cost a call a thousand. */
  async #size(bucket: string): Promise<string> {
    const page = await this.#client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const count = (page.Versions ?? []).length + (page.DeleteMarkers ?? []).length;
    if (page.IsTruncated) return 'more than 1,000 object versions';
    return count === 1 ? '1 object version' : `${count} object versions`;
  }
}
