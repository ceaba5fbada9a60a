/** A tenant's items in DynamoDB, for export and deletion: by the tenant's key in the pool, whole tables in a silo. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  QueryCommand,
  type QueryCommandOutput,
  type TableStatus,
  UpdateTableCommand,
  type WriteRequest,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import type { ClientOptions } from './environment.ts';
import { type PlainItem, plainItem } from './plain-item.ts';

type Key = Record<string, AttributeValue>;

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

/** BatchWriteItem takes 25 requests at most. */
const batchSize = 25;

export class Items {
  readonly #client: DynamoDBClient;
  constructor(options: ClientOptions) {
    this.#client = new DynamoDBClient(options);
  }

  /** All items of a tenant in one table, a page at a time; plain JSON, see {@link plainItem}. */
  async *pages(table: string, tenantId: string): AsyncGenerator<PlainItem[]> {
    let start: Key | undefined;
    do {
      const page: QueryCommandOutput = await this.#client.send(
        new QueryCommand({
          ...this.#ofTenant(table, tenantId),
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      yield (page.Items ?? []).map(plainItem);
      start = page.LastEvaluatedKey;
    } while (start);
  }

  /** How many items a tenant has in one table; none in a table that is gone or only being made. */
  async count(table: string, tenantId: string): Promise<number> {
    let count = 0;
    let start: Key | undefined;
    do {
      try {
        const page: QueryCommandOutput = await this.#client.send(
          new QueryCommand({
            ...this.#ofTenant(table, tenantId),
            Select: 'COUNT',
            ...(start && { ExclusiveStartKey: start }),
          }),
        );
        count += page.Count ?? 0;
        start = page.LastEvaluatedKey;
      } catch (error) {
        if (isNamed(error, 'ResourceNotFoundException')) return count;
        throw error;
      }
    } while (start);
    return count;
  }

  #ofTenant(table: string, tenantId: string) {
    return {
      TableName: table,
      KeyConditionExpression: 'tenantId = :tenant',
      ExpressionAttributeValues: { ':tenant': { S: tenantId } },
      ConsistentRead: true,
    };
  }

  /** Deletes all items of a tenant in one table; gives how many. Stops between two pages when aborted. */
  async deleteAll(
    table: string,
    tenantId: string,
    options: { onPage?: (deleted: number) => void; signal?: AbortSignal } = {},
  ): Promise<number> {
    const keys = await this.#keyNames(table);
    let deleted = 0;
    for (;;) {
      // From the start each time: what is deleted does not come again.
      const { Items = [] } = await this.#client.send(
        new QueryCommand({
          ...this.#ofTenant(table, tenantId),
          ProjectionExpression: keys.map((_, index) => `#k${index}`).join(', '),
          ExpressionAttributeNames: Object.fromEntries(keys.map((key, index) => [`#k${index}`, key])),
          Limit: batchSize * 8,
        }),
      );
      if (Items.length === 0) return deleted;
      for (let index = 0; index < Items.length; index += batchSize) {
        let requests: WriteRequest[] = Items.slice(index, index + batchSize).map((Key) => ({
          DeleteRequest: { Key },
        }));
        for (let attempt = 0; requests.length > 0; attempt++) {
          options.signal?.throwIfAborted();
          const { UnprocessedItems = {} } = await this.#client.send(
            new BatchWriteItemCommand({ RequestItems: { [table]: requests } }),
          );
          requests = UnprocessedItems[table] ?? [];
          if (requests.length > 0) await delay(Math.min(50 * 2 ** attempt, 2_000));
        }
      }
      deleted += Items.length;
      options.onPage?.(deleted);
    }
  }

  async #keyNames(table: string): Promise<string[]> {
    const { Table } = await this.#client.send(new DescribeTableCommand({ TableName: table }));
    return (Table?.KeySchema ?? []).map((key) => key.AttributeName ?? '');
  }

  async tableExists(table: string): Promise<boolean> {
    return (await this.#status(table)) !== undefined;
  }

  async #status(table: string): Promise<TableStatus | undefined> {
    try {
      const { Table } = await this.#client.send(new DescribeTableCommand({ TableName: table }));
      return Table?.TableStatus;
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }

  /** Deletes a silo's table and waits until it is gone; false when it was. */
  async deleteTable(table: string): Promise<boolean> {
    const status = await this.#status(table);
    if (status === undefined) return false;
    // A table that an earlier run began to delete takes no further request.
    if (status !== 'DELETING') {
      await this.#client
        .send(new UpdateTableCommand({ TableName: table, DeletionProtectionEnabled: false }))
        .catch((error: unknown) => {
          // Tables that were never protected refuse an update that changes nothing.
          if (!isNamed(error, 'ValidationException')) throw error;
        });
      await this.#client.send(new DeleteTableCommand({ TableName: table }));
    }
    await waitUntilTableNotExists(
      { client: this.#client, maxWaitTime: 300, minDelay: 1, maxDelay: 5 },
      { TableName: table },
    );
    return true;
  }
}
