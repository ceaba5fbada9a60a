import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { compileFilter } from '../../src/embedded/resources/logs/filter-pattern.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: CloudWatchLogsClient;

const connect = (): CloudWatchLogsClient =>
  new CloudWatchLogsClient({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-logs-'));
  cloud = await startCloud({ stateDir });
  client = connect();
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const messages = (page: { events?: { message?: string | undefined }[] | undefined }) =>
  page.events?.map(({ message }) => message);

it('puts, reads back and forth in pages, and filters over streams', async () => {
  const logGroupName = '/app/one';
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await expect(client.send(new CreateLogGroupCommand({ logGroupName }))).rejects.toMatchObject({
    name: 'ResourceAlreadyExistsException',
  });
  const start = Date.now() - 10_000;
  for (const [offset, logStreamName] of ['a', 'b'].entries()) {
    await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const logEvents = Array.from({ length: 5 }, (_, index) => ({
      timestamp: start + 2 * index + offset,
      message: `${logStreamName}${index}`,
    }));
    await client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
  }
  const page = { logGroupName, logStreamName: 'a', limit: 2 };
  const first = await client.send(new GetLogEventsCommand({ ...page, startFromHead: true }));
  expect(messages(first)).toEqual(['a0', 'a1']);
  const second = await client.send(new GetLogEventsCommand({ ...page, nextToken: first.nextForwardToken }));
  expect(messages(second)).toEqual(['a2', 'a3']);
  const back = await client.send(new GetLogEventsCommand({ ...page, nextToken: second.nextBackwardToken }));
  expect(messages(back)).toEqual(['a0', 'a1']);
  const newest = await client.send(new GetLogEventsCommand(page));
  expect(messages(newest)).toEqual(['a3', 'a4']);
  const past = await client.send(new GetLogEventsCommand({ ...page, nextToken: newest.nextForwardToken }));
  expect(messages(past)).toEqual([]);
  expect(past.nextForwardToken).toBe(newest.nextForwardToken);

  const all: (string | undefined)[] = [];
  let nextToken: string | undefined;
  do {
    const found = await client.send(new FilterLogEventsCommand({ logGroupName, limit: 3, nextToken }));
    all.push(...(messages(found) ?? []));
    nextToken = found.nextToken;
  } while (nextToken !== undefined);
  expect(all).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4']);
  const some = await client.send(
    new FilterLogEventsCommand({ logGroupName, filterPattern: '?a1 ?b3', startTime: start + 1 }),
  );
  expect(messages(some)).toEqual(['a1', 'b3']);
});

it('takes what tasks write, makes group and stream, and keeps them over a restart', async () => {
  cloud.logs.append('/ecs/orders', 'task/1', ['one', 'two']);
  cloud.logs.append('/ecs/orders', 'task/1', ['three']);
  expect(cloud.logs.tail('/ecs/orders', 'task/1', 2)).toEqual(['two', 'three']);
  expect(cloud.logs.tail('/ecs/none', 'x', 2)).toEqual([]);
  await cloud.stop();
  cloud = await startCloud({ stateDir });
  client.destroy();
  client = connect();
  expect(cloud.logs.tail('/ecs/orders', 'task/1', 9)).toEqual(['one', 'two', 'three']);
  cloud.logs.append('/ecs/orders', 'task/1', ['four']);
  const read = await client.send(
    new GetLogEventsCommand({ logGroupName: '/ecs/orders', logStreamName: 'task/1', startFromHead: true }),
  );
  expect(messages(read)).toEqual(['one', 'two', 'three', 'four']);
});

it('bounds a stream on disk and keeps its newest events', async () => {
  const line = 'x'.repeat(1000);
  for (let batch = 0; batch < 12; batch += 1) {
    cloud.logs.append(
      '/noisy',
      's',
      Array.from({ length: 1000 }, (_, index) => `${batch * 1000 + index} ${line}`),
    );
    // Reading waits for the writer.
    await client.send(new GetLogEventsCommand({ logGroupName: '/noisy', logStreamName: 's', limit: 1 }));
  }
  await cloud.stop();
  const directory = path.join(stateDir, 'logs');
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(path.join(directory, name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(9_000_000);
  cloud = await startCloud({ stateDir });
  client.destroy();
  client = connect();
  expect(cloud.logs.tail('/noisy', 's', 1)).toEqual([`11999 ${line}`]);
  await client.send(new DeleteLogGroupCommand({ logGroupName: '/noisy' }));
  const groups = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/noisy' }));
  expect(groups.logGroups).toEqual([]);
});

it('describes streams by their last event, and checks the retention', async () => {
  const logGroupName = '/streams';
  await client.send(new CreateLogGroupCommand({ logGroupName }));
  await expect(
    client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 2 })),
  ).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await client.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }));
  const at = Date.now() - 1000;
  for (const [index, logStreamName] of ['x', 'y', 'z'].entries()) {
    await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const logEvents = [{ timestamp: at - index, message: 'm' }];
    await client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
  }
  const { logStreams } = await client.send(
    new DescribeLogStreamsCommand({ logGroupName, orderBy: 'LastEventTime', descending: true, limit: 2 }),
  );
  expect(logStreams?.map((stream) => [stream.logStreamName, stream.lastEventTimestamp])).toEqual([
    ['x', at],
    ['y', at - 1],
  ]);
  const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/str' }));
  expect(logGroups?.map((group) => [group.logGroupName, group.retentionInDays])).toEqual([['/streams', 7]]);
});

it.each<[string, string, boolean]>([
  ['', 'anything', true],
  ['ERROR', 'an ERROR here', true],
  ['ERROR', 'an error here', false],
  ['ERROR timeout', 'timeout ERROR', true],
  ['ERROR timeout', 'ERROR', false],
  ['"a b"', 'x a b y', true],
  ['"a b"', 'a x b', false],
  ['?ERROR ?WARN', 'a WARN', true],
  ['?ERROR ?WARN', 'an INFO', false],
  ['ERROR -health', 'ERROR /health', false],
  ['%5\\d\\d%', 'status 503', true],
  ['{ $.level = "error" }', '{"level":"error"}', true],
  ['{ $.level = "err*" }', '{"level":"error"}', true],
  ['{ $.level = error }', 'no json', false],
  ['{ $.status >= 500 && $.path != "/health" }', '{"status":503,"path":"/x"}', true],
  ['{ ($.a = 1 || $.b[1].c = 2) && $.d IS NULL }', '{"b":[0,{"c":2}],"d":null}', true],
  ['{ $.x NOT EXISTS }', '{"y":1}', true],
  ['{ $.ok IS TRUE }', '{"ok":false}', false],
])('matches the pattern %j against %j: %s', (pattern, message, expected) => {
  expect(compileFilter(pattern)(message)).toBe(expected);
});

it('refuses patterns that it can not read', () => {
  for (const pattern of ['{ $.a = }', '{ a = 1 }', '{ $.a = 1', '[a, b]', '{ $.a > x }', '%(a+)+b%', '%é%']) {
    expect(() => compileFilter(pattern), pattern).toThrow('Invalid filter pattern');
  }
});
