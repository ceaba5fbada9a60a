import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AddTagsToResourceCommand,
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  LabelParameterVersionCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: SSMClient;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-ssm-'));
  cloud = await startCloud({ stateDir });
  client = new SSMClient({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const put = (Name: string, Value: string, more: object = {}) =>
  client.send(new PutParameterCommand({ Name, Value, Type: 'String', ...more }));

it('keeps the versions of a parameter, by number and by label', async () => {
  expect(await put('/app/color', 'red')).toMatchObject({ Version: 1, Tier: 'Standard' });
  await expect(put('/app/color', 'blue')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
  expect(await put('/app/color', 'blue', { Overwrite: true })).toMatchObject({ Version: 2 });
  await client.send(
    new LabelParameterVersionCommand({ Name: '/app/color', ParameterVersion: 1, Labels: ['old'] }),
  );

  const value = async (Name: string) => {
    const { Parameter } = await client.send(new GetParameterCommand({ Name }));
    return [Parameter?.Value, Parameter?.Version, Parameter?.Selector];
  };
  expect(await value('/app/color')).toEqual(['blue', 2, undefined]);
  expect(await value('/app/color:1')).toEqual(['red', 1, ':1']);
  expect(await value('/app/color:old')).toEqual(['red', 1, ':old']);
  await expect(value('/app/color:9')).rejects.toMatchObject({ name: 'ParameterVersionNotFound' });
  await expect(value('/app/none')).rejects.toMatchObject({ name: 'ParameterNotFound' });
  const { Parameters } = await client.send(new GetParameterHistoryCommand({ Name: '/app/color' }));
  expect(Parameters?.map(({ Value, Labels }) => [Value, Labels])).toEqual([
    ['red', ['old']],
    ['blue', []],
  ]);
  expect(cloud.ssm.value('/app/color')).toBe('blue');
  const arn = `arn:aws:ssm:${cloud.region}:${cloud.account}:parameter/app/color`;
  expect(await value(arn)).toEqual(['blue', 2, undefined]);
});

it('shows a SecureString only on request', async () => {
  await put('/app/password', 'hunter2', { Type: 'SecureString' });
  const get = async (WithDecryption: boolean) =>
    (await client.send(new GetParameterCommand({ Name: '/app/password', WithDecryption }))).Parameter?.Value;
  expect(await get(true)).toBe('hunter2');
  expect(await get(false)).not.toContain('hunter2');
});

it('refuses names and values that AWS refuses', async () => {
  for (const [name, value] of [
    ['aws/x', 'v'],
    ['/aws-x', 'v'],
    ['a/b', 'v'],
    ['/a b', 'v'],
    ['/big', 'x'.repeat(4097)],
  ] as const) {
    await expect(put(name, value), name).rejects.toMatchObject({ name: 'ValidationException' });
  }
  expect(await put('/big', 'x'.repeat(4097), { Tier: 'Intelligent-Tiering' })).toMatchObject({
    Tier: 'Advanced',
  });
  await expect(put('/digits', 'abc', { AllowedPattern: '\\d+' })).rejects.toMatchObject({
    name: 'ParameterPatternMismatchException',
  });
});

it('pages through a path by ten, recursively on request', async () => {
  const names = Array.from({ length: 23 }, (_, index) => `/many/${String(index).padStart(2, '0')}`);
  for (const name of names) await put(name, 'v');
  await put('/many/deep/er', 'v');
  const list = async (Recursive: boolean) => {
    const pages: number[] = [];
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(new GetParametersByPathCommand({ Path: '/many', Recursive, NextToken }));
      pages.push(page.Parameters?.length ?? 0);
      found.push(...(page.Parameters ?? []).map(({ Name = '' }) => Name));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return { pages, found };
  };
  expect(await list(false)).toEqual({ pages: [10, 10, 3], found: names });
  expect((await list(true)).found).toEqual([...names, '/many/deep/er'].sort());
});

it('describes, tags and deletes', async () => {
  await put('/t/a', '1');
  await put('/t/b', '2');
  await client.send(
    new AddTagsToResourceCommand({
      ResourceType: 'Parameter',
      ResourceId: '/t/a',
      Tags: [{ Key: 'team', Value: 'x' }],
    }),
  );
  const tags = await client.send(
    new ListTagsForResourceCommand({ ResourceType: 'Parameter', ResourceId: '/t/a' }),
  );
  expect(tags.TagList).toEqual([{ Key: 'team', Value: 'x' }]);
  const found = await client.send(
    new DescribeParametersCommand({ ParameterFilters: [{ Key: 'tag:team', Values: ['x'] }] }),
  );
  expect(found.Parameters?.map(({ Name }) => Name)).toEqual(['/t/a']);
  expect(await client.send(new DeleteParametersCommand({ Names: ['/t/a', '/t/none'] }))).toMatchObject({
    DeletedParameters: ['/t/a'],
    InvalidParameters: ['/t/none'],
  });
  const got = await client.send(new GetParametersCommand({ Names: ['/t/a', '/t/b'] }));
  expect(got.Parameters?.map(({ Name }) => Name)).toEqual(['/t/b']);
  expect(got.InvalidParameters).toEqual(['/t/a']);
});

it('answers for the images that AWS publishes, one id a kind', () => {
  const base = '/aws/service/ecs/optimized-ami/amazon-linux-2023';
  const intel = cloud.ssm.value(`${base}/recommended/image_id`);
  const arm = cloud.ssm.value(`${base}/arm64/recommended/image_id`);
  expect(intel).toMatch(/^ami-[0-9a-f]{17}$/);
  expect(arm).toMatch(/^ami-[0-9a-f]{17}$/);
  expect(arm).not.toBe(intel);
  expect(JSON.parse(cloud.ssm.value(`${base}/recommended`))).toMatchObject({ image_id: intel });
  expect(() => cloud.ssm.value('/aws/service/nothing')).toThrow('not found');
});
