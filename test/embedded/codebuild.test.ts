import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Build, StartBuildInput } from '@aws-sdk/client-codebuild';
import { S3 } from '@aws-sdk/client-s3';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import { allow, completed, type JobsFixture, startJobs } from './jobs-fixture.ts';
import { zipArchive } from './zip-archive.ts';

let fixture: JobsFixture;
let serviceRole: string;
const logs = allow(['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents']);

beforeAll(async () => {
  fixture = await startJobs();
  serviceRole = await fixture.role('builder', 'codebuild.amazonaws.com', [
    logs,
    allow('ssm:GetParameters', 'arn:aws:ssm:*:*:parameter/open/*'),
    allow('ssm:PutParameter', 'arn:aws:ssm:*:*:parameter/open/*'),
    allow('secretsmanager:GetSecretValue'),
    allow('s3:GetObject', 'arn:aws:s3:::sources/*'),
  ]);
  await fixture.record('builds', { source: ['aws.codebuild'] });
});
afterAll(() => fixture.close());

const client = () => ({
  endpoint: fixture.cloud.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
});

let projects = 0;
async function project(buildspec: object | string, more: object = {}): Promise<string> {
  const name = `project-${++projects}`;
  await fixture.codeBuild.createProject({
    name,
    source: {
      type: 'NO_SOURCE',
      buildspec: typeof buildspec === 'string' ? buildspec : JSON.stringify(buildspec),
    },
    artifacts: { type: 'NO_ARTIFACTS' },
    environment: {
      type: 'LINUX_CONTAINER',
      image: 'aws/codebuild/standard:7.0',
      computeType: 'BUILD_GENERAL1_SMALL',
    },
    serviceRole,
    ...more,
  });
  return name;
}
const start = async (projectName: string, more: Partial<StartBuildInput> = {}): Promise<Build> =>
  (await fixture.codeBuild.startBuild({ projectName, ...more })).build ?? {};
const build = async (spec: object | string, more: Partial<StartBuildInput> = {}, settings: object = {}) =>
  completed(fixture, (await start(await project(spec, settings), more)).id);
const spec = (phases: object, env: object = {}) => ({
  version: '0.2',
  env: { shell: 'bash', ...env },
  phases,
});
const outputOf = (of: Build): string[] =>
  fixture.cloud.logs.tail(of.logs?.groupName ?? '', of.logs?.streamName ?? '', 1000);
const phases = (of: Build): Record<string, string | undefined> =>
  Object.fromEntries((of.phases ?? []).map(({ phaseType, phaseStatus }) => [phaseType ?? '', phaseStatus]));

