/** Time to live: items whose time has passed go, as AWS removes them some time after. */
import { AwsError, type Cloud } from '../../platform.ts';
import { act, check } from './engine.ts';
import type { ItemStore } from './item-store.ts';
import type { Item, TableRecord } from './table.ts';
import type { Tables } from './tables.ts';

/** An item older than five years is not taken for expired (developer guide, "Working with items: TTL"). */
const oldestSeconds = 5 * 365 * 24 * 3600;

const keyOf = (table: TableRecord, item: Item): Item =>
  Object.fromEntries(
    table.schema.KeySchema.flatMap(({ AttributeName = '' }) => {
      const value = item[AttributeName];
      return value ? [[AttributeName, value]] : [];
    }),
  );

/** Deletes every expired item; answers how many. An item that was renewed in between stays. */
export async function sweepExpired(cloud: Cloud, tables: Tables, store: ItemStore): Promise<number> {
  let gone = 0;
  const now = Math.floor(cloud.clock.now() / 1000);
  for (const table of tables.all()) {
    const attribute = table.ttlAttribute;
    if (attribute === undefined) continue;
    for await (const page of store.items(table)) {
      for (const item of page) {
        const at = Number(item[attribute]?.['N'] ?? Number.NaN);
        if (!(at < now && at > now - oldestSeconds)) continue;
        const request = check('DeleteItem', {
          TableName: table.schema.TableName,
          Key: keyOf(table, item),
          ConditionExpression: '#ttl = :seen',
          ExpressionAttributeNames: { '#ttl': attribute },
          ExpressionAttributeValues: { ':seen': { N: String(item[attribute]?.['N']) } },
        });
        try {
          await act('DeleteItem', store.unit(), request);
          gone++;
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
        }
      }
    }
  }
  return gone;
}
