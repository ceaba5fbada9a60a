import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Key } from '../../model/registry.ts';
import { registryIndex } from '../../model/registry.ts';
import type { ClientOptions } from '../environment.ts';

type Item = Record<string, unknown>;

export interface Page<T> {
  items: T[];
  /** Opaque; undefined on the last page. */
  nextToken: string | undefined;
}

/** A condition on a write, in DynamoDB's expression language. `#name` placeholders are attribute names themselves. */
export interface Condition {
  expression: string;
  values?: Record<string, unknown>;
}

/** True when a conditional write was refused by its condition. */
export const isConditionFailure = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConditionalCheckFailedException';

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
    const names: Record<string, string> = {};
    const values: Record<string, unknown> = {};
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
    const { Attributes } = await this.#client.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: { ...key },
        UpdateExpression: [
          set.length ? `SET ${set.join(', ')}` : '',
          remove.length ? `REMOVE ${remove.join(', ')}` : '',
        ]
          .filter(Boolean)
          .join(' '),
        ...(conditioned.ConditionExpression && { ConditionExpression: conditioned.ConditionExpression }),
        ExpressionAttributeNames: { ...names, ...conditioned.ExpressionAttributeNames },
        ...(Object.keys(values).length + Object.keys(conditioned.ExpressionAttributeValues ?? {}).length >
          0 && {
          ExpressionAttributeValues: { ...values, ...conditioned.ExpressionAttributeValues },
        }),
        ReturnValues: 'ALL_NEW',
      }),
    );
    return Attributes as T;
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
      nextToken?: string;
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
        ...(options.nextToken !== undefined && { ExclusiveStartKey: decodeToken(options.nextToken) }),
        ...(options.descending && { ScanIndexForward: false }),
      }),
    );
    return {
      items: (Items ?? []) as T[],
      nextToken: LastEvaluatedKey && Buffer.from(JSON.stringify(LastEvaluatedKey)).toString('base64url'),
    };
  }

  /** Every item of a partition, page by page. */
  async all<T>(pk: string, prefix?: string): Promise<T[]> {
    const items: T[] = [];
    let nextToken: string | undefined;
    do {
      const page: Page<T> = await this.page<T>(pk, {
        ...(prefix && { prefix }),
        ...(nextToken && { nextToken }),
      });
      items.push(...page.items);
      nextToken = page.nextToken;
    } while (nextToken);
    return items;
  }
}

function decodeToken(token: string): Record<string, unknown> {
  const key: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  if (typeof key !== 'object' || key === null) throw new TypeError('not a token');
  return key as Record<string, unknown>;
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
