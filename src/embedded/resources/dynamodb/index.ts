/**
 * DynamoDB: dynalite's rules and actions over a store of our own, behind an IAM check. It speaks its wire format
 * itself (`raw`), past the schemas: a table's items are JSON from end to end.
 */
import path from 'node:path';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type AwsService, type Call, type Cloud, type RawResponse } from '../../platform.ts';
import { itemAccess } from './access.ts';
import { allowGrant, unlock } from './encryption.ts';
import { type Answer, act, type Checked, check, type ItemOperation, validationError } from './engine.ts';
import { type ItemStore, openItemStore } from './item-store.ts';
import { dynamoResourceTypes } from './resource-types.ts';
import type { Item } from './table.ts';
import { tableOperations } from './table-operations.ts';
import { createTables, type Input } from './tables.ts';
import { createTransactions, type Transactions, tokenPrefix } from './transactions.ts';
import { sweepExpired } from './ttl.ts';

const itemOperations = new Set<string>([
  'BatchGetItem',
  'BatchWriteItem',
  'DeleteItem',
  'GetItem',
  'PutItem',
  'Query',
  'Scan',
  'UpdateItem',
] satisfies ItemOperation[]);
const isItemOperation = (operation: string): operation is ItemOperation => itemOperations.has(operation);

/** What PartiQL's statements would need to be allowed. */
const partiQl: Record<string, string> = {
  select: 'dynamodb:PartiQLSelect',
  insert: 'dynamodb:PartiQLInsert',
  update: 'dynamodb:PartiQLUpdate',
  delete: 'dynamodb:PartiQLDelete',
};
const sweepEveryMs = 60_000;

