/** What a table is: the record that is kept, and what DescribeTable says of it. */
import type {
  AttributeDefinition,
  KeySchemaElement,
  Projection,
  TableDescription,
} from '@aws-sdk/client-dynamodb';

/** An attribute value on the wire: one type letter and the value. */
export type WireValue = Readonly<Record<string, unknown>>;
export type Item = Record<string, WireValue>;

export interface IndexSchema {
  IndexName: string;
  KeySchema: KeySchemaElement[];
  Projection: Projection;
}

/** The part that dynalite's actions read. */
export interface TableSchema {
  TableName: string;
  TableStatus: 'ACTIVE';
  AttributeDefinitions: AttributeDefinition[];
  KeySchema: KeySchemaElement[];
  LocalSecondaryIndexes?: IndexSchema[];
  GlobalSecondaryIndexes?: IndexSchema[];
}

export interface Throughput {
  ReadCapacityUnits: number;
  WriteCapacityUnits: number;
}

export interface TableRecord {
  schema: TableSchema;
  id: string;
  arn: string;
  createdAt: number;
  billingMode: 'PROVISIONED' | 'PAY_PER_REQUEST';
  throughput: Throughput;
  /** Index name -> provisioned throughput. */
  indexThroughput: Record<string, Throughput>;
  deletionProtection: boolean;
  pointInTimeRecovery: boolean;
  /** Since when point-in-time recovery is on. */
  recoverableSince?: number;
  recoveryDays?: number;
  ttlAttribute?: string;
  tableClass: 'STANDARD' | 'STANDARD_INFREQUENT_ACCESS';
  encryption?: { kmsKeyId?: string };
  stream?: { viewType: string; label: string };
  tags: Record<string, string>;
}

export interface TableSize {
  items: number;
  bytes: number;
}

export const streamArn = (table: TableRecord): string | undefined =>
  table.stream && `${table.arn}/stream/${table.stream.label}`;

/** Name of the partition key of a table or of one of its indexes; undefined for an unknown index. */
export function partitionKey(schema: TableSchema, indexName: string | undefined): string | undefined {
  const keys =
    indexName === undefined
      ? schema.KeySchema
      : [...(schema.LocalSecondaryIndexes ?? []), ...(schema.GlobalSecondaryIndexes ?? [])].find(
          (index) => index.IndexName === indexName,
        )?.KeySchema;
  return keys?.[0]?.AttributeName;
}

/** DescribeTable's answer on the wire: dates are seconds. */
export function describe(table: TableRecord, size: TableSize): Record<string, unknown> {
  const { schema } = table;
  const onDemand = table.billingMode === 'PAY_PER_REQUEST';
  const throughput = (of: Throughput | undefined) => ({
    NumberOfDecreasesToday: 0,
    ReadCapacityUnits: of?.ReadCapacityUnits ?? 0,
    WriteCapacityUnits: of?.WriteCapacityUnits ?? 0,
  });
  const since = table.createdAt / 1000;
  const stream = streamArn(table);
  const description: Omit<TableDescription, 'CreationDateTime' | 'BillingModeSummary' | 'SSEDescription'> & {
    CreationDateTime: number;
    BillingModeSummary?: unknown;
    SSEDescription?: unknown;
  } = {
    AttributeDefinitions: schema.AttributeDefinitions,
    TableName: schema.TableName,
    KeySchema: schema.KeySchema,
    TableStatus: 'ACTIVE',
    CreationDateTime: since,
    ProvisionedThroughput: throughput(table.throughput),
    TableSizeBytes: size.bytes,
    ItemCount: size.items,
    TableArn: table.arn,
    TableId: table.id,
    DeletionProtectionEnabled: table.deletionProtection,
    TableClassSummary: { TableClass: table.tableClass },
    WarmThroughput: {
      ReadUnitsPerSecond: onDemand ? 12_000 : table.throughput.ReadCapacityUnits,
      WriteUnitsPerSecond: onDemand ? 4_000 : table.throughput.WriteCapacityUnits,
      Status: 'ACTIVE',
    },
    ...(onDemand
      ? {
          BillingModeSummary: {
            BillingMode: 'PAY_PER_REQUEST',
            LastUpdateToPayPerRequestDateTime: since,
          },
        }
      : {}),
    ...(schema.LocalSecondaryIndexes
      ? {
          LocalSecondaryIndexes: schema.LocalSecondaryIndexes.map((index) => ({
            ...index,
            IndexArn: `${table.arn}/index/${index.IndexName}`,
          })),
        }
      : {}),
    ...(schema.GlobalSecondaryIndexes
      ? {
          GlobalSecondaryIndexes: schema.GlobalSecondaryIndexes.map((index) => ({
            ...index,
            IndexStatus: 'ACTIVE' as const,
            IndexArn: `${table.arn}/index/${index.IndexName}`,
            ProvisionedThroughput: throughput(table.indexThroughput[index.IndexName]),
          })),
        }
      : {}),
    ...(table.encryption
      ? {
          SSEDescription: {
            Status: 'ENABLED',
            SSEType: 'KMS',
            ...(table.encryption.kmsKeyId ? { KMSMasterKeyArn: table.encryption.kmsKeyId } : {}),
          },
        }
      : {}),
    ...(stream && table.stream
      ? {
          StreamSpecification: { StreamEnabled: true, StreamViewType: table.stream.viewType as 'KEYS_ONLY' },
          LatestStreamArn: stream,
          LatestStreamLabel: table.stream.label,
        }
      : {}),
  };
  return description;
}
