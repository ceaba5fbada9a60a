import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { Lambda } from '@aws-sdk/client-lambda';
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { allow, completed, ended, type JobsFixture, startJobs } from './jobs-fixture.ts';
import { resourceContext } from './resource-context.ts';
import { zipArchive } from './zip-archive.ts';

let fixture: JobsFixture;
let roleArn: string;

const client = () => ({
  endpoint: fixture.cloud.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
});

beforeAll(async () => {
  fixture = await startJobs({ concurrentBuilds: 2 });
  roleArn = await fixture.role('workflow', 'states.amazonaws.com', [
    allow('ssm:GetParameter', 'arn:aws:ssm:*:*:parameter/open'),
    allow(['dynamodb:PutItem', 'lambda:InvokeFunction', 'events:PutEvents']),
    allow(['events:PutTargets', 'events:PutRule', 'events:DescribeRule']),
    allow(['codebuild:StartBuild', 'codebuild:StopBuild', 'codebuild:BatchGetBuilds']),
  ]);
  await fixture.record('workflows', { source: ['aws.states'] });
  const lambdaRole = await fixture.role('function', 'lambda.amazonaws.com', [allow('logs:*')]);
  await new Lambda(client()).createFunction({
    FunctionName: 'flaky',
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    Role: lambdaRole,
    Code: {
      ZipFile: zipArchive([
        {
          name: 'index.mjs',
          content: `let calls = 0;
class Flaky extends Error { name = 'Flaky'; }
export const handler = async ({ failures = 0, value }) => {
  if (++calls <= failures) throw new Flaky('call ' + calls);
  calls = 0;
  return { doubled: value * 2 };
};`,
        },
      ]),
    },
  });
});
afterAll(() => fixture.close());

let machines = 0;
async function machine(definition: object, name = `machine-${++machines}`): Promise<string> {
  const { stateMachineArn } = await fixture.sfn.createStateMachine({
    name,
    definition: JSON.stringify(definition),
    roleArn,
  });
  return stateMachineArn ?? '';
}
async function run(definition: object, input: unknown = {}) {
  const stateMachineArn = await machine(definition);
  const { executionArn } = await fixture.sfn.startExecution({
    stateMachineArn,
    input: JSON.stringify(input),
  });
  const done = await ended(fixture, executionArn);
  return { ...done, result: done.output === undefined ? undefined : (JSON.parse(done.output) as unknown) };
}
/** A workflow of one state. */
const one = (state: object) => ({ StartAt: 'Only', States: { Only: { End: true, ...state } } });
const pass = (Parameters: object) => one({ Type: 'Pass', Parameters });
const history = async (executionArn: string | undefined): Promise<HistoryEvent[]> =>
  (await fixture.sfn.getExecutionHistory({ executionArn: executionArn ?? '', maxResults: 1000 })).events ??
  [];

