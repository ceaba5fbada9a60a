/** The tables of the account: made, changed, listed, removed. Used by the API and by CloudFormation. */
import { randomUUID } from 'node:crypto';
import type { AttributeDefinition, KeySchemaElement } from '@aws-sdk/client-dynamodb';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { checkedKey, isLocked } from './encryption.ts';
import { check, validationError } from './engine.ts';
import type { ItemStore } from './item-store.ts';
import { describe, type IndexSchema, type TableRecord, type Throughput } from './table.ts';

/** Tables an account and Region (Amazon DynamoDB quotas). */
export const maxTables = 2500;

export type Input = Record<string, unknown>;
type IndexInput = IndexSchema & { ProvisionedThroughput?: Throughput };

const isObject = (value: unknown): value is Input =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface TagEntry {
  Key: string;
  Value: string;
}
export const tagMap = (tags: unknown): Record<string, string> =>
  Object.fromEntries(((tags as TagEntry[] | undefined) ?? []).map(({ Key, Value }) => [Key, Value ?? '']));

export type Tables = ReturnType<typeof createTables>;

export function createTables(cloud: Cloud, itemStore: () => ItemStore) {
  const records = cloud.store.collection<TableRecord>('dynamodb.tables');

  const notFound = (name: string): AwsError =>
    new AwsError('ResourceNotFoundException', `Requested resource not found: Table: ${name} not found`);

  function require(name: string): TableRecord {
    const table = records.get(name);
    if (!table) throw notFound(name);
    return table;
  }

  /** A table's name, given by name or ARN; one of another account or Region does not exist here. */
  function nameOf(reference: unknown): string {
    if (typeof reference !== 'string')
      throw validationError("The parameter 'TableName' is required but was not present in the request");
    if (!reference.startsWith('arn:')) return reference;
    const prefix = arn(cloud, 'dynamodb', 'table/');
    if (!reference.startsWith(prefix)) throw notFound(reference);
    return reference.slice(prefix.length).split('/')[0] ?? '';
  }

  const save = (table: TableRecord): TableRecord => {
    records.put(table.schema.TableName, table);
    return table;
  };

  const indexThroughput = (indexes: readonly IndexInput[] | undefined): Record<string, Throughput> =>
    Object.fromEntries(
      (indexes ?? []).flatMap(({ IndexName, ProvisionedThroughput }) =>
        ProvisionedThroughput ? [[IndexName, ProvisionedThroughput]] : [],
      ),
    );
  const schemaOf = ({ IndexName, KeySchema, Projection }: IndexSchema): IndexSchema => ({
    IndexName,
    KeySchema,
    Projection,
  });

  /** The settings that CreateTable and UpdateTable share. */
  function settings(input: Input): Partial<TableRecord> {
    const sse = input['SSESpecification'];
    const stream = input['StreamSpecification'];
    const label = new Date(cloud.clock.now()).toISOString().replace(/Z$/, '');
    return {
      ...(input['DeletionProtectionEnabled'] === undefined
        ? {}
        : { deletionProtection: input['DeletionProtectionEnabled'] === true }),
      ...(input['TableClass'] === undefined
        ? {}
        : { tableClass: input['TableClass'] as TableRecord['tableClass'] }),
      ...(isObject(sse) && sse['Enabled'] === true
        ? {
            encryption:
              sse['KMSMasterKeyId'] === undefined
                ? {}
                : { kmsKeyId: checkedKey(cloud, String(sse['KMSMasterKeyId'])) },
          }
        : {}),
      ...(isObject(stream) && stream['StreamEnabled'] === true
        ? { stream: { viewType: String(stream['StreamViewType'] ?? 'NEW_AND_OLD_IMAGES'), label } }
        : {}),
    };
  }

  return {
    nameOf,
    get: (name: string): TableRecord | undefined => records.get(name),
    arn: (name: string): string => arn(cloud, 'dynamodb', `table/${name}`),
    require,
    save,
    names: (): string[] => records.keys().sort(),
    ids: (): Set<string> => new Set(records.values().map((table) => table.id)),
    all: (): TableRecord[] => records.values(),
    count: (): number => records.keys().length,

    async description(table: TableRecord): Promise<Record<string, unknown>> {
      const description = describe(table, await itemStore().size(table));
      return isLocked(cloud, table)
        ? { ...description, TableStatus: 'INACCESSIBLE_ENCRYPTION_CREDENTIALS' }
        : description;
    },

    /** Throws ResourceInUseException, LimitExceededException, ValidationException. */
    create(input: Input): TableRecord {
      const data = check('CreateTable', structuredClone(input));
      const name = nameOf(data['TableName']);
      if (records.has(name)) throw new AwsError('ResourceInUseException', `Table already exists: ${name}`);
      if (records.keys().length >= maxTables)
        throw new AwsError(
          'LimitExceededException',
          `Subscriber limit exceeded: Number of tables (${maxTables}) has been reached`,
        );
      const local = data['LocalSecondaryIndexes'] as IndexInput[] | undefined;
      const global = data['GlobalSecondaryIndexes'] as IndexInput[] | undefined;
      const onDemand = data['BillingMode'] === 'PAY_PER_REQUEST';
      return save({
        schema: {
          TableName: name,
          TableStatus: 'ACTIVE',
          AttributeDefinitions: data['AttributeDefinitions'] as AttributeDefinition[],
          KeySchema: data['KeySchema'] as KeySchemaElement[],
          ...(local ? { LocalSecondaryIndexes: local.map(schemaOf) } : {}),
          ...(global ? { GlobalSecondaryIndexes: global.map(schemaOf) } : {}),
        },
        id: randomUUID(),
        arn: arn(cloud, 'dynamodb', `table/${name}`),
        createdAt: cloud.clock.now(),
        billingMode: onDemand ? 'PAY_PER_REQUEST' : 'PROVISIONED',
        throughput: (data['ProvisionedThroughput'] as Throughput | undefined) ?? {
          ReadCapacityUnits: 0,
          WriteCapacityUnits: 0,
        },
        indexThroughput: indexThroughput(global),
        deletionProtection: false,
        pointInTimeRecovery: false,
        tableClass: 'STANDARD',
        tags: tagMap(input['Tags']),
        ...settings(input),
      });
    },

    /** Throws ResourceNotFoundException, ValidationException, LimitExceededException. */
    async update(input: Input): Promise<TableRecord> {
      const name = nameOf(input['TableName']);
      const before = require(name);
      const updates = (input['GlobalSecondaryIndexUpdates'] as Input[] | undefined) ?? [];
      const changed = [
        'AttributeDefinitions',
        'BillingMode',
        'ProvisionedThroughput',
        'GlobalSecondaryIndexUpdates',
        'SSESpecification',
        'StreamSpecification',
        'DeletionProtectionEnabled',
        'TableClass',
        'OnDemandThroughput',
        'WarmThroughput',
      ].some((key) => input[key] !== undefined);
      if (!changed)
        throw validationError(
          'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required',
        );
      if (updates.filter((update) => update['Create'] || update['Delete']).length > 1)
        throw new AwsError(
          'LimitExceededException',
          'Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table',
        );
      const billingMode =
        (input['BillingMode'] as TableRecord['billingMode'] | undefined) ?? before.billingMode;
      if (billingMode === 'PAY_PER_REQUEST' && input['ProvisionedThroughput'])
        throw validationError(
          'One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
        );
      const table: TableRecord = { ...before, ...settings(input), billingMode };
      if (isObject(input['StreamSpecification']) && input['StreamSpecification']['StreamEnabled'] === false)
        delete table.stream;
      if (isObject(input['SSESpecification']) && input['SSESpecification']['Enabled'] === false)
        delete table.encryption;
      if (billingMode === 'PAY_PER_REQUEST')
        table.throughput = { ReadCapacityUnits: 0, WriteCapacityUnits: 0 };
      if (input['ProvisionedThroughput']) table.throughput = input['ProvisionedThroughput'] as Throughput;
      const schema = { ...table.schema };
      if (input['AttributeDefinitions'])
        schema.AttributeDefinitions = input['AttributeDefinitions'] as AttributeDefinition[];
      let indexes = schema.GlobalSecondaryIndexes ?? [];
      const made: string[] = [];
      const gone: string[] = [];
      for (const update of updates) {
        const create = update['Create'] as IndexInput | undefined;
        const removed = (update['Delete'] as { IndexName: string } | undefined)?.IndexName;
        const adjusted = update['Update'] as IndexInput | undefined;
        if (create) {
          if (indexes.some((index) => index.IndexName === create.IndexName))
            throw validationError(`Attempting to create an index which already exists: ${create.IndexName}`);
          indexes = [...indexes, schemaOf(create)];
          made.push(create.IndexName);
          table.indexThroughput = { ...table.indexThroughput, ...indexThroughput([create]) };
        }
        if (removed !== undefined) {
          if (!indexes.some((index) => index.IndexName === removed))
            throw new AwsError('ResourceNotFoundException', 'Requested resource not found');
          indexes = indexes.filter((index) => index.IndexName !== removed);
          gone.push(removed);
        }
        if (adjusted) table.indexThroughput = { ...table.indexThroughput, ...indexThroughput([adjusted]) };
      }
      const { GlobalSecondaryIndexes: _before, ...base } = schema;
      table.schema = { ...base, ...(indexes.length > 0 ? { GlobalSecondaryIndexes: indexes } : {}) };
      // The same rules as for a new table of this shape.
      check('CreateTable', {
        TableName: name,
        AttributeDefinitions: table.schema.AttributeDefinitions.filter(({ AttributeName }) =>
          [
            table.schema.KeySchema,
            ...[...(table.schema.LocalSecondaryIndexes ?? []), ...indexes].map((index) => index.KeySchema),
          ].some((keys) => keys.some((key) => key.AttributeName === AttributeName)),
        ),
        KeySchema: table.schema.KeySchema,
        BillingMode: 'PAY_PER_REQUEST',
        ...(table.schema.LocalSecondaryIndexes
          ? { LocalSecondaryIndexes: structuredClone(table.schema.LocalSecondaryIndexes) }
          : {}),
        ...(indexes.length > 0 ? { GlobalSecondaryIndexes: structuredClone(indexes) } : {}),
      });
      // What is written from here on enters a new index by itself; then what was there before does.
      save(table);
      for (const index of made) await itemStore().fillIndex(table, index);
      for (const index of gone) await itemStore().clearIndex(table, index);
      return table;
    },

    /** Throws ResourceNotFoundException, and ValidationException when the table is protected. */
    async remove(name: string): Promise<TableRecord> {
      const table = require(name);
      if (table.deletionProtection)
        throw validationError(
          `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
        );
      records.delete(name);
      // The record goes first: what a killed process leaves of the items is swept at the next start.
      await cloud.store.flushed();
      await itemStore().clearTable(table.id);
      return table;
    },
  };
}