describe('a build', () => {
  test('runs its phases in order, in one environment that each command changes for the next', async () => {
    const done = await build(
      `version: 0.2
env:
  shell: bash
  variables: { GREETING: hello, OVERRIDDEN: buildspec }
  exported-variables: [RESULT, GREETING, NEVER_SET]
phases:
  install:
    commands: ['COUNT=1', 'mkdir work && cd work']
  build:
    commands:
      - |
        export RESULT="$GREETING, $WHO from $(basename "$PWD")"
        COUNT=$((COUNT + 1))
        # the end
      - echo "count $COUNT $OVERRIDDEN $CODEBUILD_BUILD_ID"
  post_build:
    commands: ['echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"']
`,
      { environmentVariablesOverride: [{ name: 'WHO', value: 'tenant "a" $b' }] },
      {
        environment: {
          type: 'LINUX_CONTAINER',
          image: 'aws/codebuild/standard:7.0',
          computeType: 'BUILD_GENERAL1_SMALL',
          environmentVariables: [
            { name: 'OVERRIDDEN', value: 'project' },
            { name: 'WHO', value: 'nobody' },
          ],
        },
      },
    );
    expect(done).toMatchObject({ buildStatus: 'SUCCEEDED', currentPhase: 'COMPLETED', buildNumber: 1 });
    expect(done.phases?.map(({ phaseType }) => phaseType)).toEqual([
      'SUBMITTED',
      'QUEUED',
      'PROVISIONING',
      'DOWNLOAD_SOURCE',
      'INSTALL',
      'PRE_BUILD',
      'BUILD',
      'POST_BUILD',
      'UPLOAD_ARTIFACTS',
      'FINALIZING',
      'COMPLETED',
    ]);
    expect(done.exportedEnvironmentVariables).toEqual([
      { name: 'RESULT', value: 'hello, tenant "a" $b from work' },
      { name: 'GREETING', value: 'hello' },
    ]);
    expect(outputOf(done)).toContain(`count 2 project ${done.id}`);
    expect(outputOf(done)).toContain('succeeding 1');
    const event = await fixture.received(
      'builds',
      ({ resources, detail }) => resources[0] === done.arn && detail['build-status'] === 'SUCCEEDED',
    );
    expect(event['detail-type']).toBe('CodeBuild Build State Change');
    expect(event.detail['additional-information']).toMatchObject({ 'build-complete': true });
  });

  test('that fails goes to post_build, and says which command failed', async () => {
    const done = await build(
      spec({
        build: {
          commands: ['echo before', 'exit 3', 'echo never'],
          finally: ['echo "finally of build"'],
        },
        post_build: { commands: ['echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"'] },
      }),
    );
    expect(done.buildStatus).toBe('FAILED');
    expect(phases(done)).toMatchObject({ BUILD: 'FAILED', POST_BUILD: 'SUCCEEDED' });
    expect(done.phases?.find(({ phaseType }) => phaseType === 'BUILD')?.contexts).toEqual([
      {
        statusCode: 'COMMAND_EXECUTION_ERROR',
        message: 'Error while executing command: exit 3. Reason: exit status 3',
      },
    ]);
    const output = outputOf(done);
    expect(output).toEqual(expect.arrayContaining(['before', 'finally of build', 'succeeding 0']));
    expect(output).not.toContain('never');
  });

  test('ends with a phase before build that fails, unless on-failure says otherwise', async () => {
    const stopped = await build(spec({ pre_build: { commands: ['false'] }, build: { commands: ['true'] } }));
    expect(stopped.buildStatus).toBe('FAILED');
    expect(phases(stopped)).not.toHaveProperty('BUILD');
    const gone = await build(
      spec({ pre_build: { commands: ['false'], 'on-failure': 'CONTINUE' }, build: { commands: ['true'] } }),
    );
    expect(gone.buildStatus).toBe('FAILED');
    expect(phases(gone)).toMatchObject({ PRE_BUILD: 'FAILED', BUILD: 'SUCCEEDED' });
  });

  test('acts as its service role: what the policy does not allow fails', async () => {
    // The SDK is this project's own: a build has what its machine has.
    const sdk = path.join(packageRoot(), 'node_modules', '@aws-sdk', 'client-ssm');
    const script = (name: string) =>
      `node --input-type=commonjs -e '
const { SSMClient, PutParameterCommand } = require("${sdk}");
new SSMClient({}).send(new PutParameterCommand({ Name: "${name}", Value: "by a build", Type: "String" }))
  .then(() => console.log("put"), (error) => { console.log(error.name + " " + error.message); process.exit(1); });'`;
    const allowed = await build(spec({ build: { commands: [script('/open/x')] } }));
    expect(allowed.buildStatus).toBe('SUCCEEDED');
    expect(fixture.cloud.ssm.value('/open/x')).toBe('by a build');
    const denied = await build(spec({ build: { commands: [script('/closed/x')] } }));
    expect(denied.buildStatus).toBe('FAILED');
    expect(outputOf(denied).join('\n')).toMatch(/AccessDenied.*assumed-role\/builder\/AWSCodeBuild-/);
  });

  test('gets parameters and secrets, which its log does not show', async () => {
    await new SSM(client()).putParameter({
      Name: '/open/token',
      Value: 'parameter-value',
      Type: 'SecureString',
    });
    await new SecretsManager(client()).createSecret({
      Name: 'login',
      SecretString: JSON.stringify({ password: 'secret-value' }),
    });
    const done = await build(
      spec(
        {
          build: {
            commands: ['echo "$TOKEN and $PASSWORD" | tr a-z A-Z', 'echo "it is $TOKEN and $PASSWORD"'],
          },
        },
        { 'parameter-store': { TOKEN: '/open/token' }, 'secrets-manager': { PASSWORD: 'login:password' } },
      ),
    );
    expect(done.buildStatus).toBe('SUCCEEDED');
    expect(outputOf(done)).toEqual(
      expect.arrayContaining(['PARAMETER-VALUE AND SECRET-VALUE', 'it is *** and ***']),
    );
    const denied = await build(spec({ build: { commands: ['true'] } }), {
      environmentVariablesOverride: [{ name: 'X', value: '/closed/token', type: 'PARAMETER_STORE' }],
    });
    expect(denied.buildStatus).toBe('FAILED');
    const failure = denied.phases?.find(({ phaseStatus }) => phaseStatus === 'FAILED');
    expect(failure?.phaseType).toBe('DOWNLOAD_SOURCE');
    expect(failure?.contexts?.[0]?.message).toMatch('not authorized to perform: ssm:GetParameters');
  });

  test('has its source from S3, with the buildspec in it', async () => {
    const s3 = new S3({ ...client(), forcePathStyle: true });
    await s3.createBucket({ Bucket: 'sources' });
    const Body = zipArchive([
      {
        name: 'buildspec.yml',
        content: 'version: 0.2\nphases: { build: { commands: ["cat data/file.txt"] } }',
      },
      { name: 'data/file.txt', content: 'from the source\n' },
    ]);
    await s3.putObject({ Bucket: 'sources', Key: 'app/source.zip', Body });
    const done = await build('', {}, { source: { type: 'S3', location: 'sources/app/source.zip' } });
    expect(done.buildStatus).toBe('SUCCEEDED');
    expect(outputOf(done)).toContain('from the source');
    const missing = await build('', {}, { source: { type: 'S3', location: 'other/app/source.zip' } });
    expect(missing.phases?.find(({ phaseStatus }) => phaseStatus === 'FAILED')).toMatchObject({
      phaseType: 'DOWNLOAD_SOURCE',
      contexts: [{ statusCode: 'CLIENT_ERROR', message: expect.stringContaining('s3:GetObject') as string }],
    });
  });

  test('keeps nothing of the cloud that runs it, and nothing stays of it', async () => {
    vi.stubEnv('OPERATORS_SECRET', 'do-not-show');
    const done = await build(spec({ build: { commands: ['env', 'env > left-here'] } }));
    vi.unstubAllEnvs();
    expect(outputOf(done).join('\n')).not.toContain('do-not-show');
    expect(outputOf(done)).toContain('AWS_CONTAINER_AUTHORIZATION_TOKEN=***');
    expect(await readdir(path.join(fixture.cloud.stateDir, 'builds'))).toEqual([]);
  });

  test('does not begin with a role that is wrong', async () => {
    const silent = await fixture.role('silent', 'codebuild.amazonaws.com', [allow('s3:*')]);
    const mute = await build(spec({ build: { commands: ['true'] } }), {}, { serviceRole: silent });
    expect(mute.phases?.find(({ phaseStatus }) => phaseStatus === 'FAILED')?.contexts?.[0]).toMatchObject({
      statusCode: 'ACCESS_DENIED',
      message: expect.stringContaining(
        'does not allow AWS CodeBuild to create Amazon CloudWatch Logs',
      ) as string,
    });
    const foreign = await fixture.role('foreign', 'lambda.amazonaws.com', [logs]);
    const refused = await build(spec({ build: { commands: ['true'] } }), {}, { serviceRole: foreign });
    expect(refused.buildStatus).toBe('FAILED');
    expect(phases(refused)).toMatchObject({ PROVISIONING: 'FAILED' });
  });

  test('with a buildspec that is none says so', async () => {
    const broken = await build('version: 0.2\nphases: [');
    expect(broken.phases?.at(-2)).toMatchObject({
      phaseType: 'DOWNLOAD_SOURCE',
      phaseStatus: 'FAILED',
      contexts: [{ statusCode: 'YAML_FILE_ERROR' }],
    });
  });
});

