/** Custom resources whose functions were written for AWS: the CDK's own and those of our templates. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Capability,
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { ECS } from '@aws-sdk/client-ecs';
import { S3 } from '@aws-sdk/client-s3';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import {
  App,
  CfnOutput,
  type CfnResource,
  CustomResource,
  DefaultStackSynthesizer,
  type IStackSynthesizer,
  RemovalPolicy,
  Stack,
} from 'aws-cdk-lib/core';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { EniTrunking } from '../../src/templates/shared-infra/eni-trunking.ts';
import { zipArchive } from './zip-archive.ts';

let directory: string;
let cloud: RunningCloud;
let client: CloudFormationClient;
let s3: S3;
let ecs: ECS;
const assets = 'cdk-hnb659fds-assets-000000000000-us-east-1';

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'custom-resources-'));
  cloud = await startCloud({ stateDir: path.join(directory, 'state') });
  const options = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'admin', secretAccessKey: 'secret' },
  };
  client = new CloudFormationClient(options);
  s3 = new S3({ ...options, forcePathStyle: true });
  ecs = new ECS(options);
  await s3.createBucket({ Bucket: assets });
});
afterAll(async () => {
  for (const each of [client, s3, ecs]) each.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true });
});

const waiting = () => ({ client, maxWaitTime: 40, minDelay: 0.05, maxDelay: 0.1 });

/** Synthesizes a stack, publishes its functions' code and creates it; its outputs. */
async function deploy(StackName: string, fill: (stack: Stack) => void): Promise<Record<string, string>> {
  const app = new App({ outdir: path.join(directory, StackName) });
  const stack = new Stack(app, StackName, {
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer,
  });
  fill(stack);
  const assembly = app.synth();
  for (const name of await readdir(assembly.directory)) {
    const hash = /^asset\.([0-9a-f]+)$/.exec(name)?.[1];
    if (hash === undefined) continue;
    const files = await readdir(path.join(assembly.directory, name), {
      recursive: true,
      withFileTypes: true,
    });
    const entries = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map(async (file) => {
          const full = path.join(file.parentPath, file.name);
          return {
            name: path.relative(path.join(assembly.directory, name), full),
            content: await readFile(full, 'utf8'),
          };
        }),
    );
    await s3.putObject({ Bucket: assets, Key: `${hash}.zip`, Body: zipArchive(entries) });
  }
  await client.send(
    new CreateStackCommand({
      StackName,
      TemplateBody: JSON.stringify(assembly.getStackByName(StackName).template),
      Capabilities: [Capability.CAPABILITY_NAMED_IAM],
    }),
  );
  await waitUntilStackCreateComplete(waiting(), { StackName });
  const { Stacks: [made] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
  return Object.fromEntries((made?.Outputs ?? []).map((o) => [o.OutputKey ?? '', o.OutputValue ?? '']));
}

async function remove(StackName: string): Promise<void> {
  await client.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete(waiting(), { StackName });
}

it("the CDK's autoDeleteObjects empties a bucket that goes with its stack", async () => {
  const { Name = '' } = await deploy('objects', (stack) => {
    const bucket = new Bucket(stack, 'Bucket', {
      autoDeleteObjects: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnOutput(stack, 'Name', { value: bucket.bucketName });
    // On AWS its right to do so is in the bucket's policy, which the embedded cloud keeps but does not evaluate.
    const role = stack.node
      .findChild('Custom::S3AutoDeleteObjectsCustomResourceProvider')
      .node.findChild('Role') as CfnResource;
    role.addPropertyOverride('Policies', [
      {
        PolicyName: 'empty',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['s3:GetBucket*', 's3:List*', 's3:DeleteObject*', 's3:PutBucketPolicy'],
              Resource: [bucket.bucketArn, bucket.arnForObjects('*')],
            },
          ],
        },
      },
    ]);
  });
  await s3.putObject({ Bucket: Name, Key: 'a/b', Body: 'content' });
  await remove('objects');
  await expect(s3.headBucket({ Bucket: Name })).rejects.toMatchObject({ name: 'NotFound' });
});

it("the CDK's provider framework answers with what a function returns", async () => {
  const outputs = await deploy('framework', (stack) => {
    const onEventHandler = new LambdaFunction(stack, 'Handler', {
      runtime: Runtime.NODEJS_22_X,
      handler: 'index.handler',
      code: Code.fromInline(
        `exports.handler = async (event) => event.ResourceProperties.Fail === 'true' && event.RequestType === 'Create'
          ? Promise.reject(new Error('no luck')) : { Data: { Greeting: 'hello ' + event.ResourceProperties.Name } };`,
      ),
    });
    const { serviceToken } = new Provider(stack, 'Provider', { onEventHandler });
    const resource = new CustomResource(stack, 'Resource', { serviceToken, properties: { Name: 'you' } });
    new CfnOutput(stack, 'Greeting', { value: resource.getAttString('Greeting') });
  });
  expect(outputs['Greeting']).toBe('hello you');
  await remove('framework');
});

it('ours sets the default of the account', async () => {
  await deploy('trunking', (stack) => {
    new EniTrunking(stack, 'EniTrunking');
  });
  const { settings } = await ecs.listAccountSettings({ name: 'awsvpcTrunking', effectiveSettings: true });
  expect(settings).toMatchObject([{ name: 'awsvpcTrunking', value: 'enabled' }]);
  await remove('trunking');
});

it('answers over https by any form of call, and leaves other requests alone', async () => {
  const { Answered = '', Refused = '' } = await deploy('forms', (stack) => {
    const handler = new LambdaFunction(stack, 'Handler', {
      runtime: Runtime.NODEJS_22_X,
      handler: 'index.handler',
      code: Code.fromInline(`
        const { request } = require('https');
        exports.handler = (event) => new Promise((resolve, reject) => {
          const { hostname } = new URL(event.ResponseURL);
          const elsewhere = request({ hostname, path: '/elsewhere' });
          elsewhere.on('error', (error) => {
            const body = JSON.stringify({ Status: 'SUCCESS', PhysicalResourceId: 'it', StackId: event.StackId, RequestId: event.RequestId,
              LogicalResourceId: event.LogicalResourceId, Data: { Refused: error.code } });
            const answer = request(event.ResponseURL.replace(/^http:/, 'https:'), { method: 'PUT', headers: { 'content-length': body.length } }, resolve);
            answer.on('error', reject);
            answer.end(body);
          });
          elsewhere.end();
        }).then(() => null);`),
    });
    const resource = new CustomResource(stack, 'Resource', { serviceToken: handler.functionArn });
    new CfnOutput(stack, 'Answered', { value: resource.ref });
    new CfnOutput(stack, 'Refused', { value: resource.getAttString('Refused') });
  });
  expect(Answered).toBe('it');
  expect(Refused).toBe('ECONNREFUSED');
});
