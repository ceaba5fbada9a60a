import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { resourceContext } from './resource-context.ts';
import { zipArchive } from './zip-archive.ts';

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const account = '123456789012';
let directory: string;
let cloud: RunningCloud;
let client: LambdaClient;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-python-'));
  const packages = path.join(directory, 'packages');
  await mkdir(packages);
  await writeFile(path.join(packages, 'installed.py'), 'origin = "packages"\n');
  await writeFile(path.join(packages, 'both.py'), 'origin = "packages"\n');
  cloud = await startCloud({ stateDir: path.join(directory, 'state'), account, pythonPackages: packages });
  const options = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
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

const create = (name: string, content: string, more: object = {}) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'python3.12',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${account}:role/functions`,
      Timeout: 20,
      Code: { ZipFile: zipArchive([{ name: 'index.py', content }]) },
      ...more,
    }),
  );

async function invoke(name: string, event: unknown = {}, more: object = {}) {
  const answer = await client.send(
    new InvokeCommand({
      FunctionName: name,
      Payload: Buffer.from(JSON.stringify(event)),
      LogType: 'Tail',
      ...more,
    }),
  );
  return {
    error: answer.FunctionError,
    log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into at any depth
    payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as any,
  };
}

describe.skipIf(!hasPython())(
  `Python functions${hasPython() ? '' : ' (skipped: there is no python3)'}`,
  () => {
    it('get event, context, environment and the credentials of their role, and stay warm', async () => {
      await create(
        'whole',
        `
import os, json
count = 0
def handler(event, context):
    global count
    count += 1
    return {
        "event": event, "count": count, "name": context.function_name, "arn": context.invoked_function_arn,
        "request": context.aws_request_id, "left": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb, "color": os.environ["COLOR"], "region": os.environ["AWS_REGION"],
        "endpoint": os.environ["AWS_ENDPOINT_URL"], "key": os.environ["AWS_ACCESS_KEY_ID"],
        "token": "AWS_SESSION_TOKEN" in os.environ, "trace": os.environ["_X_AMZN_TRACE_ID"], "cwd": os.getcwd(),
        "root": os.environ["LAMBDA_TASK_ROOT"], "text": "\\u00e4\\u20ac",
    }
`,
        { Environment: { Variables: { COLOR: 'blue' } }, MemorySize: 256 },
      );
      const { payload, error } = await invoke('whole', { a: ['ä', null] });
      expect(error).toBeUndefined();
      expect(payload).toMatchObject({
        event: { a: ['ä', null] },
        count: 1,
        name: 'whole',
        arn: `arn:aws:lambda:us-east-1:${account}:function:whole`,
        memory: '256',
        color: 'blue',
        region: 'us-east-1',
        endpoint: cloud.endpoint,
        token: true,
        text: 'ä€',
      });
      expect(payload.request).toMatch(/^[0-9a-f-]{36}$/);
      expect(payload.left).toBeGreaterThan(0);
      expect(payload.left).toBeLessThanOrEqual(20_000);
      expect(payload.key).toMatch(/^ASIA/);
      expect(payload.trace).toMatch(/^Root=1-.+;Parent=.+;Sampled=0$/);
      expect(payload.cwd).toBe(payload.root);
      expect((await invoke('whole')).payload.count).toBe(2);
    });

    it('write their lines to their log group, in order, before the answer', async () => {
      await create(
        'lines',
        `
import logging, sys
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("first")
    logging.info("second %s", 2)
    print("third", file=sys.stderr)
    sys.stdout.write("unfinished")
`,
      );
      const { log } = await invoke('lines');
      const lines = log.split('\n');
      expect(lines[0]).toBe('first');
      expect(lines[1]).toMatch(/^\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t[0-9a-f-]{36}\tsecond 2$/);
      // A line that is not finished comes when the event is done.
      expect(lines.slice(2)).toEqual(['third', 'unfinished']);
      const logs = new CloudWatchLogs({
        endpoint: cloud.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
      });
      const { events = [] } = await logs.filterLogEvents({ logGroupName: '/aws/lambda/lines' });
      logs.destroy();
      expect(events.map(({ message }) => message)).toEqual(lines);
    });

    it('fail as on AWS: what they raise, a module that is missing, a handler, an answer that is no JSON', async () => {
      await create(
        'raises',
        'class Odd(Exception): pass\ndef deep(): raise Odd("as wished")\ndef handler(event, context): deep()\n',
      );
      const raised = await invoke('raises');
      expect(raised.error).toBe('Unhandled');
      expect(raised.payload).toMatchObject({ errorType: 'Odd', errorMessage: 'as wished' });
      expect(raised.payload.stackTrace).toHaveLength(2);
      expect(raised.payload.stackTrace.join('')).toContain('in deep');
      expect(raised.log).toContain('[ERROR] Odd: as wished');

      await create('imports', 'import not_there\n');
      expect((await invoke('imports')).payload).toMatchObject({
        errorType: 'Runtime.ImportModuleError',
        errorMessage: "Unable to import module 'index': No module named 'not_there'",
      });
      await create('headless', 'x = 1\n');
      expect((await invoke('headless')).payload).toMatchObject({
        errorType: 'Runtime.HandlerNotFound',
        errorMessage: "Handler 'handler' missing on module 'index'",
      });
      await create('odd', 'def handler(event, context): return {1, 2}\n');
      expect((await invoke('odd')).payload).toMatchObject({ errorType: 'Runtime.MarshalError' });
    });

    it('are ended when their time is up, or by themselves, and start anew', async () => {
      await create(
        'ends',
        `
