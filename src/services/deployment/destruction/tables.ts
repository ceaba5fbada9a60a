import {
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  ListTagsOfResourceCommand,
} from '@aws-sdk/client-dynamodb';
import type { ClientOptions } from '../../environment.ts';
import { Items } from '../../items.ts';
import type { Belonging, Kind } from './belongings.ts';
import { type Ownership, tagOf, tenantTag } from './ownership.ts';
import { everyPage } from './pages.ts';

export class Tables implements Kind {
  readonly kind = 'table';
  readonly #client: DynamoDBClient;
  readonly #items: Items;

  constructor(options: ClientOptions) {
    this.#client = new DynamoDBClient(options);
    this.#items = new Items(options);
  }

  async find({ has, beginnings }: Ownership): Promise<Belonging[]> {
    const names = await everyPage(async (next) => {
      const page = await this.#client.send(
        new ListTablesCommand({ ...(next && { ExclusiveStartTableName: next }) }),
      );
      return { items: page.TableNames, next: page.LastEvaluatedTableName };
    });
    const found: Belonging[] = [];
    for (const name of names) {
      if (!beginnings.some((beginning) => name.startsWith(beginning))) continue;
      const table = await this.#owned(name, has);
      if (table) found.push({ kind: this.kind, id: name, name, ...table });
    }
    return found;
  }

  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    await this.#items.deleteTable(id);
  }

  async #owned(
    name: string,
    has: Ownership['has'],
  ): Promise<{ size: string; tenantId?: string } | undefined> {
    try {
      const { Table } = await this.#client.send(new DescribeTableCommand({ TableName: name }));
      const tags = await everyPage(async (next) => {
        const page = await this.#client.send(
          new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn, ...(next && { NextToken: next }) }),
        );
        return { items: page.Tags, next: page.NextToken };
      });
      if (!has(tags)) return undefined;
      const tenantId = tagOf(tags, tenantTag);
      const bytes = Table?.TableSizeBytes ?? 0;
      return {
        size: `about ${Table?.ItemCount ?? 0} items, ${bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`}`,
        ...(tenantId !== undefined && { tenantId }),
      };
    } catch (error) {
      // Gone since it was listed.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }
}
