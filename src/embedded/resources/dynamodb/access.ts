/**
 * What an item operation needs to be allowed, with DynamoDB's condition keys
 * (Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB").
 */
import type { Access } from '../../platform.ts';
import type { Checked, ItemOperation } from './engine.ts';
import { type Item, partitionKey, type TableRecord, type WireValue } from './table.ts';

type Context = Record<string, string | string[] | undefined>;

interface Parsed {
  paths?: (string | number)[][];
  nestedPaths?: Record<string, unknown>;
  pathHeads?: Record<string, unknown>;
  sections?: { path: (string | number)[] }[];
}

/** A key as policies see it: text, a number's digits, or base64. */
function scalar(value: WireValue | undefined): string | undefined {
  const [inner] = Object.values(value ?? {});
  return typeof inner === 'string' ? inner : undefined;
}

function leading(items: readonly (Item | undefined)[], name: string | undefined): string[] | undefined {
  if (name === undefined) return undefined;
  const keys = new Set<string>();
  for (const item of items) {
    const key = scalar(item?.[name]);
    // A request that names an item without its key names every item, as far as a policy can tell.
    if (key === undefined) return undefined;
    keys.add(key);
  }
  return keys.size > 0 ? [...keys] : undefined;
}

/** The partition key that a Query asks for; undefined unless it asks for exactly one. */
function queriedKey(data: Checked, name: string | undefined): string[] | undefined {
  const conditions = data['KeyConditions'] as
    | Record<string, { ComparisonOperator?: string; AttributeValueList?: WireValue[] }>
    | undefined;
  const condition = name === undefined ? undefined : conditions?.[name];
  if (condition?.ComparisonOperator !== 'EQ' || condition.AttributeValueList?.length !== 1) return undefined;
  const key = scalar(condition.AttributeValueList[0]);
  return key === undefined ? undefined : [key];
}

/** Top-level attributes that a request reads or writes by name; undefined when it names none. */
function attributes(data: Checked): string[] | undefined {
  const names = new Set<string>();
  for (const name of (data['AttributesToGet'] as string[] | undefined) ?? []) names.add(name);
  for (const part of [
    'Item',
    'Key',
    'AttributeUpdates',
    'Expected',
    'QueryFilter',
    'ScanFilter',
    'KeyConditions',
  ])
    for (const name of Object.keys((data[part] as Item | undefined) ?? {})) names.add(name);
  for (const part of ['_projection', '_condition', '_filter', '_updates', '_keyCondition']) {
    const parsed = data[part] as Parsed | undefined;
    for (const path of parsed?.paths ?? []) names.add(String(Array.isArray(path) ? path[0] : path));
    for (const section of parsed?.sections ?? []) names.add(String(section.path[0]));
    for (const name of Object.keys(parsed?.pathHeads ?? {})) names.add(name);
  }
  return names.size > 0 ? [...names] : undefined;
}

/** `Select` as the service fills it in where a Query or Scan leaves it out. */
function select(data: Checked): string {
  const given = data['Select'];
  if (typeof given === 'string') return given;
  if (data['_projection'] !== undefined || data['AttributesToGet'] !== undefined)
    return 'SPECIFIC_ATTRIBUTES';
  return data['IndexName'] === undefined ? 'ALL_ATTRIBUTES' : 'ALL_PROJECTED_ATTRIBUTES';
}

export interface TableLookup {
  arn(name: string): string;
  get(name: string): TableRecord | undefined;
}

const tagContext = (table: TableRecord | undefined): Context =>
  Object.fromEntries(
    Object.entries(table?.tags ?? {}).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
  );

/** One entry for each table that the request touches. `data` has passed {@link check}. */
export function itemAccess(
  operation: ItemOperation | 'ConditionCheckItem',
  data: Checked,
  tables: TableLookup,
  enclosing?: string,
): Access[] {
  const action = `dynamodb:${operation}`;
  const one = (name: string, context: Context, index?: string): Access => ({
    action,
    resource: index === undefined ? tables.arn(name) : `${tables.arn(name)}/index/${index}`,
    context: {
      ...tagContext(tables.get(name)),
      ...context,
      'dynamodb:EnclosingOperation': enclosing,
      'dynamodb:ReturnConsumedCapacity': data['ReturnConsumedCapacity'] as string | undefined,
    },
  });
  const keyOf = (name: string, index?: string): string | undefined => {
    const table = tables.get(name);
    return table && partitionKey(table.schema, index);
  };

  if (operation === 'BatchGetItem') {
    const requests = data['RequestItems'] as Record<string, { Keys: Item[] } & Checked>;
    return Object.entries(requests).map(([name, request]) =>
      one(name, {
        'dynamodb:LeadingKeys': leading(request.Keys, keyOf(name)),
        'dynamodb:Attributes': attributes({ ...request, Key: request.Keys[0] }),
      }),
    );
  }
  if (operation === 'BatchWriteItem') {
    const requests = data['RequestItems'] as Record<
      string,
      { PutRequest?: { Item: Item }; DeleteRequest?: { Key: Item } }[]
    >;
    return Object.entries(requests).map(([name, entries]) => {
      const items = entries.map((entry) => entry.PutRequest?.Item ?? entry.DeleteRequest?.Key);
      return one(name, {
        'dynamodb:LeadingKeys': leading(items, keyOf(name)),
        'dynamodb:Attributes': [...new Set(items.flatMap((item) => Object.keys(item ?? {})))],
      });
    });
  }
  const name = String(data['TableName']);
  const index = data['IndexName'] as string | undefined;
  if (operation === 'Query' || operation === 'Scan') {
    return [
      one(
        name,
        {
          // A Scan has no leading keys: a policy that asks for them (with its Null guard) refuses it.
          'dynamodb:LeadingKeys': operation === 'Query' ? queriedKey(data, keyOf(name, index)) : undefined,
          'dynamodb:Attributes': attributes(data),
          'dynamodb:Select': select(data),
        },
        index,
      ),
    ];
  }
  return [
    one(name, {
      'dynamodb:LeadingKeys': leading([(data['Key'] ?? data['Item']) as Item | undefined], keyOf(name)),
      'dynamodb:Attributes': attributes(data),
      'dynamodb:ReturnValues': data['ReturnValues'] as string | undefined,
    }),
  ];
}
