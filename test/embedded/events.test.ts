import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { AddPermissionCommand, CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { compilePattern } from '../../src/embedded/resources/event-bridge/pattern.ts';
import { parseSchedule } from '../../src/embedded/resources/event-bridge/schedule.ts';
import { resourceContext } from './resource-context.ts';
import { zipArchive } from './zip-archive.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: EventBridgeClient;
let offset = 0;

const options = () => ({
  endpoint: cloud.endpoint,
  region: cloud.region,
  credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
  maxAttempts: 1,
});
const group = (name: string) => `arn:aws:logs:us-east-1:000000000000:log-group:${name}`;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-events-'));
  cloud = await startCloud({ stateDir, clock: { now: () => Date.now() + offset } });
  client = new EventBridgeClient(options());
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const put = async (detail: object, more: object = {}) => {
  const { Entries = [], FailedEntryCount } = await client.send(
    new PutEventsCommand({
      Entries: [{ Source: 'app.orders', DetailType: 'Placed', Detail: JSON.stringify(detail), ...more }],
    }),
  );
  return { ...Entries[0], FailedEntryCount };
};
/** What a log group target has got, once it is that much. */
const received = (name: string, rule: string, count: number) =>
  vi.waitFor(
    () => {
      const messages = cloud.logs.tail(name, rule, 100);
      expect(messages).toHaveLength(count);
      return messages.map((message) => JSON.parse(message) as Record<string, unknown>);
    },
    { timeout: 10_000, interval: 20 },
  );

describe('rules', () => {
  it('take the events that they match, on their bus, to their targets in the form asked for', async () => {
    await client.send(new CreateEventBusCommand({ Name: 'app' }));
    await client.send(
      new PutRuleCommand({
        Name: 'large',
        EventBusName: 'app',
        EventPattern: JSON.stringify({
          source: [{ prefix: 'app.' }],
          detail: { total: [{ numeric: ['>', 100] }] },
        }),
      }),
    );
    await client.send(
      new PutTargetsCommand({
        Rule: 'large',
        EventBusName: 'app',
        Targets: [
          { Id: 'whole', Arn: group('/events/whole') },
          {
            Id: 'short',
            Arn: group('/events/short'),
            InputTransformer: {
              InputPathsMap: { total: '$.detail.total', by: '$.detail.by' },
              InputTemplate: '{"total": <total>, "text": "for <by> by <aws.events.rule-name>"}',
            },
          },
        ],
      }),
    );
    expect((await put({ total: 50 }, { EventBusName: 'app' })).FailedEntryCount).toBe(0);
    await put({ total: 500 });
    const { EventId } = await put({ total: 500, by: 'the "boss"' }, { EventBusName: 'app' });
    const [event] = await received('/events/whole', 'large', 1);
    expect(event).toMatchObject({
      id: EventId,
      source: 'app.orders',
      'detail-type': 'Placed',
      account: '000000000000',
      detail: { total: 500 },
    });
    expect(await received('/events/short', 'large', 1)).toEqual([
      { total: 500, text: 'for the "boss" by large' },
    ]);
    await expect(client.send(new DeleteRuleCommand({ Name: 'large', EventBusName: 'app' }))).rejects.toThrow(
      'targets',
    );
    await expect(client.send(new DeleteEventBusCommand({ Name: 'app' }))).rejects.toThrow('rules');
    await client.send(
      new RemoveTargetsCommand({ Rule: 'large', EventBusName: 'app', Ids: ['whole', 'short'] }),
    );
    await client.send(new DeleteRuleCommand({ Name: 'large', EventBusName: 'app' }));
    await client.send(new DeleteEventBusCommand({ Name: 'app' }));
  });

  it('refuse an entry, not its neighbours', async () => {
    const { Entries, FailedEntryCount } = await client.send(
      new PutEventsCommand({
        Entries: [
          { Source: 'a', DetailType: 'b', Detail: '{}' },
          { Source: 'a', DetailType: 'b', Detail: 'no json' },
          { Source: 'aws.ecs', DetailType: 'b', Detail: '{}' },
          { Source: 'a', Detail: '{}' },
        ],
      }),
    );
    expect(FailedEntryCount).toBe(3);
    expect(Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'NotAuthorizedForSourceException',
      'InvalidArgument',
    ]);
  });

  it('invoke functions that let them, and try again what failed', async () => {
    const iam = new IAMClient(options());
    const lambda = new LambdaClient(options());
    const trust = {
      Effect: 'Allow',
      Principal: { Service: 'lambda.amazonaws.com' },
      Action: 'sts:AssumeRole',
    };
    await iam.send(
      new CreateRoleCommand({
        RoleName: 'functions',
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
      }),
    );
    const { FunctionArn = '' } = await lambda.send(
      new CreateFunctionCommand({
        FunctionName: 'consumer',
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/functions',
        Code: {
          ZipFile: zipArchive([
            {
              name: 'index.mjs',
              content: `let calls = 0;
                export const handler = async (event) => {
                  calls += 1;
                  if (calls === 1) throw new Error('not yet');
                };`,
            },
          ]),
        },
      }),
    );
    const invoke = vi.spyOn(cloud.lambda, 'invoke');
    await client.send(
      new PutRuleCommand({ Name: 'toFunction', EventPattern: JSON.stringify({ 'detail-type': ['Called'] }) }),
    );
    await client.send(
      new PutTargetsCommand({ Rule: 'toFunction', Targets: [{ Id: '1', Arn: FunctionArn }] }),
    );
    await put({ n: 1 }, { DetailType: 'Called' });
    await vi.waitFor(() => expect(invoke.mock.settledResults.at(-1)?.type).toBe('rejected'), {
      timeout: 10_000,
    });
    await expect(invoke.mock.results[0]?.value).rejects.toMatchObject({ code: 'AccessDeniedException' });

    invoke.mockClear();
    await lambda.send(
      new AddPermissionCommand({
        FunctionName: 'consumer',
        StatementId: 'events',
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
        SourceArn: 'arn:aws:events:us-east-1:000000000000:rule/toFunction',
      }),
    );
    await put({ n: 2 }, { DetailType: 'Called' });
    await vi.waitFor(
      () => expect(invoke.mock.settledResults.map(({ type }) => type)).toEqual(['rejected', 'fulfilled']),
      { timeout: 20_000 },
    );
    expect(invoke.mock.calls.map(([, event]) => (event as { detail: unknown }).detail)).toEqual([
      { n: 2 },
      { n: 2 },
    ]);
    invoke.mockRestore();
    iam.destroy();
    lambda.destroy();
  });

  it('run on their schedule', async () => {
    await client.send(new PutRuleCommand({ Name: 'minutely', ScheduleExpression: 'rate(1 minute)' }));
    expect(await client.send(new DescribeRuleCommand({ Name: 'minutely' }))).toMatchObject({
      State: 'ENABLED',
      CreatedBy: cloud.account,
    });
    await client.send(
      new PutTargetsCommand({ Rule: 'minutely', Targets: [{ Id: '1', Arn: group('/events/minutely') }] }),
    );
    offset += 59_900;
    // Any change has the clock read again.
    await client.send(new PutRuleCommand({ Name: 'other', EventPattern: '{"source":["x"]}' }));
    const [event] = await received('/events/minutely', 'minutely', 1);
    expect(event).toMatchObject({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
    await expect(
      client.send(new PutRuleCommand({ Name: 'bad', ScheduleExpression: 'rate(1 minutes)' })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('come from a template and stay over a restart', async () => {
    const types = () => cloud.services.find((each) => each.signingName === 'events')?.resourceTypes;
    const bus = await types()?.['AWS::Events::EventBus']?.create(resourceContext('bus'), { Name: 'made' });
    expect(bus?.attributes).toMatchObject({
      Name: 'made',
      Arn: 'arn:aws:events:us-east-1:000000000000:event-bus/made',
    });
    const properties = {
      EventBusName: 'made',
      Name: 'all',
      EventPattern: { source: ['app.orders'] },
      Targets: [{ Id: '1', Arn: group('/events/made') }],
    };
    const rule = await types()?.['AWS::Events::Rule']?.create(resourceContext('rule'), properties);
    expect(rule).toEqual({
      physicalId: 'made|all',
      attributes: { Arn: 'arn:aws:events:us-east-1:000000000000:rule/made/all', RuleName: 'all' },
    });
    await cloud.stop();
    cloud = await startCloud({ stateDir, clock: { now: () => Date.now() + offset } });
    client.destroy();
    client = new EventBridgeClient(options());
    await put({ a: 1 }, { EventBusName: 'made' });
    await received('/events/made', 'all', 1);
    await types()?.['AWS::Events::Rule']?.delete(resourceContext('rule'), 'made|all', properties);
    const { Rules } = await client.send(new ListRulesCommand({ EventBusName: 'made' }));
    expect(Rules).toEqual([]);
    await types()?.['AWS::Events::EventBus']?.delete(resourceContext('bus'), 'made', {});
  });
});

describe('patterns', () => {
  const event = {
    source: 'app.orders',
    detail: {
      state: 'Running',
      count: 5,
      tags: ['a', 'b'],
      ip: '10.0.0.5',
      none: null,
      items: [{ sku: 'x', size: 1 }, { sku: 'y' }],
    },
  };
  it.each<[object, boolean]>([
    [{ source: ['app.orders'] }, true],
    [{ source: ['other', 'app.orders'] }, true],
    [{ source: ['app'] }, false],
    [{ source: [{ prefix: 'app.' }] }, true],
    [{ source: [{ suffix: '.orders' }] }, true],
    [{ source: [{ wildcard: 'app.*s' }] }, true],
    [{ source: [{ 'equals-ignore-case': 'APP.ORDERS' }] }, true],
    [{ source: [{ prefix: { 'equals-ignore-case': 'APP' } }] }, true],
    [{ source: [{ 'anything-but': 'app.orders' }] }, false],
    [{ source: [{ 'anything-but': ['a', 'b'] }] }, true],
    [{ source: [{ 'anything-but': { prefix: 'app' } }] }, false],
    [{ missing: [{ 'anything-but': 'x' }] }, false],
    [{ detail: { count: [5] } }, true],
    [{ detail: { count: ['5'] } }, false],
    [{ detail: { count: [{ numeric: ['>', 0, '<=', 5] }] } }, true],
    [{ detail: { count: [{ numeric: ['>', 5] }] } }, false],
    [{ detail: { tags: ['b'] } }, true],
    [{ detail: { tags: ['c'] } }, false],
    [{ detail: { none: [null] } }, true],
    [{ detail: { state: [{ exists: true }] } }, true],
    [{ detail: { other: [{ exists: false }] } }, true],
    [{ other: { deep: [{ exists: false }] } }, true],
    [{ detail: { state: [{ exists: false }] } }, false],
    [{ detail: { ip: [{ cidr: '10.0.0.0/24' }] } }, true],
    [{ detail: { ip: [{ cidr: '10.0.1.0/24' }] } }, false],
    [{ detail: { items: { sku: ['y'] } } }, true],
    [{ detail: { items: { sku: ['z'] } } }, false],
    [{ $or: [{ source: ['x'] }, { detail: { state: ['Running'] } }] }, true],
    [{ source: ['app.orders'], detail: { state: ['Stopped'] } }, false],
  ])('%j fits: %s', (pattern, expected) => {
    expect(compilePattern(JSON.stringify(pattern))(event)).toBe(expected);
  });

  it.each([
    '',
    '[]',
    '{}',
    '{"a":"b"}',
    '{"a":[]}',
    '{"a":{}}',
    '{"a":[{"near":"b"}]}',
    '{"a":[{"numeric":[">"]}]}',
  ])('%j is refused', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow('Event pattern is not valid');
  });
});

describe('schedules', () => {
  it.each<[string, string, string | undefined]>([
    ['rate(5 minutes)', '2026-01-01T00:12:00Z', '2026-01-01T00:15:00Z'],
    ['rate(1 day)', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z'],
    ['cron(0 12 * * ? *)', '2026-01-01T12:00:00Z', '2026-01-02T12:00:00Z'],
    ['cron(15/20 * * * ? *)', '2026-01-01T00:16:00Z', '2026-01-01T00:35:00Z'],
    ['cron(0 8 1 * ? *)', '2026-01-15T00:00:00Z', '2026-02-01T08:00:00Z'],
    ['cron(0 18 ? * MON-FRI *)', '2026-01-02T18:00:00Z', '2026-01-05T18:00:00Z'],
    ['cron(0 0 L * ? *)', '2026-02-01T00:00:00Z', '2026-02-28T00:00:00Z'],
    ['cron(0 0 15W * ? *)', '2026-02-01T00:00:00Z', '2026-02-16T00:00:00Z'],
    ['cron(0 0 ? * 6L *)', '2026-01-01T00:00:00Z', '2026-01-30T00:00:00Z'],
    ['cron(0 0 ? * 2#1 *)', '2026-01-06T00:00:00Z', '2026-02-02T00:00:00Z'],
    ['cron(0 0 29 2 ? *)', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['cron(0 0 1 1 ? 2025)', '2026-01-01T00:00:00Z', undefined],
  ])('%s after %s runs at %s', (expression, now, next) => {
    const found = parseSchedule(expression, Date.parse('2026-01-01T00:00:00Z'))(Date.parse(now));
    expect(found === undefined ? undefined : new Date(found).toISOString()).toBe(
      next === undefined ? undefined : new Date(next).toISOString(),
    );
  });

  it.each([
    'rate(0 minutes)',
    'rate(1 minutes)',
    'rate(5 minute)',
    'cron(0 0 * * * *)',
    'cron(61 0 * * ? *)',
    'at(x)',
  ])('%s is refused', (expression) => {
    expect(() => parseSchedule(expression, 0)).toThrow('ScheduleExpression is not valid');
  });
});
