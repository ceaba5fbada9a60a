/** CloudWatch Logs: groups, streams, events. Metric and subscription filters, queries and live tail are not here. */
import {
  AssociateKmsKey$,
  type AssociateKmsKeyCommandInput,
  CreateLogGroup$,
  type CreateLogGroupCommandInput,
  CreateLogStream$,
  type CreateLogStreamCommandInput,
  DeleteLogGroup$,
  type DeleteLogGroupCommandInput,
  DeleteLogStream$,
  type DeleteLogStreamCommandInput,
  DeleteRetentionPolicy$,
  type DeleteRetentionPolicyCommandInput,
  DescribeLogGroups$,
  type DescribeLogGroupsCommandInput,
  DescribeLogStreams$,
  type DescribeLogStreamsCommandInput,
  DisassociateKmsKey$,
  type DisassociateKmsKeyCommandInput,
  FilterLogEvents$,
  type FilterLogEventsCommandInput,
  GetLogEvents$,
  type GetLogEventsCommandInput,
  ListTagsForResource$,
  type ListTagsForResourceCommandInput,
  ListTagsLogGroup$,
  type ListTagsLogGroupCommandInput,
  PutLogEvents$,
  type PutLogEventsCommandInput,
  PutRetentionPolicy$,
  type PutRetentionPolicyCommandInput,
  TagLogGroup$,
  type TagLogGroupCommandInput,
  TagResource$,
  type TagResourceCommandInput,
  UntagLogGroup$,
  type UntagLogGroupCommandInput,
  UntagResource$,
  type UntagResourceCommandInput,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  AwsError,
  type AwsService,
  type Cloud,
  type LogsApi,
  type Operation,
  operation,
} from '../../platform.ts';
import { compareText, pageOf } from '../pages.ts';
import { filterLogEvents, getLogEvents } from './events.ts';
import { type GroupRecord, invalid, LogGroups, type StreamRecord } from './groups.ts';
import { logGroupType, logStreamType, metricFilterType, resourcePolicyType } from './resource-types.ts';

interface GroupInput {
  logGroupName?: string | undefined;
  logGroupIdentifier?: string | undefined;
  logStreamName?: string | undefined;
  resourceArn?: string | undefined;
}

const day = 86_400_000;
const sweepEveryMs = 3_600_000;