describe('data', () => {
  const input = {
    build: {
      vars: [
        { Name: 'bucket', Value: 'b1' },
        { Name: 'other', Value: 'o' },
      ],
    },
    list: [1, 2, 2, 3],
    text: "it's",
    'odd key': true,
    empty: null,
  };

  test.each([
    ['$.build.vars[0].Name', 'bucket'],
    ["$['odd key']", true],
    ['$.list[-1]', 3],
    ['$.list[1:3]', [2, 2]],
    ['$.build.vars[?(@.Name==bucket)].Value', ['b1']],
    ['$.build.vars[?(@.Name == \'other\' || @.Value == "none")].Value', ['o']],
    ['$.list[?(@ > 1 && @ < 3)]', [2, 2]],
    ['$..Value', ['b1', 'o']],
    ['$.build.vars[?(@.Name==nothing)].Value', []],
    ['$.empty', null],
    ['$$.Execution.Input.text', "it's"],
    ['States.ArrayGetItem($.build.vars[?(@.Name==bucket)].Value, 0)', 'b1'],
    ["States.Format('{} has \\{\\} and {}', $.text, States.ArrayLength($.list))", "it's has {} and 4"],
    ['States.JsonToString($.build.vars[0])', '{"Name":"bucket","Value":"b1"}'],
    ['States.StringToJson(\'[1, {"a": true}]\')', [1, { a: true }]],
    ['States.ArrayUnique($.list)', [1, 2, 3]],
    ['States.ArrayPartition($.list, 3)', [[1, 2, 2], [3]]],
    ['States.ArrayRange(1, 9, 4)', [1, 5, 9]],
    ["States.StringSplit('a-b+c', '-+')", ['a', 'b', 'c']],
    ["States.Hash('x', 'SHA-256')", '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'],
    ["States.Base64Decode(States.Base64Encode('hi'))", 'hi'],
    ['States.JsonMerge($.build.vars[0], $.build.vars[1], false)', { Name: 'other', Value: 'o' }],
    ['States.MathAdd(-1, 3)', 2],
  ])('%s', async (expression, expected) => {
    const { status, result } = await run(pass({ 'value.$': expression }), input);
    expect({ status, result }).toEqual({ status: 'SUCCEEDED', result: { value: expected } });
  });

  test('flows through InputPath, ResultPath and OutputPath', async () => {
    const { result } = await run(
      {
        StartAt: 'A',
        States: {
          A: { Type: 'Pass', InputPath: '$.in', Result: { n: 1 }, ResultPath: '$.made.here', Next: 'B' },
          B: { Type: 'Pass', ResultPath: null, OutputPath: '$.made', End: true },
        },
      },
      { in: { kept: true } },
    );
    expect(result).toEqual({ here: { n: 1 } });
  });

  test('that a path does not find fails the execution, and no Catch takes that', async () => {
    const { status, error, cause } = await run(
      {
        StartAt: 'A',
        States: {
          A: {
            Type: 'Task',
            Resource: 'arn:aws:states:::aws-sdk:ssm:getParameter',
            Parameters: { 'Name.$': '$.detail.name' },
            Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }],
            End: true,
          },
          B: { Type: 'Pass', End: true },
        },
      },
      { detail: {} },
    );
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'States.Runtime' });
    expect(cause).toContain(
      "'$.detail.name' specified for the field 'Name.$' could not be found in the input",
    );
  });
});

