import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { zipArchive } from './zip-archive.ts';

let directory: string;
let cloud: RunningCloud;
let client: LambdaClient;
const role = 'arn:aws:iam::123456789012:role/functions';
const administrator = { accessKeyId: 'AKIATEST', secretAccessKey: 'x' };

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-lambda-'));
  // A project may be of ES modules; what its functions are, their own code decides.
  await writeFile(path.join(directory, 'package.json'), '{"type":"module"}');
  cloud = await startCloud({ stateDir: path.join(directory, 'state'), account: '123456789012' });
  const options = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: administrator,
    maxAttempts: 1,
  };
  client = new LambdaClient(options);
  const iam = new IAMClient(options);
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'functions',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: 'functions',
      PolicyName: 'logs',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }],
      }),
    }),
  );
  iam.destroy();
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

const create = (name: string, content: string, more: object = {}, file = 'index.mjs') =>
  client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: role,
      Code: { ZipFile: zipArchive([{ name: file, content }]) },
      ...more,
    }),
  );

async function invoke(name: string, event: unknown = {}, more: object = {}) {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)), ...more }),
  );
  const text = answer.Payload ? Buffer.from(answer.Payload).toString() : '';
  return {
    status: answer.StatusCode,
    failed: answer.FunctionError,
    result: text === '' ? undefined : JSON.parse(text),
    log: answer.LogResult ? Buffer.from(answer.LogResult, 'base64').toString() : undefined,
  };
}

