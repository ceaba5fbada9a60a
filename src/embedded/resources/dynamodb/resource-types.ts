/** CloudFormation's DynamoDB types. */
import {
  AwsError,
  type Cloud,
  type Properties,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import type { ItemStore } from './item-store.ts';
import { type IndexSchema, streamArn, type TableRecord } from './table.ts';
import { type Input, type Tables, tagMap } from './tables.ts';

const object = (value: unknown): Input | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Input) : undefined;
const list = (value: unknown): Input[] => (Array.isArray(value) ? (value as Input[]) : []);
/** CloudFormation may give booleans and numbers as text. */
const truth = (value: unknown): boolean => value === true || value === 'true';

const throughput = (value: unknown): Input | undefined => {
  const given = object(value);
  return (
    given && {
      ReadCapacityUnits: Number(given['ReadCapacityUnits']),
      WriteCapacityUnits: Number(given['WriteCapacityUnits']),
    }
  );
};

interface Wanted {
  create: Input;
  pointInTimeRecovery: boolean;
  recoveryDays: number | undefined;
  ttlAttribute: string | undefined;
}

export function dynamoResourceTypes(
  cloud: Cloud,
  tables: Tables,
  open: () => Promise<ItemStore>,
): Record<string, ResourceType> {
  const state = (table: TableRecord): ResourceState => {
    const stream = streamArn(table);
    return {
      physicalId: table.schema.TableName,
      attributes: { Arn: table.arn, TableId: table.id, ...(stream ? { StreamArn: stream } : {}) },
    };
  };

  const indexes = (value: unknown, onDemand: boolean): Input[] | undefined => {
    const all = list(value).map((index) => ({
      IndexName: index['IndexName'],
      KeySchema: index['KeySchema'],
      Projection: index['Projection'],
      ...(onDemand || !index['ProvisionedThroughput']
        ? {}
        : { ProvisionedThroughput: throughput(index['ProvisionedThroughput']) }),
    }));
    return all.length > 0 ? all : undefined;
  };

  /** Properties of AWS::DynamoDB::Table as CreateTable's input and the settings that have calls of their own. */
  const ofTable = (
    properties: Properties,
    name: string,
    stackTags: Readonly<Record<string, string>>,
  ): Wanted => {
    const onDemand = properties['BillingMode'] === 'PAY_PER_REQUEST';
    const sse = object(properties['SSESpecification']);
    const stream = object(properties['StreamSpecification']);
    const ttl = object(properties['TimeToLiveSpecification']);
    const recovery = object(properties['PointInTimeRecoverySpecification']);
    const global = indexes(properties['GlobalSecondaryIndexes'], onDemand);
    const local = indexes(properties['LocalSecondaryIndexes'], true);
    const tags = { ...stackTags, ...tagMap(properties['Tags']) };
    return {
      create: {
        TableName: name,
        AttributeDefinitions: properties['AttributeDefinitions'],
        KeySchema: properties['KeySchema'],
        BillingMode: properties['BillingMode'] ?? 'PROVISIONED',
        DeletionProtectionEnabled: truth(properties['DeletionProtectionEnabled']),
        TableClass: properties['TableClass'] ?? 'STANDARD',
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        StreamSpecification: stream
          ? { StreamEnabled: true, StreamViewType: stream['StreamViewType'] }
          : { StreamEnabled: false },
        SSESpecification: sse
          ? {
              Enabled: truth(sse['SSEEnabled']),
              ...(sse['KMSMasterKeyId'] === undefined ? {} : { KMSMasterKeyId: sse['KMSMasterKeyId'] }),
            }
          : { Enabled: false },
        ...(onDemand ? {} : { ProvisionedThroughput: throughput(properties['ProvisionedThroughput']) }),
        ...(global ? { GlobalSecondaryIndexes: global } : {}),
        ...(local ? { LocalSecondaryIndexes: local } : {}),
      },
      pointInTimeRecovery: truth(recovery?.['PointInTimeRecoveryEnabled']),
      recoveryDays:
        recovery?.['RecoveryPeriodInDays'] === undefined
          ? undefined
          : Number(recovery['RecoveryPeriodInDays']),
      ttlAttribute: ttl && truth(ttl['Enabled']) ? String(ttl['AttributeName']) : undefined,
    };
  };

  /** AWS::DynamoDB::GlobalTable with its one replica, as properties of AWS::DynamoDB::Table. */
  const asTable = (properties: Properties): Properties => {
    const replicas = list(properties['Replicas']);
    const [replica] = replicas;
    if (!replica || replicas.length > 1 || replica['Region'] !== cloud.region)
      throw new AwsError(
        'ValidationException',
        `a global table has exactly one replica here, in ${cloud.region}`,
      );
    const sse = object(properties['SSESpecification']);
    const replicaSse = object(replica['SSESpecification']);
    return {
      ...properties,
      PointInTimeRecoverySpecification: replica['PointInTimeRecoverySpecification'],
      DeletionProtectionEnabled: replica['DeletionProtectionEnabled'],
      TableClass: replica['TableClass'],
      Tags: replica['Tags'],
      ...(sse ? { SSESpecification: { ...sse, ...replicaSse } } : {}),
      ...(properties['BillingMode'] === 'PAY_PER_REQUEST'
        ? {}
        : { ProvisionedThroughput: provisioned(properties, replica) }),
    };
  };

  /** Autoscaled capacity starts at its lower bound. */
  const provisioned = (properties: Properties, replica: Input): Input => {
    const scaled = (settings: unknown, fixed: string): number => {
      const given = object(settings);
      const scaling =
        object(given?.['ReadCapacityAutoScalingSettings']) ??
        object(given?.['WriteCapacityAutoScalingSettings']);
      return Number(given?.[fixed] ?? scaling?.['SeedCapacity'] ?? scaling?.['MinCapacity'] ?? 1);
    };
    return {
      ReadCapacityUnits: scaled(replica['ReadProvisionedThroughputSettings'], 'ReadCapacityUnits'),
      WriteCapacityUnits: scaled(properties['WriteProvisionedThroughputSettings'], 'WriteCapacityUnits'),
    };
  };

  const settle = (table: TableRecord, wanted: Wanted): TableRecord => {
    const { ttlAttribute: _ttl, recoveryDays: _days, recoverableSince, ...rest } = table;
    return tables.save({
      ...rest,
      tags: tagMap(wanted.create['Tags']),
      pointInTimeRecovery: wanted.pointInTimeRecovery,
      ...(wanted.pointInTimeRecovery ? { recoverableSince: recoverableSince ?? cloud.clock.now() } : {}),
      ...(wanted.recoveryDays === undefined ? {} : { recoveryDays: wanted.recoveryDays }),
      ...(wanted.ttlAttribute === undefined ? {} : { ttlAttribute: wanted.ttlAttribute }),
    });
  };

  /** One call for each index that comes or goes: the service takes no more at once. */
  const indexUpdates = (before: readonly IndexSchema[], after: readonly Input[]): Input[] => {
    const same = (a: IndexSchema, b: Input): boolean =>
      JSON.stringify([a.KeySchema, a.Projection]) === JSON.stringify([b['KeySchema'], b['Projection']]);
    const find = (name: string): Input | undefined => after.find((index) => index['IndexName'] === name);
    const gone = before.filter((index) => {
      const kept = find(index.IndexName);
      return !kept || !same(index, kept);
    });
    const made = after.filter(
      (index) => !before.some((old) => old.IndexName === index['IndexName'] && same(old, index)),
    );
    return [
      ...gone.map((index) => ({ Delete: { IndexName: index.IndexName } })),
      ...made.map((index) => ({ Create: index })),
    ];
  };

  const handler = (normal: (properties: Properties) => Properties): ResourceType => ({
    replaceOn: ['TableName', 'KeySchema', 'LocalSecondaryIndexes', 'ImportSourceSpecification'],
    validate(properties) {
      if (properties['KeySchema'] === undefined)
        throw new AwsError('ValidationException', 'Property KeySchema cannot be empty.');
      normal(properties);
    },
    async create(context, properties) {
      await open();
      const name = String(properties['TableName'] ?? context.physicalName(255));
      const wanted = ofTable(normal(properties), name, context.tags);
      return state(settle(tables.create(wanted.create), wanted));
    },
    async update(context, physicalId, properties) {
      await open();
      const wanted = ofTable(normal(properties), physicalId, context.tags);
      const before = tables.require(physicalId);
      const {
        GlobalSecondaryIndexes,
        KeySchema: _keys,
        LocalSecondaryIndexes: _local,
        ...rest
      } = wanted.create;
      // A stream that stays keeps its label.
      if (before.stream && object(rest['StreamSpecification'])?.['StreamViewType'] === before.stream.viewType)
        delete rest['StreamSpecification'];
      const changes = indexUpdates(before.schema.GlobalSecondaryIndexes ?? [], list(GlobalSecondaryIndexes));
      const definitions = rest['AttributeDefinitions'];
      delete rest['AttributeDefinitions'];
      await tables.update(rest);
      for (const change of changes) {
        // While old indexes still stand, their attributes must stay defined.
        const standing = tables.require(physicalId).schema.AttributeDefinitions;
        const names = new Set(list(definitions).map((entry) => entry['AttributeName']));
        const merged = [...list(definitions), ...standing.filter((entry) => !names.has(entry.AttributeName))];
        await tables.update({
          TableName: physicalId,
          AttributeDefinitions: merged,
          GlobalSecondaryIndexUpdates: [change],
        });
      }
      await tables.update({ TableName: physicalId, AttributeDefinitions: definitions });
      return state(settle(tables.require(physicalId), wanted));
    },
    async delete(_context, physicalId) {
      await open();
      if (tables.get(physicalId)) await tables.remove(physicalId);
    },
  });

  return {
    'AWS::DynamoDB::Table': handler((properties) => properties),
    'AWS::DynamoDB::GlobalTable': handler(asTable),
  };
}