describe('states', () => {
  test('choose by rules', async () => {
    const choice = {
      StartAt: 'C',
      States: {
        C: {
          Type: 'Choice',
          Choices: [
            {
              And: [
                { Variable: '$.tier', IsPresent: true },
                {
                  Or: [
                    { Variable: '$.tier', StringMatches: 'prem*' },
                    { Variable: '$.seats', NumericGreaterThan: 9 },
                  ],
                },
              ],
              Next: 'Large',
            },
            { Not: { Variable: '$.tier', StringEqualsPath: '$.other' }, Next: 'Small' },
          ],
          Default: 'None',
        },
        Large: { Type: 'Pass', Result: 'large', End: true },
        Small: { Type: 'Pass', Result: 'small', End: true },
        None: { Type: 'Fail', Error: 'Nothing', CausePath: "States.Format('not {}', $.tier)" },
      },
    };
    const stateMachineArn = await machine(choice);
    const outcome = async (input: object) => {
      const { executionArn } = await fixture.sfn.startExecution({
        stateMachineArn,
        input: JSON.stringify(input),
      });
      const { output, error, cause } = await ended(fixture, executionArn);
      return output ?? `${error}: ${cause}`;
    };
    expect(await outcome({ tier: 'premium' })).toBe('"large"');
    expect(await outcome({ tier: 'basic', seats: 10 })).toBe('"large"');
    expect(await outcome({ tier: 'basic', seats: 1, other: 'x' })).toBe('"small"');
    expect(await outcome({ tier: 'basic', seats: 1, other: 'basic' })).toBe('Nothing: not basic');
  });

  test('wait for a time of the clock', async () => {
    const stateMachineArn = await machine(one({ Type: 'Wait', SecondsPath: '$.seconds' }));
    const { executionArn } = await fixture.sfn.startExecution({ stateMachineArn, input: '{"seconds":3600}' });
    await vi.waitFor(async () => expect((await history(executionArn)).length).toBe(2));
    fixture.offset += 3_600_000;
    expect((await ended(fixture, executionArn)).status).toBe('SUCCEEDED');
  });

  test('run branches and iterations, in order of the items', async () => {
    const { result } = await run(
      {
        StartAt: 'Both',
        States: {
          Both: {
            Type: 'Parallel',
            Branches: [
              one({ Type: 'Pass', OutputPath: '$.items[0]' }),
              one({
                Type: 'Map',
                ItemsPath: '$.items',
                MaxConcurrency: 2,
                ItemSelector: {
                  'at.$': '$$.Map.Item.Index',
                  'item.$': '$$.Map.Item.Value',
                  'of.$': '$.name',
                },
                ItemProcessor: one({ Type: 'Pass' }),
              }),
            ],
            ResultSelector: { 'first.$': '$[0]', 'mapped.$': '$[1]' },
            End: true,
          },
        },
      },
      { items: ['a', 'b', 'c'], name: 'list' },
    );
    expect(result).toEqual({
      first: 'a',
      mapped: [
        { at: 0, item: 'a', of: 'list' },
        { at: 1, item: 'b', of: 'list' },
        { at: 2, item: 'c', of: 'list' },
      ],
    });
  });

  test('end their siblings when a branch fails', async () => {
    const { status, error, executionArn } = await run(
      one({
        Type: 'Parallel',
        Branches: [
          one({ Type: 'Wait', Seconds: 99_999 }),
          { StartAt: 'F', States: { F: { Type: 'Fail', Error: 'Mine' } } },
        ],
      }),
    );
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Mine' });
    expect((await history(executionArn)).map(({ type }) => type)).toContain('ParallelStateFailed');
  });
});