describe('a function', () => {
  it('gets its event, context, environment and credentials', async () => {
    await create(
      'whole',
      `export const handler = async (event, context) => ({
        event, name: context.functionName, left: context.getRemainingTimeInMillis(), arn: context.invokedFunctionArn,
        greeting: process.env.GREETING, endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_REGION,
        key: process.env.AWS_ACCESS_KEY_ID, token: process.env.AWS_SESSION_TOKEN })`,
      { Environment: { Variables: { GREETING: 'hello' } }, Timeout: 5 },
    );
    const { result, status } = await invoke('whole', { a: 1 });
    expect(status).toBe(200);
    expect(result).toMatchObject({
      event: { a: 1 },
      name: 'whole',
      arn: 'arn:aws:lambda:us-east-1:123456789012:function:whole',
      greeting: 'hello',
      endpoint: cloud.endpoint,
      region: 'us-east-1',
    });
    expect(result.left).toBeGreaterThan(4000);
    const principal = cloud.sts.principalOf(result.key, result.token);
    expect(principal.arn).toBe('arn:aws:sts::123456789012:assumed-role/functions/whole');
  });

  it.each([
    ['CommonJS', 'index.js', 'exports.handler = async () => "ok"'],
    ['ES module', 'index.mjs', 'export const handler = async () => "ok"'],
    [
      'a callback',
      'index.cjs',
      'exports.handler = (event, context, callback) => setTimeout(() => callback(null, "ok"), 1)',
    ],
    ['a folder', 'lib/index.js', 'exports.handler = async () => "ok"', 'lib/index.handler'],
    [
      "the runtime's SDK",
      'index.js',
      'const { LambdaClient } = require("@aws-sdk/client-lambda"); exports.handler = async () => LambdaClient ? "ok" : "no"',
    ],
  ])('may be %s', async (what, file, content, handler = 'index.handler') => {
    const name = `form-${what.replace(/\W/g, '')}`;
    await create(name, content, { Handler: handler }, file);
    expect((await invoke(name)).result).toBe('ok');
  });

  it.each([
    ['import', 'index.mjs', "import { STSClient } from '@aws-sdk/client-sts';\nexport const"],
    ['require', 'index.cjs', "const { STSClient } = require('@aws-sdk/client-sts');\nexports."],
  ])('finds the SDK of the runtime by %s', async (how, file, head) => {
    await create(
      `sdk-${how}`,
      `${head}${how === 'import' ? ' ' : ''}handler = async () => typeof STSClient;`,
      {},
      file,
    );
    expect(await invoke(`sdk-${how}`)).toMatchObject({ result: 'function' });
  });

  it('answers with what it threw', async () => {
    await create('throws', 'export const handler = async () => { throw new TypeError("no way") }');
    const { failed, result, status } = await invoke('throws');
    expect({ failed, status }).toEqual({ failed: 'Unhandled', status: 200 });
    expect(result).toMatchObject({ errorType: 'TypeError', errorMessage: 'no way' });
    await expect(cloud.lambda.invoke('throws', {})).rejects.toThrow('no way');
  });

  it('is ended when it takes too long, and runs again', async () => {
    await create(
      'slow',
      'export const handler = async (event) => { if (event.spin) for (;;); return process.pid }',
      { Timeout: 1 },
    );
    const { failed, result } = await invoke('slow', { spin: true });
    expect(failed).toBe('Unhandled');
    expect(result.errorMessage).toContain('Task timed out after 1.00 seconds');
    expect((await invoke('slow')).failed).toBeUndefined();
  });

  it('may crash its process, and runs again', async () => {
    await create(
      'crashes',
      `export const handler = (event) => new Promise((resolve) => {
        if (event.how === 'exit') process.exit(3);
        if (event.how === 'throw') setTimeout(() => { throw new Error('later') }, 1);
        else resolve('alive') })`,
    );
    expect((await invoke('crashes', { how: 'exit' })).result.errorMessage).toContain('exit status 3');
    expect((await invoke('crashes', { how: 'throw' })).result).toMatchObject({ errorMessage: 'later' });
    expect((await invoke('crashes')).result).toBe('alive');
  });

  it('says what is wrong with its code', async () => {
    await create('no-module', 'export const handler = 1', { Handler: 'missing.handler' });
    expect((await invoke('no-module')).result.errorType).toBe('Runtime.ImportModuleError');
    await create('no-handler', 'export const handler = 1');
    expect((await invoke('no-handler')).result.errorType).toBe('Runtime.HandlerNotFound');
    await create('broken', 'export const handler = (');
    expect((await invoke('broken')).result.errorType).toBe('SyntaxError');
  });

  it('writes to its log group', async () => {
    await create(
      'logs',
      'export const handler = async () => { console.log("one %s", "two\\nthree"); console.error("bad") }',
    );
    const append = vi.spyOn(cloud.logs, 'append');
    const { log } = await invoke('logs', {}, { LogType: 'Tail' });
    expect(log).toMatch(/\tINFO\tone two\nthree/);
    expect(log).toMatch(/\tERROR\tbad/);
    expect(append.mock.calls.map(([group]) => group)).toContain('/aws/lambda/logs');
    append.mockRestore();
  });

  it('handles one event at a time in a process, and keeps it warm', async () => {
    await create(
      'warm',
      'let busy = 0, most = 0; export const handler = async () => { most = Math.max(most, ++busy); await new Promise((r) => setTimeout(r, 5)); busy--; return { pid: process.pid, most } }',
    );
    const answers = await Promise.all(Array.from({ length: 10 }, () => cloud.lambda.invoke('warm', {})));
    const seen = answers as { pid: number; most: number }[];
    expect(Math.max(...seen.map((answer) => answer.most))).toBe(1);
    const again = (await cloud.lambda.invoke('warm', {})) as { pid: number };
    expect(seen.map((answer) => answer.pid)).toContain(again.pid);
  });

  it('runs in further processes when one is taken', async () => {
    await create(
      'wide',
      'export const handler = async () => { await new Promise((r) => setTimeout(r, 400)); return process.pid }',
    );
    const pids = await Promise.all(Array.from({ length: 3 }, () => cloud.lambda.invoke('wide', {})));
    expect(new Set(pids).size).toBeGreaterThan(1);
  });

  it('is throttled at its reserved concurrency', async () => {
    await create('reserved', 'export const handler = async () => new Promise((r) => setTimeout(r, 300))');
    await client.send(
      new PutFunctionConcurrencyCommand({ FunctionName: 'reserved', ReservedConcurrentExecutions: 1 }),
    );
    const outcomes = await Promise.allSettled([invoke('reserved'), invoke('reserved')]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toMatchObject({ name: 'TooManyRequestsException' });
  });

  it('runs new code and configuration as soon as they are there', async () => {
    await create('changes', 'export const handler = async () => [1, process.env.X]');
    expect((await invoke('changes')).result).toEqual([1, null]);
    const { Version } = await client.send(new PublishVersionCommand({ FunctionName: 'changes' }));
    await client.send(
      new UpdateFunctionCodeCommand({
        FunctionName: 'changes',
        ZipFile: zipArchive([
          { name: 'index.mjs', content: 'export const handler = async () => [2, process.env.X]' },
        ]),
      }),
    );
    await client.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: 'changes',
        Environment: { Variables: { X: 'y' } },
      }),
    );
    expect((await invoke('changes')).result).toEqual([2, 'y']);
    expect((await invoke('changes', {}, { Qualifier: Version })).result).toEqual([1, null]);
  });

  it('is gone when deleted', async () => {
    await create('leaves', 'export const handler = async () => 1');
    await invoke('leaves');
    await client.send(new DeleteFunctionCommand({ FunctionName: 'leaves' }));
    await expect(client.send(new GetFunctionCommand({ FunctionName: 'leaves' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    const { Functions } = await client.send(new ListFunctionsCommand({}));
    expect(Functions?.map((fn) => fn.FunctionName)).not.toContain('leaves');
  });

  it('in another language can be made and says why it does not run', async () => {
    await create('ruby', 'def handler(event:, context:) = nil', { Runtime: 'ruby3.3' }, 'index.rb');
    await expect(invoke('ruby')).rejects.toThrow('runtime ruby3.3 is not available here');
  });

  it('on a runtime that AWS has switched off is refused', async () => {
    await expect(create('old', '', { Runtime: 'python3.10' }, 'index.py')).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('needs a role that trusts Lambda', async () => {
    await expect(create('untrusted', '', { Role: `${role}-none` })).rejects.toThrow(/cannot be assumed/);
  });

  it('refuses an archive that leads out of its directory or is none', async () => {
    for (const archive of [zipArchive([{ name: '../out.js', content: 'x' }]), Buffer.from('no zip at all')])
      await expect(create('escape', '', { Code: { ZipFile: archive } })).rejects.toThrow(/unzip/);
  });
});

describe('who may invoke', () => {
  it('a service that the resource policy names, for the resource that it names', async () => {
    await create('guarded', 'export const handler = async () => 1');
    const api = 'arn:aws:execute-api:us-east-1:123456789012:abc';
    const call = (sourceArn: string) =>
      cloud.lambda.invoke('guarded', {}, { service: 'apigateway.amazonaws.com', sourceArn });
    await expect(call(`${api}/authorizers/x`)).rejects.toMatchObject({ code: 'AccessDeniedException' });
    await client.send(
      new AddPermissionCommand({
        FunctionName: 'guarded',
        StatementId: 's1',
        Action: 'lambda:InvokeFunction',
        Principal: 'apigateway.amazonaws.com',
        SourceArn: `${api}/*`,
      }),
    );
    await expect(call(`${api}/authorizers/x`)).resolves.toBe(1);
    await expect(call('arn:aws:execute-api:us-east-1:123456789012:other/x')).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });

  it('not a role without permission', async () => {
    await create('private', 'export const handler = async () => 1');
    const issued = cloud.sts.issueForService(role, 'lambda.amazonaws.com', 'other');
    const other = new LambdaClient({
      endpoint: cloud.endpoint,
      region: 'us-east-1',
      credentials: issued,
      maxAttempts: 1,
    });
    await expect(other.send(new InvokeCommand({ FunctionName: 'private' }))).rejects.toThrow(
      /is not authorized to perform: lambda:InvokeFunction/,
    );
    other.destroy();
  });
});