describe('builds', () => {
  test('wait for their turn, and can be stopped before it and during it', async () => {
    const name = await project(spec({ build: { commands: ['echo started; sleep 60 & sleep 60'] } }));
    const [first, second] = [await start(name), await start(name)];
    await vi.waitFor(() => expect(outputOf(first)).toContain('started'), { timeout: 10_000 });
    const { builds } = await fixture.codeBuild.batchGetBuilds({ ids: [second.id ?? ''] });
    expect(builds?.[0]).toMatchObject({ currentPhase: 'QUEUED', buildStatus: 'IN_PROGRESS', buildNumber: 2 });
    await fixture.codeBuild.stopBuild({ id: second.id ?? '' });
    expect(phases(await completed(fixture, second.id))).toMatchObject({ QUEUED: 'STOPPED' });
    const { build: stopped } = await fixture.codeBuild.stopBuild({ id: first.id ?? '' });
    expect(stopped).toMatchObject({ buildComplete: true, buildStatus: 'STOPPED' });
    expect(phases(stopped ?? {})).toMatchObject({ BUILD: 'STOPPED' });
    const { ids } = await fixture.codeBuild.listBuildsForProject({ projectName: name });
    expect(ids).toEqual([second.id, first.id]);
  });

  test('end when their time is over', async () => {
    const name = await project(spec({ build: { commands: ['echo started; sleep 60'] } }), {
      timeoutInMinutes: 5,
    });
    const { id, logs: place } = await start(name);
    await vi.waitFor(() => expect(outputOf({ logs: place })).toContain('started'), { timeout: 10_000 });
    fixture.offset += 6 * 60_000;
    const late = await completed(fixture, id);
    expect(late.buildStatus).toBe('TIMED_OUT');
    expect(phases(late)).toMatchObject({ BUILD: 'TIMED_OUT' });

    const running = await start(name, { timeoutInMinutesOverride: 60 });
    const waits = await start(name, { queuedTimeoutInMinutesOverride: 5 });
    await fixture.codeBuild.updateProject({ name, concurrentBuildLimit: 2 });
    await expect(start(name)).rejects.toMatchObject({ name: 'AccountLimitExceededException' });
    fixture.offset += 6 * 60_000;
    expect(phases(await completed(fixture, waits.id))).toMatchObject({ QUEUED: 'TIMED_OUT' });
    await fixture.codeBuild.stopBuild({ id: running.id ?? '' });
  });

  test('start from events, when the role of the target may', async () => {
    const name = await project(spec({ build: { commands: ['echo "for $WHO"'] } }));
    const Arn = `arn:aws:codebuild:us-east-1:000000000000:project/${name}`;
    const RoleArn = await fixture.role('starter', 'events.amazonaws.com', [
      allow('codebuild:StartBuild', Arn),
    ]);
    const powerless = await fixture.role('powerless', 'events.amazonaws.com', [
      allow('codebuild:StopBuild', Arn),
    ]);
    await fixture.events.putRule({ Name: 'start', EventPattern: '{"source":["starts"]}' });
    const target = (Id: string, RoleArn: string) => ({
      Id,
      Arn,
      RoleArn,
      InputTransformer: {
        InputPathsMap: { who: '$.detail.who' },
        InputTemplate: '{"environmentVariablesOverride":[{"name":"WHO","value":<who>}]}',
      },
    });
    const Targets = [target('a', powerless), target('b', RoleArn)];
    await fixture.events.putTargets({ Rule: 'start', Targets });
    await fixture.events.putEvents({
      Entries: [{ Source: 'starts', DetailType: 'x', Detail: '{"who":"a tenant"}' }],
    });
    const ids = await vi.waitFor(async () => {
      const list = await fixture.codeBuild.listBuildsForProject({ projectName: name });
      expect(list.ids).not.toEqual([]);
      return list.ids ?? [];
    });
    expect(outputOf(await completed(fixture, ids[0]))).toContain('for a tenant');
    expect((await fixture.codeBuild.listBuildsForProject({ projectName: name })).ids).toHaveLength(1);
  });

  test('of one idempotency token are one build', async () => {
    const name = await project(spec({ build: { commands: ['true'] } }));
    const first = await start(name, { idempotencyToken: 'once' });
    const second = await start(name, { idempotencyToken: 'once' });
    expect(second.id).toBe(first.id);
  });

  test('that run when the cloud ends are at fault of the cloud, those that wait get their turn', async () => {
    const name = await project(
      spec({ build: { commands: ['echo started; [ "$CODEBUILD_BUILD_NUMBER" = 2 ] || sleep 60'] } }),
    );
    const [first, second] = [await start(name), await start(name)];
    await vi.waitFor(() => expect(outputOf(first)).toContain('started'), { timeout: 10_000 });
    await fixture.restart();
    const interrupted = await completed(fixture, first.id);
    expect(interrupted.buildStatus).toBe('FAULT');
    expect(interrupted.phases?.at(-1)?.contexts?.[0]?.message).toBe(
      'The embedded cloud ended while the build ran.',
    );
    expect((await completed(fixture, second.id)).buildStatus).toBe('SUCCEEDED');
  });
});

test.each([
  [{ source: { type: 'GITHUB', location: 'https://github.com/a/b' } }, 'source type GITHUB is not available'],
  [{ source: { type: 'NO_SOURCE' } }, 'no buildspec is specified'],
  [{ artifacts: { type: 'S3', location: 'bucket' } }, 'artifacts type S3 is not available'],
  [{ timeoutInMinutes: 1 }, 'Invalid timeoutInMinutes'],
])('a project is refused by name: %o', async (settings, message) => {
  await expect(project('version: 0.2\nphases: {}', settings)).rejects.toThrow(message);
});