export function createDynamoDb(cloud: Cloud): AwsService {
  let opening: Promise<ItemStore> | undefined;
  let store: ItemStore | undefined;
  let transactions: Transactions | undefined;
  let timer: NodeJS.Timeout | undefined;

  const opened = (): ItemStore => {
    if (!store) throw new AwsError('InternalServerError', 'DynamoDB has not started', 500);
    return store;
  };
  const tables = createTables(cloud, opened);
  const onTables = tableOperations(cloud, tables);

  const open = (): Promise<ItemStore> => {
    opening ??= openItemStore(path.join(cloud.stateDir, 'dynamodb'), tables.get).then(async (ready) => {
      await ready.sweep(new Set([...tables.ids(), tokenPrefix]));
      transactions = createTransactions(ready, tables, () => cloud.clock.now());
      store = ready;
      return ready;
    });
    return opening;
  };

  const allow = (call: Call, access: ReturnType<typeof itemAccess>): void => {
    for (const need of access) cloud.iam.authorize(call.principal, need);
  };

  /** Table names may be given as ARNs. */
  const byName = (operation: ItemOperation, input: Input): Input => {
    if (operation !== 'BatchGetItem' && operation !== 'BatchWriteItem')
      return typeof input['TableName'] === 'string'
        ? { ...input, TableName: tables.nameOf(input['TableName']) }
        : input;
    const requests = input['RequestItems'];
    if (typeof requests !== 'object' || requests === null) return input;
    return {
      ...input,
      RequestItems: Object.fromEntries(
        Object.entries(requests).map(([name, request]) => [tables.nameOf(name), request]),
      ),
    };
  };

  async function onItems(operation: ItemOperation, input: Input, call: Call): Promise<Answer> {
    const returnsItem = input['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD';
    const data = check(operation, byName(operation, input));
    if (call.principal.type !== 'administrator') allow(call, itemAccess(operation, data, tables));
    const { TableName: table, RequestItems: requests } = data as Input;
    for (const name of table === undefined ? Object.keys((requests ?? {}) as object) : [String(table)])
      unlock(cloud, tables.get(name), call);
    const startKey =
      data['IndexName'] === undefined ? undefined : (data['ExclusiveStartKey'] as Item | undefined);
    try {
      return await act(operation, opened().unit({ startKey }), data);
    } catch (error) {
      if (!returnsItem || !(error instanceof AwsError) || error.code !== 'ConditionalCheckFailedException')
        throw error;
      throw withItem(error, data);
    }
  }

  function withItem(error: AwsError, data: Checked): AwsError {
    const table = tables.get(String(data['TableName']));
    const item = table && opened().get(table, (data['Key'] ?? data['Item']) as Item);
    return new AwsError(error.code, error.message, error.status, item ? { Item: item } : {});
  }

  function refusePartiQl(input: Input, call: Call): never {
    const [, verb = '', name = '*'] =
      /^\s*(select|insert|update|delete)\b(?:.*?\b(?:from|into)\b|)\s*"?([\w.-]*)/is.exec(
        String(input['Statement'] ?? ''),
      ) ?? [];
    cloud.iam.authorize(call.principal, {
      action: partiQl[verb.toLowerCase()] ?? 'dynamodb:PartiQLSelect',
      resource: name === '*' || name === '' ? '*' : tables.arn(name),
    });
    throw validationError(
      'PartiQL statements are not available in the embedded cloud: use GetItem, Query and their like',
    );
  }

  async function dispatch(operation: string, input: Input, call: Call): Promise<Answer> {
    await (store ?? open());
    if (isItemOperation(operation)) return onItems(operation, input, call);
    if (operation === 'TransactWriteItems' || operation === 'TransactGetItems') {
      const transaction =
        operation === 'TransactWriteItems' ? transactions?.write(input) : transactions?.get(input);
      if (!transaction) throw new AwsError('InternalServerError', 'DynamoDB has not started', 500);
      allow(call, transaction.access);
      for (const arn of new Set(transaction.access.map(({ resource }) => resource)))
        unlock(cloud, tables.get(tables.nameOf(arn)), call);
      return transaction.run();
    }
    const onTable = onTables[operation];
    if (!onTable) return refusePartiQl(input, call);
    const resource = onTable.resource(input);
    cloud.iam.authorize(call.principal, { action: `dynamodb:${operation}`, resource });
    const { SSESpecification: sse } = input as { SSESpecification?: { KMSMasterKeyId?: string } };
    if (sse?.KMSMasterKeyId !== undefined) allowGrant(cloud, sse.KMSMasterKeyId, call);
    const answer = await onTable.run(input);
    await cloud.store.flushed();
    return answer;
  }

  const rawOperations = [
    ...itemOperations,
    ...Object.keys(onTables),
    'TransactWriteItems',
    'TransactGetItems',
  ];
  // PartiQL's are ours to refuse.
  const ours = new Set([...rawOperations, 'ExecuteStatement', 'BatchExecuteStatement', 'ExecuteTransaction']);

  const respond = async (operation: string, body: Buffer, call: Call): Promise<RawResponse> => {
    let input: unknown;
    try {
      input = parseJson(body.toString('utf8') || '{}');
    } catch {
      throw new AwsError('SerializationException', 'The request body is not valid JSON');
    }
    if (typeof input !== 'object' || input === null || Array.isArray(input))
      throw new AwsError('SerializationException', 'Start of structure or map found where not expected');
    const answer = await dispatch(operation, input as Input, call);
    return { status: 200, body: JSON.stringify(answer), contentType: 'application/x-amz-json-1.0' };
  };

  return {
    signingName: 'dynamodb',
    protocol: 'json-1.0',
    operations: [],
    raw: (operation, body, call) => (ours.has(operation) ? respond(operation, body, call) : undefined),
    rawOperations,
    resourceTypes: dynamoResourceTypes(cloud, tables, open),
    async start() {
      await open();
      timer = setInterval(() => {
        void sweepExpired(cloud, tables, opened()).catch((error: unknown) =>
          cloud.log(`dynamodb: sweeping expired items failed: ${String(error)}`),
        );
        void transactions?.sweep().catch((error: unknown) => cloud.log(`dynamodb: ${String(error)}`));
      }, sweepEveryMs);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await opening?.then((ready) => ready.close());
    },
  };
}