import os, time
def handler(event, context):
    if event == "sleep": time.sleep(30)
    if event == "exit": os._exit(3)
    return "here"
`,
        { Timeout: 1 },
      );
      const late = await invoke('ends', 'sleep');
      expect(late.payload.errorMessage).toMatch(/Task timed out after 1\.00 seconds$/);
      expect((await invoke('ends', 'exit')).payload).toMatchObject({
        errorType: 'Runtime.ExitError',
        errorMessage: 'Error: Runtime exited with error: exit status 3',
      });
      expect((await invoke('ends')).payload).toBe('here');
    });

    it('import from their code, then their layers, then the directory of packages', async () => {
      const { LayerVersionArn = '' } = await client.send(
        new PublishLayerVersionCommand({
          LayerName: 'shared',
          Content: {
            ZipFile: zipArchive([
              { name: 'python/layered.py', content: 'origin = "layer"\n' },
              { name: 'python/both.py', content: 'origin = "layer"\n' },
              { name: 'python/own.py', content: 'origin = "layer"\n' },
            ]),
          },
        }),
      );
      await create('importing', '', {
        Handler: 'app/main.handler',
        Layers: [
          LayerVersionArn,
          'arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV2:59',
        ],
        Code: {
          ZipFile: zipArchive([
            { name: 'app/__init__.py', content: '' },
            {
              name: 'app/main.py',
              content:
                'import own, layered, both, installed\ndef handler(event, context):\n    return [m.origin for m in (own, layered, both, installed)]\n',
            },
            { name: 'own.py', content: 'origin = "code"\n' },
          ]),
        },
      });
      expect((await invoke('importing')).payload).toEqual(['code', 'layer', 'layer', 'packages']);
    });

    it('reach an address that AWS forms of an id at the endpoint, over what they take for TLS', async () => {
      await create(
        'calls',
        `
import http.client, urllib.request, urllib.error, json
def handler(event, context):
    try:
        urllib.request.urlopen("https://nosuchapi.execute-api.us-east-1.amazonaws.com/x")
    except urllib.error.HTTPError as error:
        first = [error.code, json.loads(error.read())]
    connection = http.client.HTTPSConnection(event["host"])
    connection.request("GET", "/_aws/health")
    return first, json.loads(connection.getresponse().read())
`,
      );
      const { payload } = await invoke('calls', { host: new URL(cloud.endpoint).host });
      expect(payload).toEqual([[403, { message: 'Forbidden' }], { status: 'ready' }]);
    });
  },
);

describe('Python functions that can not run', () => {
  it("are refused with another account's layer, when nothing says where its packages are", async () => {
    const stateDir = path.join(directory, 'other');
    const other = await startCloud({ stateDir, account });
    const type = other.cloudFormation.resourceType('AWS::IAM::Role');
    await type?.create(resourceContext('Role'), {
      RoleName: 'functions',
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      },
    });
    const fn = other.cloudFormation.resourceType('AWS::Lambda::Function');
    const properties = {
      Code: { ZipFile: 'def handler(event, context): pass' },
      Role: `arn:aws:iam::${account}:role/functions`,
      Runtime: 'python3.12',
      Handler: 'index.handler',
      Layers: ['arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV2:59'],
    };
    if (hasPython())
      await expect(async () => fn?.create(resourceContext('Fn'), properties)).rejects.toThrow(
        'SAAS_ECS_PYTHON_PACKAGES=DIRECTORY',
      );
    else
      await expect(async () => fn?.create(resourceContext('Fn'), properties)).rejects.toThrow(
        'there is none on the PATH',
      );
    await other.stop();
  });
});