describe('tasks', () => {
  test('call services as the role of the state machine: what it may not do fails', async () => {
    await new SSM(client()).putParameter({ Name: '/open', Value: 'v', Type: 'String' });
    await new SSM(client()).putParameter({ Name: '/closed', Value: 'v', Type: 'String' });
    const read = (Name: string) =>
      one({
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:ssm:getParameter',
        Parameters: { Name },
        ResultSelector: { 'value.$': '$.Parameter.Value' },
      });
    expect((await run(read('/open'))).result).toEqual({ value: 'v' });
    const denied = await run(read('/closed'));
    expect(denied).toMatchObject({ status: 'FAILED', error: 'Ssm.AccessDeniedException' });
    expect(denied.cause).toMatch(/assumed-role\/workflow\/.* is not authorized to perform: ssm:GetParameter/);
  });

  test('put items, and get the store’s own refusals', async () => {
    await new DynamoDB(client()).createTable({
      TableName: 'tenants',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    });
    const put = (resource: string) =>
      one({
        Type: 'Task',
        Resource: `arn:aws:states:::${resource}`,
        Parameters: {
          TableName: 'tenants',
          Item: { id: { 'S.$': '$.id' } },
          ConditionExpression: 'attribute_not_exists(id)',
        },
      });
    expect((await run(put('dynamodb:putItem'), { id: 't1' })).status).toBe('SUCCEEDED');
    const again = await run(put('aws-sdk:dynamodb:putItem'), { id: 't1' });
    expect(again.error).toBe('DynamoDb.ConditionalCheckFailedException');
    const read = one({
      Type: 'Task',
      Resource: 'arn:aws:states:::dynamodb:getItem',
      Parameters: { TableName: 'tenants', Key: { id: { S: 't1' } } },
    });
    expect((await run(read)).error).toBe('DynamoDB.AccessDeniedException');
  });

  test('of functions are tried again, and what remains of an error is caught', async () => {
    const call = (MaxAttempts: number) => ({
      StartAt: 'Call',
      States: {
        Call: {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          Parameters: { FunctionName: 'flaky', 'Payload.$': '$' },
          Retry: [{ ErrorEquals: ['Flaky'], IntervalSeconds: 0, MaxAttempts }],
          Catch: [{ ErrorEquals: ['States.TaskFailed'], ResultPath: '$.failure', Next: 'Caught' }],
          OutputPath: '$.Payload',
          End: true,
        },
        Caught: { Type: 'Pass', OutputPath: '$.failure.Error', End: true },
      },
    });
    expect((await run(call(2), { failures: 2, value: 4 })).result).toEqual({ doubled: 8 });
    expect((await run(call(1), { failures: 2, value: 4 })).result).toBe('Flaky');
    const byArn = await run(
      one({ Type: 'Task', Resource: 'arn:aws:lambda:us-east-1:000000000000:function:flaky' }),
      { value: 5 },
    );
    expect(byArn.result).toEqual({ doubled: 10 });
    expect((await history(byArn.executionArn)).map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'LambdaFunctionScheduled',
      'LambdaFunctionStarted',
      'LambdaFunctionSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
  });

  test('put events that name the execution', async () => {
    await fixture.record('custom', { source: ['app'] });
    const { result, executionArn } = await run(
      one({
        Type: 'Task',
        Resource: 'arn:aws:states:::events:putEvents',
        Parameters: {
          Entries: [
            { Source: 'app', DetailType: 'Made', Detail: { 'by.$': '$.who' }, EventBusName: 'default' },
          ],
        },
      }),
      { who: 'me' },
    );
    expect(result).toMatchObject({ FailedEntryCount: 0 });
    const event = await fixture.received('custom', ({ detail }) => detail['by'] === 'me');
    expect(event.resources[0]).toBe(executionArn);
    const refused = await run(
      one({
        Type: 'Task',
        Resource: 'arn:aws:states:::events:putEvents',
        Parameters: { Entries: [{ Source: 'aws.fake', DetailType: 'x', Detail: {} }] },
      }),
    );
    expect(refused.error).toBe('EventBridge.FailedEntry');
  });
});

describe('builds', () => {
  const buildProject = async (name: string, commands: string[]) => {
    const serviceRole = await fixture.role(`builds-${name}`, 'codebuild.amazonaws.com', [allow('logs:*')]);
    await fixture.codeBuild.createProject({
      name,
      serviceRole,
      source: {
        type: 'NO_SOURCE',
        buildspec: JSON.stringify({
          version: '0.2',
          env: { shell: 'bash', 'exported-variables': ['MADE'] },
          phases: { build: { commands } },
        }),
      },
      artifacts: { type: 'NO_ARTIFACTS' },
      environment: { type: 'LINUX_CONTAINER', image: 'x', computeType: 'BUILD_GENERAL1_SMALL' },
    });
  };
  const sync = (more: object = {}) =>
    one({
      Type: 'Task',
      Resource: 'arn:aws:states:::codebuild:startBuild.sync',
      Parameters: {
        'ProjectName.$': '$.project',
        EnvironmentVariablesOverride: [{ Name: 'WHO', Type: 'PLAINTEXT', 'Value.$': '$.who' }],
      },
      ...more,
    });

  /** A workflow that begins by saying who. */
  const withInput = (workflow: ReturnType<typeof one>, who: string) => ({
    StartAt: 'Who',
    States: { Who: { Type: 'Pass', Result: who, ResultPath: '$.who', Next: 'Only' }, ...workflow.States },
  });

  test('are waited for, and their failure is the task’s', async () => {
    await buildProject('job', ['[ "$WHO" != nobody ]', 'export MADE="for $WHO"']);
    const good = await run(sync(), { project: 'job', who: 'a tenant' });
    expect(good.result).toMatchObject({
      Build: {
        BuildStatus: 'SUCCEEDED',
        ExportedEnvironmentVariables: [{ Name: 'MADE', Value: 'for a tenant' }],
      },
    });
    expect((await history(good.executionArn)).map(({ type }) => type)).toContain('TaskSubmitted');
    const bad = await run(sync(), { project: 'job', who: 'nobody' });
    expect(bad).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(bad.cause ?? '{}')).toMatchObject({ Build: { BuildStatus: 'FAILED' } });
  });

  test('run at the same time as far as the quota goes', async () => {
    const place = path.join(fixture.cloud.stateDir, 'meeting');
    await mkdir(place);
    // Each waits for the other.
    await buildProject('meet', [
      `touch '${place}'/$WHO; until [ -e '${place}/a' ] && [ -e '${place}/b' ]; do sleep 0.05; done`,
    ]);
    const { status } = await run(
      one({
        Type: 'Parallel',
        Branches: [sync(), sync()].map((branch, index) => withInput(branch, 'ab'.charAt(index))),
      }),
      { project: 'meet' },
    );
    expect(status).toBe('SUCCEEDED');
  });

  test('are stopped with their execution, and when their task is out of time', async () => {
    await buildProject('long', ['echo started', 'sleep 60']);
    const started = async (definition: object) => {
      const stateMachineArn = await machine(definition);
      const { executionArn } = await fixture.sfn.startExecution({
        stateMachineArn,
        input: '{"project":"long","who":"x"}',
      });
      const { ids } = await vi.waitFor(
        async () => {
          const list = await fixture.codeBuild.listBuildsForProject({ projectName: 'long' });
          const { builds } = await fixture.codeBuild.batchGetBuilds({ ids: list.ids?.slice(0, 1) ?? [] });
          expect(builds?.[0]?.currentPhase).toBe('BUILD');
          return list;
        },
        { timeout: 10_000, interval: 20 },
      );
      return { executionArn: executionArn ?? '', id: ids?.[0] ?? '' };
    };
    const stopped = await started(sync());
    await fixture.sfn.stopExecution({
      executionArn: stopped.executionArn,
      error: 'Enough',
      cause: 'by hand',
    });
    expect(await ended(fixture, stopped.executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'Enough',
      cause: 'by hand',
    });
    expect((await completed(fixture, stopped.id)).buildStatus).toBe('STOPPED');

    const late = await started(sync({ TimeoutSeconds: 1000 }));
    fixture.offset += 1_001_000;
    expect(await ended(fixture, late.executionArn)).toMatchObject({
      status: 'FAILED',
      error: 'States.Timeout',
    });
    expect((await completed(fixture, late.id)).buildStatus).toBe('STOPPED');
  });

  test('of a cloud that ended fail their task, whose Retry starts another', async () => {
    await buildProject('again', [
      'echo started; [ "$CODEBUILD_BUILD_NUMBER" = 2 ] || sleep 60',
      'export MADE=yes',
    ]);
    const stateMachineArn = await machine({
      StartAt: 'Before',
      States: {
        Before: { Type: 'Pass', ResultPath: null, Next: 'Only' },
        ...sync({ Retry: [{ ErrorEquals: ['States.TaskFailed'], IntervalSeconds: 0, MaxAttempts: 1 }] })
          .States,
      },
    });
    const { executionArn } = await fixture.sfn.startExecution({
      stateMachineArn,
      input: '{"project":"again","who":"x"}',
    });
    await vi.waitFor(
      async () => {
        const { ids = [] } = await fixture.codeBuild.listBuildsForProject({ projectName: 'again' });
        const { builds } = await fixture.codeBuild.batchGetBuilds({ ids });
        expect(builds?.[0]?.currentPhase).toBe('BUILD');
      },
      { timeout: 10_000, interval: 20 },
    );
    await fixture.restart();
    const done = await ended(fixture, executionArn);
    expect(done.status).toBe('SUCCEEDED');
    expect(JSON.parse(done.output ?? '{}')).toMatchObject({
      Build: { BuildNumber: 2, BuildStatus: 'SUCCEEDED' },
    });
    const types = (await history(executionArn)).map(({ type }) => type);
    // It went on where it was: nothing was entered twice.
    expect(types.filter((type) => type === 'PassStateEntered')).toHaveLength(1);
    expect(types.filter((type) => type === 'TaskStateEntered')).toHaveLength(1);
    expect(types.filter((type) => type === 'TaskSubmitted')).toHaveLength(2);
  });
});

