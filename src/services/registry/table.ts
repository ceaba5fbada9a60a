import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Key } from '../../model/registry.ts';
import { registryIndex } from '../../model/registry.ts';
import type { ClientOptions } from '../environment.ts';

type Item = Record<string, unknown>;

export interface Page<T> {
  items: T[];
  /** Key of the last item, where the next page begins; undefined on the last page. */
  last: Item | undefined;
}

/** A condition on a write, in DynamoDB's expression language. `#name` placeholders are attribute names themselves. */
export interface Condition {
  expression: string;
  values?: Record<string, unknown>;
}

/** One write of a transaction; `check` writes nothing, but the others are made only while its condition holds. */
export type Write =
  | { put: Key & Item; condition?: Condition }
  | { update: Key; changes: Item; condition?: Condition }
  | { delete: Key; condition?: Condition }
  | { check: Key; condition: Condition };

/** True when a conditional write was refused by its condition. */
export const isConditionFailure = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConditionalCheckFailedException';

/** Positions of a transaction's writes that their conditions refused; empty for any other error. */
export function refusedWrites(error: unknown): number[] {
  return reasonsOf(error).flatMap((code, index) => (code === 'ConditionalCheckFailed' ? [index] : []));
}

const reasonsOf = (error: unknown): (string | undefined)[] =>
  error instanceof TransactionCanceledException
    ? (error.CancellationReasons ?? []).map((reason) => reason.Code)
    : [];

/** Attempts at a transaction that meets another one on the same item. */
const transactionAttempts = 8;

/** The registry's table: the few shapes of access that the registry needs, each one call. */
export class RegistryTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(options: ClientOptions, table: string) {
    this.#client = DynamoDBDocumentClient.from(new DynamoDBClient(options), {
      marshallOptions: { removeUndefinedValues: true },
    });
    this.#table = table;
  }

  async get<T>(key: Key): Promise<T | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { ...key }, ConsistentRead: true }),
    );
    return Item as T | undefined;
  }

  async put<T extends Key>(item: T, condition?: Condition): Promise<void> {
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: { ...item },
        ...expression(condition?.expression, condition?.values),
      }),
    );
  }

  /**
   * Sets the attributes of `changes` (and removes those that are undefined) on one item; gives the item after it.
   * Throws ConditionalCheckFailedException when the condition does not hold.
   */
  async update<T>(key: Key, changes: Item, condition?: Condition): Promise<T> {
    const { Attributes } = await this.#client.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: { ...key },
        ...updateExpression(changes, condition),
        ReturnValues: 'ALL_NEW',
      }),
    );
    return Attributes as T;
  }

  /**
   * All of the writes or none, 100 at most. Throws TransactionCanceledException when a condition does not hold
   * ({@link refusedWrites} says whose).
   */
  async transact(writes: readonly Write[]): Promise<void> {
    const TableName = this.#table;
    const TransactItems = writes.map((write) => {
      const conditioned = expression(write.condition?.expression, write.condition?.values);
      if ('put' in write) return { Put: { TableName, Item: { ...write.put }, ...conditioned } };
      if ('delete' in write) return { Delete: { TableName, Key: { ...write.delete }, ...conditioned } };
      if ('check' in write) {
        const { expression: ConditionExpression } = write.condition;
        return {
          ConditionCheck: { TableName, Key: { ...write.check }, ...conditioned, ConditionExpression },
        };
      }
      return {
        Update: { TableName, Key: { ...write.update }, ...updateExpression(write.changes, write.condition) },
      };
    });
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.send(new TransactWriteCommand({ TransactItems }));
        return;
      } catch (error) {
        const conflict =
          reasonsOf(error).includes('TransactionConflict') && refusedWrites(error).length === 0;
        if (!conflict || attempt === transactionAttempts) throw error;
        await delay(Math.random() * 25 * 2 ** attempt);
      }
    }
  }

  async delete(key: Key, condition?: Condition): Promise<void> {
    await this.#client.send(
      new DeleteCommand({
        TableName: this.#table,
        Key: { ...key },
        ...expression(condition?.expression, condition?.values),
      }),
    );
  }

  /** One page of a partition, by sort key prefix; consistent. */
  async page<T>(
    pk: string,
    options: {
      prefix?: string;
      limit?: number;
      start?: Item;
      index?: boolean;
      descending?: boolean;
    } = {},
  ): Promise<Page<T>> {
    const partition = options.index ? `${registryIndex}pk` : 'pk';
    const sort = options.index ? `${registryIndex}sk` : 'sk';
    const { Items, LastEvaluatedKey } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        ...(options.index ? { IndexName: registryIndex } : { ConsistentRead: true }),
        KeyConditionExpression: options.prefix ? '#p = :p AND begins_with(#s, :s)' : '#p = :p',
        ExpressionAttributeNames: { '#p': partition, ...(options.prefix && { '#s': sort }) },
        ExpressionAttributeValues: { ':p': pk, ...(options.prefix && { ':s': options.prefix }) },
        ...(options.limit !== undefined && { Limit: options.limit }),
        ...(options.start !== undefined && { ExclusiveStartKey: options.start }),
        ...(options.descending && { ScanIndexForward: false }),
      }),
    );
    return { items: (Items ?? []) as T[], last: LastEvaluatedKey };
  }

  /** Every item of a partition, page by page. */
  async all<T>(pk: string, prefix?: string): Promise<T[]> {
    const items: T[] = [];
    let start: Item | undefined;
    do {
      const page: Page<T> = await this.page<T>(pk, { ...(prefix && { prefix }), ...(start && { start }) });
      items.push(...page.items);
      start = page.last;
    } while (start);
    return items;
  }
}

function updateExpression(
  changes: Item,
  condition: Condition | undefined,
): {
  UpdateExpression: string;
  ConditionExpression?: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues?: Item;
} {
  const names: Record<string, string> = {};
  const values: Item = {};
  const set: string[] = [];
  const remove: string[] = [];
  Object.entries(changes).forEach(([name, value], index) => {
    names[`#c${index}`] = name;
    if (value === undefined) remove.push(`#c${index}`);
    else {
      values[`:c${index}`] = value;
      set.push(`#c${index} = :c${index}`);
    }
  });
  const conditioned = expression(condition?.expression, condition?.values);
  Object.assign(values, conditioned.ExpressionAttributeValues);
  return {
    UpdateExpression: [
      set.length ? `SET ${set.join(', ')}` : '',
      remove.length ? `REMOVE ${remove.join(', ')}` : '',
    ]
      .filter(Boolean)
      .join(' '),
    ...(conditioned.ConditionExpression && { ConditionExpression: conditioned.ConditionExpression }),
    ExpressionAttributeNames: { ...names, ...conditioned.ExpressionAttributeNames },
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}

function expression(
  text: string | undefined,
  values: Record<string, unknown> | undefined,
): {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, unknown>;
} {
  if (!text) return {};
  const names = Object.fromEntries(
    [...text.matchAll(/#(\w+)/g)].map(([placeholder, name]) => [placeholder, name ?? '']),
  );
  return {
    ConditionExpression: text,
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ...(values && { ExpressionAttributeValues: values }),
  };
}
