/** A tenant's items in DynamoDB, for export and deletion: by the tenant's key in the pool, whole tables in a silo. */
import {
  BatchWriteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  QueryCommand,
  UpdateTableCommand,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { type NativeAttributeValue, unmarshall } from '@aws-sdk/util-dynamodb';
import type { ClientOptions } from './environment.ts';

export type Item = Record<string, NativeAttributeValue>;

/** BatchWriteItem takes 25 requests at most. */
const batchSize = 25;

export class Items {
  readonly #client: DynamoDBClient;
  constructor(options: ClientOptions) {
    this.#client = new DynamoDBClient(options);
  }

  /** All items of a tenant in one table, a page at a time. */
  async *pages(table: string, tenantId: string): AsyncGenerator<Item[]> {
    let start: Record<string, never> | undefined;
    do {
      const page: { Items?: unknown; LastEvaluatedKey?: unknown } = await this.#client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'tenantId = :tenant',
          ExpressionAttributeValues: { ':tenant': { S: tenantId } },
          ConsistentRead: true,
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      yield ((page.Items ?? []) as Parameters<typeof unmarshall>[0][]).map((item) => unmarshall(item));
      start = page.LastEvaluatedKey as Record<string, never> | undefined;
    } while (start);
  }

  async count(table: string, tenantId: string): Promise<number> {
    let count = 0;
    for await (const page of this.pages(table, tenantId)) count += page.length;
    return count;
  }

  /** Deletes all items of a tenant in one table; gives how many. */
  async deleteAll(
    table: string,
    tenantId: string,
    onPage: (deleted: number) => void = () => {},
  ): Promise<number> {
    const keys = await this.#keyNames(table);
    let deleted = 0;
    for (;;) {
      // From the start each time: what is deleted does not come again.
      const { Items = [] } = await this.#client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'tenantId = :tenant',
          ExpressionAttributeValues: { ':tenant': { S: tenantId } },
          ConsistentRead: true,
          Limit: batchSize * 8,
        }),
      );
      if (Items.length === 0) return deleted;
      for (let index = 0; index < Items.length; index += batchSize) {
        let requests = Items.slice(index, index + batchSize).map((item) => ({
          DeleteRequest: {
            Key: Object.fromEntries(keys.flatMap((key) => (item[key] ? [[key, item[key]]] : []))),
          },
        }));
        for (let attempt = 0; requests.length > 0; attempt++) {
          const { UnprocessedItems = {} } = await this.#client.send(
            new BatchWriteItemCommand({ RequestItems: { [table]: requests } }),
          );
          requests = (UnprocessedItems[table] ?? []) as typeof requests;
          if (requests.length > 0)
            await new Promise((resolve) => setTimeout(resolve, Math.min(50 * 2 ** attempt, 2_000)));
        }
      }
      deleted += Items.length;
      onPage(deleted);
    }
  }

  async #keyNames(table: string): Promise<string[]> {
    const { Table } = await this.#client.send(new DescribeTableCommand({ TableName: table }));
    return (Table?.KeySchema ?? []).map((key) => key.AttributeName ?? '');
  }

  async tableExists(table: string): Promise<boolean> {
    try {
      await this.#client.send(new DescribeTableCommand({ TableName: table }));
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return false;
      throw error;
    }
  }

  /** Deletes a silo's table and waits until it is gone; false when it was. */
  async deleteTable(table: string): Promise<boolean> {
    if (!(await this.tableExists(table))) return false;
    await this.#client
      .send(new UpdateTableCommand({ TableName: table, DeletionProtectionEnabled: false }))
      .catch((error: unknown) => {
        // Tables that were never protected refuse an update that changes nothing.
        if (!(error instanceof Error && error.name === 'ValidationException')) throw error;
      });
    await this.#client.send(new DeleteTableCommand({ TableName: table }));
    await waitUntilTableNotExists(
      { client: this.#client, maxWaitTime: 300, minDelay: 1, maxDelay: 5 },
      { TableName: table },
    );
    return true;
  }
}