describe('executions', () => {
  test('wait on over a restart, each of their branches where it was', async () => {
    const stateMachineArn = await machine(
      one({
        Type: 'Map',
        ItemProcessor: {
          StartAt: 'Wait',
          States: {
            Wait: { Type: 'Wait', SecondsPath: '$.seconds', Next: 'Done' },
            Done: { Type: 'Pass', OutputPath: '$.seconds', End: true },
          },
        },
      }),
    );
    const { executionArn } = await fixture.sfn.startExecution({
      stateMachineArn,
      input: '[{"seconds":0},{"seconds":50000}]',
    });
    await vi.waitFor(async () =>
      expect((await history(executionArn)).filter(({ type }) => type === 'PassStateExited')).toHaveLength(1),
    );
    await fixture.restart();
    expect((await fixture.sfn.describeExecution({ executionArn: executionArn ?? '' })).status).toBe(
      'RUNNING',
    );
    fixture.offset += 50_000_000;
    const done = await ended(fixture, executionArn);
    expect(done.output).toBe('[0,50000]');
    const types = (await history(executionArn)).map(({ type }) => type);
    expect(types.filter((type) => type === 'WaitStateEntered')).toHaveLength(2);
    expect(types.filter((type) => type === 'MapIterationStarted')).toHaveLength(2);
  });

  test('are one by their name, listed, told of, and over when the machine’s time is', async () => {
    const stateMachineArn = await machine({ ...one({ Type: 'Wait', Seconds: 99_999 }), TimeoutSeconds: 600 });
    const start = (input: string) => fixture.sfn.startExecution({ stateMachineArn, name: 'once', input });
    const { executionArn } = await start('{}');
    expect((await start('{}')).executionArn).toBe(executionArn);
    await expect(start('{"other":1}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    fixture.offset += 601_000;
    expect(await ended(fixture, executionArn)).toMatchObject({
      status: 'TIMED_OUT',
      error: 'States.Timeout',
    });
    const { executions } = await fixture.sfn.listExecutions({ stateMachineArn, statusFilter: 'TIMED_OUT' });
    expect(executions?.map(({ name }) => name)).toEqual(['once']);
    const event = await fixture.received(
      'workflows',
      ({ detail }) => detail['executionArn'] === executionArn && detail['status'] === 'TIMED_OUT',
    );
    expect(event['detail-type']).toBe('Step Functions Execution Status Change');
    await fixture.sfn.deleteStateMachine({ stateMachineArn });
    await expect(fixture.sfn.describeExecution({ executionArn: executionArn ?? '' })).rejects.toMatchObject({
      name: 'ExecutionDoesNotExist',
    });
  });

  test('start from events, when the role of the target may', async () => {
    const stateMachineArn = await machine(one({ Type: 'Pass' }));
    const starter = await fixture.role('starter', 'events.amazonaws.com', [
      allow('states:StartExecution', stateMachineArn),
    ]);
    const powerless = await fixture.role('powerless', 'events.amazonaws.com', [allow('s3:GetObject')]);
    await fixture.events.putRule({ Name: 'start', EventPattern: '{"source":["starts"]}' });
    await expect(
      fixture.events.putTargets({ Rule: 'start', Targets: [{ Id: 'a', Arn: stateMachineArn }] }),
    ).rejects.toThrow('RoleArn is required');
    const target = async (RoleArn: string) => {
      await fixture.events.putTargets({
        Rule: 'start',
        Targets: [{ Id: 'a', Arn: stateMachineArn, RoleArn }],
      });
      await fixture.events.putEvents({
        Entries: [{ Source: 'starts', DetailType: 'x', Detail: `{"as":"${RoleArn}"}` }],
      });
    };
    await target(powerless);
    await target(starter);
    const execution = await vi.waitFor(async () => {
      const { executions } = await fixture.sfn.listExecutions({ stateMachineArn });
      expect(executions).toHaveLength(1);
      return ended(fixture, executions?.[0]?.executionArn);
    });
    expect(JSON.parse(execution.output ?? '{}')).toMatchObject({ source: 'starts', detail: { as: starter } });
  });
});

describe('a definition', () => {
  const refused = (definition: object) => expect(machine(definition)).rejects;
  test.each([
    ['no target', { StartAt: 'A', States: { A: { Type: 'Pass', Next: 'B' } } }, 'there is no state "B"'],
    ['no way on', { StartAt: 'A', States: { A: { Type: 'Pass' } } }, 'a state needs Next or End'],
    [
      'JSONata',
      { QueryLanguage: 'JSONata', ...one({ Type: 'Pass' }) },
      'the query language JSONata is not available',
    ],
    ['a path', one({ Type: 'Pass', InputPath: '$.a[' }), 'is not a JSONPath'],
    ['an intrinsic', pass({ 'a.$': 'States.Nope()' }), 'States.Nope does not exist'],
    [
      'another service',
      one({ Type: 'Task', Resource: 'arn:aws:states:::sns:publish' }),
      'the resource arn:aws:states:::sns:publish is not available in the embedded cloud',
    ],
    [
      'a callback',
      one({ Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken' }),
      'lambda:invoke.waitForTaskToken is not available',
    ],
  ])('is refused by name: %s', async (_what, definition, message) => {
    await refused(definition).toMatchObject({
      name: 'InvalidDefinition',
      message: expect.stringContaining(message) as string,
    });
  });

  test('is refused with a role that can’t be assumed, or may not wait for builds', async () => {
    const definition = JSON.stringify(
      one({ Type: 'Task', Resource: 'arn:aws:states:::codebuild:startBuild.sync' }),
    );
    const make = (role: string) =>
      fixture.sfn.createStateMachine({ name: 'never', definition, roleArn: role });
    const foreign = await fixture.role('not-states', 'lambda.amazonaws.com', [allow('*')]);
    await expect(make(foreign)).rejects.toThrow('authorized to assume the provided role');
    const weak = await fixture.role('weak', 'states.amazonaws.com', [allow('codebuild:*')]);
    await expect(make(weak)).rejects.toThrow('is not authorized to create managed-rule');
  });
});

test('in a stack, a state machine has its substitutions, changes, and goes', async () => {
  const type = fixture.cloud.cloudFormation.resourceType('AWS::StepFunctions::StateMachine');
  const context = resourceContext('Machine', { stack: 'tag' });
  const properties = (value: string) => ({
    RoleArn: roleArn,
    DefinitionString: JSON.stringify(one({ Type: 'Pass', Result: '${value}' })),
    DefinitionSubstitutions: { value },
    LoggingConfiguration: {
      Level: 'ALL',
      Destinations: [
        {
          CloudWatchLogsLogGroup: { LogGroupArn: 'arn:aws:logs:us-east-1:000000000000:log-group:/machine:*' },
        },
      ],
    },
  });
  const { physicalId } = (await type?.create(context, properties('one'))) ?? { physicalId: '' };
  const output = async () => {
    const { executionArn } = await fixture.sfn.startExecution({ stateMachineArn: physicalId });
    return (await ended(fixture, executionArn)).output;
  };
  expect(await output()).toBe('"one"');
  await type?.update?.(context, physicalId, properties('two'), properties('one'));
  expect(await output()).toBe('"two"');
  const day = new Date(Date.now() + fixture.offset).toISOString().slice(0, 10);
  const lines = fixture.cloud.logs.tail('/machine', `states/${physicalId.split(':').at(-1)}/${day}`, 20);
  expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toContain('ExecutionSucceeded');
  const { tags } = await fixture.sfn.listTagsForResource({ resourceArn: physicalId });
  expect(tags).toEqual([{ key: 'stack', value: 'tag' }]);
  await type?.delete(context, physicalId, properties('two'));
  await expect(fixture.sfn.describeStateMachine({ stateMachineArn: physicalId })).rejects.toMatchObject({
    name: 'StateMachineDoesNotExist',
  });
});
