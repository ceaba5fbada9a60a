import {
  type AttributeValue,
  fromAttributes,
  type Json,
  toAttributes,
  toAttributeValue,
} from './attribute-values.ts';
import type { CredentialSource } from './credentials.ts';
import { type DynamoDbClient, DynamoDbError } from './dynamodb-client.ts';

export type Item = { [name: string]: Json };
type Fields = { [name: string]: Json | undefined };

export interface ItemPage {
  items: Item[];
  /** Id of the last item when there are more. */
  last: string | undefined;
}

/** A table with partition key `tenantId`; every call is for one tenant and is signed for that tenant. */
export interface TenantTable {
  /** In order of the sort key; eventually consistent. */
  list(tenantId: string, page: { limit: number; after?: string | undefined }): Promise<ItemPage>;
  get(tenantId: string, id: string): Promise<Item | undefined>;
  /** Writes a new item; false when the id is taken. */
  create(tenantId: string, id: string, fields: Fields): Promise<boolean>;
  /** Sets the fields, removes those that are undefined, leaves the others; undefined when there is no such item. */
  update(tenantId: string, id: string, fields: Fields): Promise<Item | undefined>;
  /** False when there was no such item. */
  remove(tenantId: string, id: string): Promise<boolean>;
}

/** What DynamoDB answers to keys that it doesn't take (any more). */
const staleCredentials = new Set([
  'ExpiredTokenException',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
]);

export function createTenantTable(
  client: DynamoDbClient,
  credentials: CredentialSource,
  table: { name: string; sortKey: string },
): TenantTable {
  const { sortKey } = table;
  const TableName = table.name;
  const keyOf = (tenantId: string, id: string) => ({ tenantId: { S: tenantId }, [sortKey]: { S: id } });
  const exists = {
    ConditionExpression: 'attribute_exists(#id)',
    ExpressionAttributeNames: { '#id': sortKey },
  };

  async function call<Output>(tenantId: string, operation: string, input: object): Promise<Output> {
    try {
      return await client.call<Output>(operation, input, await credentials.forTenant(tenantId));
    } catch (error) {
      if (!(error instanceof DynamoDbError) || !staleCredentials.has(error.code)) throw error;
      credentials.drop(tenantId);
      return client.call<Output>(operation, input, await credentials.forTenant(tenantId));
    }
  }

  /** False when the condition did not hold; true when it may be our own first attempt that made it so. */
  async function conditional(write: Promise<unknown>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (error instanceof DynamoDbError && error.code === 'ConditionalCheckFailedException')
        return error.maybeDone;
      throw error;
    }
  }

  return {
    async list(tenantId, { limit, after }) {
      const page = await call<{
        Items?: Record<string, AttributeValue>[];
        LastEvaluatedKey?: Record<string, { S: string }>;
      }>(tenantId, 'Query', {
        TableName,
        KeyConditionExpression: 'tenantId = :tenant',
        ExpressionAttributeValues: { ':tenant': { S: tenantId } },
        Limit: limit,
        ...(after !== undefined && { ExclusiveStartKey: keyOf(tenantId, after) }),
      });
      return { items: (page.Items ?? []).map(fromAttributes), last: page.LastEvaluatedKey?.[sortKey]?.S };
    },
    async get(tenantId, id) {
      const { Item } = await call<{ Item?: Record<string, AttributeValue> }>(tenantId, 'GetItem', {
        TableName,
        Key: keyOf(tenantId, id),
        // Whoever follows the Location of a POST must find the item.
        ConsistentRead: true,
      });
      return Item && fromAttributes(Item);
    },
    create(tenantId, id, fields) {
      return conditional(
        call(tenantId, 'PutItem', {
          TableName,
          Item: { ...toAttributes(fields), ...keyOf(tenantId, id) },
          ConditionExpression: 'attribute_not_exists(#id)',
          ExpressionAttributeNames: { '#id': sortKey },
        }),
      );
    },
    async update(tenantId, id, fields) {
      const names: Record<string, string> = { '#id': sortKey };
      const values: Record<string, AttributeValue> = {};
      const set: string[] = [];
      const remove: string[] = [];
      for (const [index, [name, value]] of Object.entries(fields).entries()) {
        names[`#f${index}`] = name;
        if (value === undefined) {
          remove.push(`#f${index}`);
          continue;
        }
        values[`:f${index}`] = toAttributeValue(value);
        set.push(`#f${index} = :f${index}`);
      }
      try {
        const { Attributes } = await call<{ Attributes: Record<string, AttributeValue> }>(
          tenantId,
          'UpdateItem',
          {
            TableName,
            Key: keyOf(tenantId, id),
            UpdateExpression: `SET ${set.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
            ConditionExpression: exists.ConditionExpression,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: values,
            ReturnValues: 'ALL_NEW',
          },
        );
        return fromAttributes(Attributes);
      } catch (error) {
        if (error instanceof DynamoDbError && error.code === 'ConditionalCheckFailedException')
          return undefined;
        throw error;
      }
    },
    remove(tenantId, id) {
      return conditional(call(tenantId, 'DeleteItem', { TableName, Key: keyOf(tenantId, id), ...exists }));
    },
  };
}