export function createLogs(cloud: Cloud): AwsService & LogsApi {
  const groups = new LogGroups(cloud);
  let sweeper: NodeJS.Timeout | undefined;

  /** An operation on one group or stream. Group-level calls are authorized on `…:log-stream:`, as AWS does it. */
  const onGroup = <Input extends GroupInput, Output>(
    schema: unknown,
    name: string,
    handler: (input: Input) => Output | Promise<Output>,
  ): Operation =>
    operation(schema, handler, {
      access: (input) => {
        const group = groups.nameOf(
          input.logGroupName ?? input.logGroupIdentifier ?? input.resourceArn ?? '',
        );
        return [
          {
            action: `logs:${name}`,
            resource: `${groups.arn(group)}:log-stream:${input.logStreamName ?? ''}`,
          },
        ];
      },
    });
  const streamMetadata = async (stream: StreamRecord) => {
    const { first, last, lastIngestion } = await groups.file(stream).summarize();
    return {
      logStreamName: stream.name,
      creationTime: stream.created,
      firstEventTimestamp: first,
      lastEventTimestamp: last,
      lastIngestionTime: lastIngestion,
      uploadSequenceToken: '49039859602604213',
      arn: `${groups.arn(stream.group)}:log-stream:${stream.name}`,
      storedBytes: 0,
    };
  };
  const groupMetadata = (group: GroupRecord) => {
    let storedBytes = 0;
    for (const stream of groups.streamsOf(group.name).values()) {
      storedBytes += groups.file(stream).bytes();
    }
    return {
      logGroupName: group.name,
      creationTime: group.created,
      retentionInDays: group.retentionInDays,
      metricFilterCount: 0,
      arn: `${groups.arn(group.name)}:*`,
      logGroupArn: groups.arn(group.name),
      storedBytes,
      kmsKeyId: group.kmsKeyId,
      logGroupClass: group.logGroupClass,
    };
  };
  const retain = (reference: string | undefined, days: number | undefined) => {
    groups.save({ ...groups.get(reference ?? ''), retentionInDays: days });
    return {};
  };
  const tag = (
    reference: string | undefined,
    added: Record<string, string> | undefined,
    removed: string[] = [],
  ) => {
    const group = groups.get(reference ?? '');
    const tags = { ...group.tags, ...added };
    for (const key of removed) delete tags[key];
    groups.save({ ...group, tags });
    return {};
  };

  /** Events of a group whose key is disabled or gone can't be read. */
  const readable = (input: {
    logGroupName?: string | undefined;
    logGroupIdentifier?: string | undefined;
  }): void => {
    const group = groups.get(input.logGroupName ?? input.logGroupIdentifier ?? '');
    groups.checkKey(group.name, group.kmsKeyId);
  };

  const operations: Operation[] = [
    onGroup(CreateLogGroup$, 'CreateLogGroup', (input: CreateLogGroupCommandInput) => {
      groups.create(input.logGroupName ?? '', {
        kmsKeyId: input.kmsKeyId,
        logGroupClass: input.logGroupClass ?? 'STANDARD',
        tags: input.tags ?? {},
      });
      return {};
    }),
    onGroup(DeleteLogGroup$, 'DeleteLogGroup', async (input: DeleteLogGroupCommandInput) => {
      await groups.remove(groups.get(input.logGroupName ?? '').name);
      return {};
    }),
    operation(DescribeLogGroups$, (input: DescribeLogGroupsCommandInput) => {
      const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern } = input;
      if (prefix !== undefined && pattern !== undefined) {
        throw invalid('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
      }
      const found = groups
        .all()
        .filter(({ name }) => name.startsWith(prefix ?? ''))
        .filter(({ name }) => name.toLowerCase().includes((pattern ?? '').toLowerCase()));
      const page = pageOf(
        found,
        ({ name }) => name,
        input.limit ?? 50,
        input.nextToken,
        'InvalidParameterException',
      );
      return { logGroups: page.items.map(groupMetadata), nextToken: page.next };
    }),
    onGroup(CreateLogStream$, 'CreateLogStream', (input: CreateLogStreamCommandInput) => {
      groups.createStream(groups.get(input.logGroupName ?? '').name, input.logStreamName ?? '');
      return {};
    }),
    onGroup(DeleteLogStream$, 'DeleteLogStream', async (input: DeleteLogStreamCommandInput) => {
      const group = groups.get(input.logGroupName ?? '');
      await groups.removeStream(groups.stream(group.name, input.logStreamName ?? ''));
      return {};
    }),
    onGroup(DescribeLogStreams$, 'DescribeLogStreams', async (input: DescribeLogStreamsCommandInput) => {
      const group = groups.get(input.logGroupName ?? input.logGroupIdentifier ?? '');
      const byTime = input.orderBy === 'LastEventTime';
      if (byTime && input.logStreamNamePrefix !== undefined) {
        throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
      }
      const streams = [...groups.streamsOf(group.name).values()].filter(({ name }) =>
        name.startsWith(input.logStreamNamePrefix ?? ''),
      );
      const keyed = await Promise.all(
        streams.map(async (stream) => {
          const time = byTime ? ((await groups.file(stream).summarize()).last ?? 0) : 0;
          return { stream, key: byTime ? `${String(time).padStart(15, '0')} ${stream.name}` : stream.name };
        }),
      );
      keyed.sort((left, right) => compareText(left.key, right.key));
      if (input.descending) keyed.reverse();
      const limit = input.limit ?? 50;
      // The order may be descending and move with time, so a page goes on by where the last one ended.
      const start = input.nextToken === undefined ? 0 : Number(input.nextToken);
      if (!Number.isInteger(start)) throw invalid('The specified nextToken is invalid.');
      return {
        logStreams: await Promise.all(
          keyed.slice(start, start + limit).map(({ stream }) => streamMetadata(stream)),
        ),
        nextToken: start + limit < keyed.length ? String(start + limit) : undefined,
      };
    }),
    onGroup(PutLogEvents$, 'PutLogEvents', async (input: PutLogEventsCommandInput) => {
      const group = groups.get(input.logGroupName ?? '');
      const stream = groups.stream(group.name, input.logStreamName ?? '');
      const events = (input.logEvents ?? []).map(({ timestamp = 0, message = '' }) => ({
        timestamp,
        message,
      }));
      if (events.some(({ timestamp }, index) => timestamp < (events[index - 1]?.timestamp ?? 0))) {
        throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
      }
      const now = cloud.clock.now();
      const oldest = now - Math.min(14, group.retentionInDays ?? 14) * day;
      const newest = now + 2 * 3_600_000;
      const accepted = events.filter(({ timestamp }) => timestamp >= oldest && timestamp <= newest);
      await groups.append(stream, accepted).flush();
      const tooOld = events.filter(({ timestamp }) => timestamp < oldest).length;
      const tooNew = events.findIndex(({ timestamp }) => timestamp > newest);
      return {
        nextSequenceToken: '49039859602604213',
        rejectedLogEventsInfo:
          accepted.length === events.length
            ? undefined
            : {
                tooOldLogEventEndIndex: tooOld > 0 ? tooOld : undefined,
                tooNewLogEventStartIndex: tooNew >= 0 ? tooNew : undefined,
              },
      };
    }),
    onGroup(GetLogEvents$, 'GetLogEvents', (input: GetLogEventsCommandInput) => {
      readable(input);
      return getLogEvents(groups, input);
    }),
    onGroup(FilterLogEvents$, 'FilterLogEvents', (input: FilterLogEventsCommandInput) => {
      readable(input);
      return filterLogEvents(groups, input);
    }),
    onGroup(AssociateKmsKey$, 'AssociateKmsKey', (input: AssociateKmsKeyCommandInput) => {
      const group = groups.get(input.logGroupName ?? input.resourceIdentifier ?? '');
      groups.checkKey(group.name, input.kmsKeyId);
      groups.save({ ...group, kmsKeyId: input.kmsKeyId });
      return {};
    }),
    onGroup(DisassociateKmsKey$, 'DisassociateKmsKey', (input: DisassociateKmsKeyCommandInput) => {
      groups.save({
        ...groups.get(input.logGroupName ?? input.resourceIdentifier ?? ''),
        kmsKeyId: undefined,
      });
      return {};
    }),
    onGroup(PutRetentionPolicy$, 'PutRetentionPolicy', (input: PutRetentionPolicyCommandInput) =>
      retain(input.logGroupName, input.retentionInDays),
    ),
    onGroup(DeleteRetentionPolicy$, 'DeleteRetentionPolicy', (input: DeleteRetentionPolicyCommandInput) =>
      retain(input.logGroupName, undefined),
    ),
    onGroup(TagResource$, 'TagResource', (input: TagResourceCommandInput) =>
      tag(input.resourceArn, input.tags),
    ),
    onGroup(UntagResource$, 'UntagResource', (input: UntagResourceCommandInput) =>
      tag(input.resourceArn, {}, input.tagKeys),
    ),
    onGroup(ListTagsForResource$, 'ListTagsForResource', (input: ListTagsForResourceCommandInput) => ({
      tags: groups.get(input.resourceArn ?? '').tags,
    })),
    onGroup(TagLogGroup$, 'TagLogGroup', (input: TagLogGroupCommandInput) =>
      tag(input.logGroupName, input.tags),
    ),
    onGroup(UntagLogGroup$, 'UntagLogGroup', (input: UntagLogGroupCommandInput) =>
      tag(input.logGroupName, {}, input.tags),
    ),
    onGroup(ListTagsLogGroup$, 'ListTagsLogGroup', (input: ListTagsLogGroupCommandInput) => ({
      tags: groups.get(input.logGroupName ?? '').tags,
    })),
  ];

  return {
    signingName: 'logs',
    protocol: 'json-1.1',
    operations,
    resourceTypes: {
      'AWS::Logs::LogGroup': logGroupType(groups),
      'AWS::Logs::LogStream': logStreamType(groups),
      'AWS::Logs::ResourcePolicy': resourcePolicyType,
      'AWS::Logs::MetricFilter': metricFilterType,
    },
    append(group, stream, messages) {
      try {
        if (!groups.find(group)) groups.create(group);
        const record = groups.streamsOf(group).get(stream) ?? groups.createStream(group, stream);
        const timestamp = cloud.clock.now();
        groups.append(
          record,
          messages.map((message) => ({ timestamp, message })),
        );
      } catch (error) {
        // Whoever logs goes on; AWS would lose the lines too.
        cloud.log(`logs: ${group} ${stream}: ${error instanceof AwsError ? error.message : String(error)}`);
      }
    },
    tail(group, stream, count) {
      const record = groups.streamsOf(group).get(stream);
      return record ? groups.file(record).tail(count) : [];
    },
    async start() {
      await groups.sweep();
      sweeper = setInterval(() => {
        groups.sweep().catch((error: unknown) => cloud.log(`logs: ${String(error)}`));
      }, sweepEveryMs);
      sweeper.unref();
    },
    async stop() {
      clearInterval(sweeper);
      await groups.stop();
    },
  };
}
