/** DynamoDB's operations on tables, on the wire's own terms. */
import { AwsError, type Cloud } from '../../platform.ts';
import { validationError } from './engine.ts';
import type { TableRecord } from './table.ts';
import { type Input, type Tables, tagMap } from './tables.ts';

/** What it needs to be allowed is `dynamodb:<operation>` on the ARN. */
export interface TableOperation {
  resource(input: Input): string;
  run(input: Input): Promise<Record<string, unknown>> | Record<string, unknown>;
}

export function tableOperations(cloud: Cloud, tables: Tables): Record<string, TableOperation> {
  const named = (
    run: (table: TableRecord, input: Input) => Promise<Record<string, unknown>> | Record<string, unknown>,
    member = 'TableName',
  ): TableOperation => ({
    resource: (input) => tables.arn(tables.nameOf(input[member])),
    run: (input) => run(tables.require(tables.nameOf(input[member])), input),
  });

  const backups = (table: TableRecord) => ({
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription: table.pointInTimeRecovery
        ? {
            PointInTimeRecoveryStatus: 'ENABLED',
            RecoveryPeriodInDays: table.recoveryDays ?? 35,
            EarliestRestorableDateTime: (table.recoverableSince ?? table.createdAt) / 1000,
            LatestRestorableDateTime: cloud.clock.now() / 1000,
          }
        : { PointInTimeRecoveryStatus: 'DISABLED' },
    },
  });

  return {
    CreateTable: {
      resource: (input) => tables.arn(tables.nameOf(input['TableName'])),
      run: async (input) => ({ TableDescription: await tables.description(tables.create(input)) }),
    },
    DescribeTable: named(async (table) => ({ Table: await tables.description(table) })),
    UpdateTable: {
      resource: (input) => tables.arn(tables.nameOf(input['TableName'])),
      run: async (input) => ({ TableDescription: await tables.description(await tables.update(input)) }),
    },
    DeleteTable: named(async (table) => {
      const description = await tables.description(table);
      await tables.remove(table.schema.TableName);
      return { TableDescription: { ...description, TableStatus: 'DELETING' } };
    }),
    ListTables: {
      resource: () => '*',
      run(input) {
        const limit = input['Limit'] === undefined ? 100 : Number(input['Limit']);
        if (!(limit >= 1 && limit <= 100))
          throw validationError(
            `1 validation error detected: Value '${input['Limit']}' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100`,
          );
        const start = input['ExclusiveStartTableName'];
        const names = tables.names().filter((name) => start === undefined || name > String(start));
        const page = names.slice(0, limit);
        return {
          TableNames: page,
          ...(names.length > limit ? { LastEvaluatedTableName: page[page.length - 1] } : {}),
        };
      },
    },
    DescribeLimits: {
      resource: () => '*',
      run: () => ({
        AccountMaxReadCapacityUnits: 80_000,
        AccountMaxWriteCapacityUnits: 80_000,
        TableMaxReadCapacityUnits: 40_000,
        TableMaxWriteCapacityUnits: 40_000,
      }),
    },
    DescribeEndpoints: {
      resource: () => '*',
      run: () => ({ Endpoints: [{ Address: new URL(cloud.endpoint).host, CachePeriodInMinutes: 1440 }] }),
    },
    TagResource: named((table, input) => {
      const tags = { ...table.tags, ...tagMap(input['Tags']) };
      if (Object.keys(tags).length > 50)
        throw validationError('One or more parameter values were invalid: Too many tags');
      tables.save({ ...table, tags });
      return {};
    }, 'ResourceArn'),
    UntagResource: named((table, input) => {
      const gone = new Set(input['TagKeys'] as string[]);
      tables.save({
        ...table,
        tags: Object.fromEntries(Object.entries(table.tags).filter(([key]) => !gone.has(key))),
      });
      return {};
    }, 'ResourceArn'),
    ListTagsOfResource: named(
      (table) => ({ Tags: Object.entries(table.tags).map(([Key, Value]) => ({ Key, Value })) }),
      'ResourceArn',
    ),
    DescribeTimeToLive: named((table) => ({
      TimeToLiveDescription: table.ttlAttribute
        ? { TimeToLiveStatus: 'ENABLED', AttributeName: table.ttlAttribute }
        : { TimeToLiveStatus: 'DISABLED' },
    })),
    UpdateTimeToLive: named((table, input) => {
      const wanted = input['TimeToLiveSpecification'] as
        | { Enabled?: boolean; AttributeName?: string }
        | undefined;
      if (!wanted?.AttributeName)
        throw validationError(
          "1 validation error detected: Value null at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must not be null",
        );
      const enabled = wanted.Enabled === true;
      if (enabled === (table.ttlAttribute !== undefined))
        throw validationError(`TimeToLive is already ${enabled ? 'enabled' : 'disabled'}`);
      if (!enabled && table.ttlAttribute !== wanted.AttributeName)
        throw validationError('TimeToLive is active on a different AttributeName');
      const { ttlAttribute: _before, ...rest } = table;
      tables.save(enabled ? { ...rest, ttlAttribute: wanted.AttributeName } : rest);
      return { TimeToLiveSpecification: { Enabled: enabled, AttributeName: wanted.AttributeName } };
    }),
    DescribeContinuousBackups: named(backups),
    UpdateContinuousBackups: named((table, input) => {
      const wanted = input['PointInTimeRecoverySpecification'] as
        | { PointInTimeRecoveryEnabled?: boolean; RecoveryPeriodInDays?: number }
        | undefined;
      const enabled = wanted?.PointInTimeRecoveryEnabled === true;
      const { recoverableSince, recoveryDays: _days, ...rest } = table;
      return backups(
        tables.save({
          ...rest,
          pointInTimeRecovery: enabled,
          ...(enabled ? { recoverableSince: recoverableSince ?? cloud.clock.now() } : {}),
          ...(wanted?.RecoveryPeriodInDays === undefined
            ? {}
            : { recoveryDays: wanted.RecoveryPeriodInDays }),
        }),
      );
    }),
    DescribeContributorInsights: named((table) => ({
      TableName: table.schema.TableName,
      ContributorInsightsStatus: 'DISABLED',
    })),
    DescribeKinesisStreamingDestination: named((table) => ({
      TableName: table.schema.TableName,
      KinesisDataStreamDestinations: [],
    })),
    GetResourcePolicy: named((table) => {
      throw new AwsError(
        'PolicyNotFoundException',
        `Resource-based policy not found for the provided ResourceArn: ${table.arn}`,
      );
    }, 'ResourceArn'),
  };
}
