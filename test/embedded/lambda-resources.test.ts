import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Properties, ResourceContext, ResourceType } from '../../src/embedded/platform.ts';

let directory: string;
let cloud: RunningCloud;
let role: string;
let serial = 0;

const context = (logicalId: string): ResourceContext => {
  const name = `stack-${logicalId}-${++serial}`;
  return {
    stackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1',
    stackName: 'stack',
    logicalId,
    tags: {},
    signal: new AbortController().signal,
    physicalName: () => name,
  };
};
function type(name: string): ResourceType {
  for (const service of cloud.services) {
    const found = service.resourceTypes?.[name];
    if (found) return found;
  }
  throw new Error(`${name} is not there`);
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-functions-'));
  cloud = await startCloud({ stateDir: directory, account: '123456789012' });
  const made = await type('AWS::IAM::Role').create(context('Role'), {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    },
  });
  role = String(made.attributes?.['Arn']);
});
afterAll(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

const inline = (source: string, more: Properties = {}): Properties => ({
  Runtime: 'nodejs22.x',
  Handler: 'index.handler',
  Role: role,
  Code: { ZipFile: source },
  ...more,
});

it('runs inline code, and the new code after an update', async () => {
  const fn = type('AWS::Lambda::Function');
  const before = inline('exports.handler = async () => process.env.WHO', {
    Environment: { Variables: { WHO: 'one' } },
  });
  const { physicalId, attributes } = await fn.create(context('Function'), before);
  expect(attributes?.['Arn']).toBe(`arn:aws:lambda:us-east-1:123456789012:function:${physicalId}`);
  expect(await cloud.lambda.invoke(String(attributes?.['Arn']), {})).toBe('one');
  const after = inline('exports.handler = async () => "new " + process.env.WHO', {
    Environment: { Variables: { WHO: 'two' } },
  });
  await fn.update?.(context('Function'), physicalId, after, before);
  expect(await cloud.lambda.invoke(physicalId, {})).toBe('new two');

  const version = await type('AWS::Lambda::Version').create(context('Version'), { FunctionName: physicalId });
  expect(version.attributes?.['Version']).toBe('1');
  const alias = await type('AWS::Lambda::Alias').create(context('Alias'), {
    FunctionName: physicalId,
    FunctionVersion: '1',
    Name: 'live',
  });
  await fn.update?.(context('Function'), physicalId, before, after);
  expect(await cloud.lambda.invoke(alias.physicalId, {})).toBe('new two');

  await fn.delete(context('Function'), physicalId, before);
  await fn.delete(context('Function'), physicalId, before);
  await expect(cloud.lambda.invoke(physicalId, {})).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
});

it('opens a function to a service by AWS::Lambda::Permission, and closes it', async () => {
  const { physicalId } = await type('AWS::Lambda::Function').create(
    context('Guarded'),
    inline('exports.handler = async () => 1'),
  );
  const permission = type('AWS::Lambda::Permission');
  const properties = {
    Action: 'lambda:InvokeFunction',
    FunctionName: physicalId,
    Principal: 'apigateway.amazonaws.com',
    SourceArn: 'arn:aws:execute-api:us-east-1:123456789012:api/authorizers/*',
  };
  const call = () =>
    cloud.lambda.invoke(
      physicalId,
      {},
      {
        service: 'apigateway.amazonaws.com',
        sourceArn: 'arn:aws:execute-api:us-east-1:123456789012:api/authorizers/a',
      },
    );
  await expect(call()).rejects.toMatchObject({ code: 'AccessDeniedException' });
  const granted = await permission.create(context('Permission'), properties);
  await expect(call()).resolves.toBe(1);
  await permission.delete(context('Permission'), granted.physicalId, properties);
  await expect(call()).rejects.toMatchObject({ code: 'AccessDeniedException' });
});

it('is still there after a restart', async () => {
  const { physicalId } = await type('AWS::Lambda::Function').create(
    context('Kept'),
    inline('exports.handler = async (event) => event'),
  );
  await cloud.stop();
  cloud = await startCloud({ stateDir: directory, account: '123456789012' });
  expect(await cloud.lambda.invoke(physicalId, { a: 1 })).toEqual({ a: 1 });
});

it('refuses function URLs and images by name', () => {
  expect(() => type('AWS::Lambda::Url').validate?.({})).toThrow(/function URLs are not available/);
  expect(() =>
    type('AWS::Lambda::Function').validate?.({ Code: {}, Role: role, PackageType: 'Image' }),
  ).toThrow(/container images/);
});
