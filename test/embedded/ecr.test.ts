import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImage } from '../../src/embedded/compute/images/build.ts';
import { createResource, type Fixture, resourceContext, resourceType, startFixture } from './ecs-fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

let builds = 0;
async function build(files: Readonly<Record<string, string>>, options: { target?: string } = {}) {
  const directory = path.join(fixture.directory, `build-${++builds}`);
  const context = path.join(directory, 'context');
  const output = path.join(directory, 'output');
  await mkdir(output, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(context, file)), { recursive: true });
    await writeFile(path.join(context, file), content);
  }
  const result = await buildImage({ context, output, ...options });
  const file = (name: string): Promise<string> => readFile(path.join(output, 'rootfs', name), 'utf8');
  return { ...result, file };
}

test('an image holds what its Dockerfile copies and says', async () => {
  const { config, file } = await build({
    Dockerfile: [
      'ARG BASE=node:22-slim',
      'FROM ${BASE} AS build',
      'ARG NAME=world',
      'ENV GREETING="hello $NAME" \\',
      '    # a comment within',
      '    OTHER=1',
      'WORKDIR /src',
      'COPY lib ./lib/',
      'COPY *.txt /texts/',
      'FROM gcr.io/distroless/nodejs22-debian12:nonroot',
      'WORKDIR /app',
      'COPY --from=build --chown=nonroot /src/lib/ .',
      'COPY --from=0 /texts/a.txt /etc/${TARGETARCH:-none}.txt',
      'ENV PORT=3010',
      'EXPOSE $PORT 9000-9001/tcp',
      'USER nonroot',
      'LABEL maintainer="me, myself"',
      'CMD ["index.mjs", "--fast"]',
    ].join('\n'),
    'lib/index.mjs': 'index',
    'lib/deep/inner.mjs': 'inner',
    'a.txt': 'a',
    'b.txt': 'b',
  });
  expect(config).toMatchObject({
    base: 'gcr.io/distroless/nodejs22-debian12:nonroot',
    workdir: '/app',
    env: { PORT: '3010' },
    entrypoint: ['/nodejs/bin/node'],
    cmd: ['index.mjs', '--fast'],
    exposed: [3010, 9000, 9001],
    user: 'nonroot',
    labels: { maintainer: 'me, myself' },
  });
  expect(await file('app/index.mjs')).toBe('index');
  expect(await file('app/deep/inner.mjs')).toBe('inner');
  expect(await file('etc/none.txt')).toBe('a');
});

test('the digest depends on content alone', async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'same' };
  const [one, two] = [await build(files), await build(files)];
  expect(one.digest).toBe(two.digest);
  expect((await build({ ...files, a: 'other' })).digest).not.toBe(one.digest);
  expect((await build({ ...files, Dockerfile: 'FROM scratch\nCOPY a /\nENV A=1\n' })).digest).not.toBe(
    one.digest,
  );
});

test('a .dockerignore keeps files out', async () => {
  const { file } = await build({
    Dockerfile: 'FROM scratch\nCOPY . /app\n',
    '.dockerignore': '# secrets\n**/*.env\nnode_modules\n!keep.env\n',
    'index.js': '1',
    'a/b.env': 'secret',
    'keep.env': 'kept',
    'node_modules/x/index.js': 'no',
  });
  await expect(file('app/index.js')).resolves.toBe('1');
  await expect(file('app/keep.env')).resolves.toBe('kept');
  await expect(file('app/a/b.env')).rejects.toThrow('ENOENT');
  await expect(file('app/node_modules/x/index.js')).rejects.toThrow('ENOENT');
});

test('a RUN fails the build with its line, unless no stage of the image needs it', async () => {
  const unused = 'FROM node:22 AS tools\nRUN npm ci\nFROM scratch\nCOPY a /\n';
  await expect(build({ Dockerfile: unused, a: '' })).resolves.toBeDefined();
  const needed = 'FROM node:22 AS tools\nRUN npm ci\nFROM scratch\nCOPY --from=tools /a /\n';
  await expect(build({ Dockerfile: needed, a: '' })).rejects.toThrow(
    /Dockerfile:2: RUN can't be executed.*npm ci/,
  );
});

test.each([
  ['FROM scratch\nCOPY missing /\n', 'Dockerfile:2: "missing" is not there'],
  ['FROM scratch\nCOPY *.none /\n', 'Dockerfile:2: no file matches "*.none"'],
  ['FROM scratch\nFETCH a b\n', 'Dockerfile:2: unknown instruction: FETCH'],
  ['COPY a b\n', 'Dockerfile:1: COPY before the first FROM'],
  ['# nothing\n', 'there is no FROM'],
])('%j is refused', async (Dockerfile, message) => {
  await expect(build({ Dockerfile })).rejects.toThrow(message);
});

test('what cdk-assets does: inspect, build, tag, login, push; the image can be run then', async () => {
  await fixture.ecr.createRepository({ repositoryName: 'assets' });
  const uri = `${fixture.cloud.account}.dkr.ecr.us-east-1.amazonaws.com/assets:abc`;
  const context = path.join(fixture.directory, 'asset');
  await mkdir(context, { recursive: true });
  await writeFile(
    path.join(context, 'Dockerfile'),
    'FROM node:22\nWORKDIR /app\nCOPY main.mjs .\nCMD ["main.mjs"]\n',
  );
  await writeFile(path.join(context, 'main.mjs'), '1');
  await expect(fixture.docker(['inspect', 'cdkasset-abc'])).rejects.toMatchObject({ code: 1 });
  await fixture.docker(
    ['build', '--build-arg', 'A=b', '--tag', 'cdkasset-abc', '--platform', 'linux/arm64', '.'],
    { cwd: context },
  );
  await fixture.docker(['inspect', 'cdkasset-abc']);
  await fixture.docker(['tag', 'cdkasset-abc', uri]);
  expect(
    await fixture.docker(['images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', 'reference=*/*:abc']),
  ).toBe(`${uri}\n`);
  await expect(fixture.docker(['push', uri])).rejects.toMatchObject({
    stderr: expect.stringContaining('log in first'),
  });

  const registry = uri.split('/')[0] ?? '';
  await fixture.docker(['login', '--username', 'AWS', '--password-stdin', registry], { input: 'wrong' });
  await expect(fixture.docker(['push', uri])).rejects.toMatchObject({
    stderr: expect.stringContaining('refused the push (401)'),
  });
  const { authorizationData } = await fixture.ecr.getAuthorizationToken();
  const [, password = ''] = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
    .toString()
    .split(':');
  await fixture.docker(['login', '--username', 'AWS', '--password-stdin', registry], { input: password });
  // Its stdout would be that of the command that deploys.
  expect(await fixture.docker(['--config', '/nowhere', 'push', uri])).toBe('');

  const { imageDetails } = await fixture.ecr.describeImages({
    repositoryName: 'assets',
    imageIds: [{ imageTag: 'abc' }],
  });
  const digest = imageDetails?.[0]?.imageDigest ?? '';
  const image = fixture.cloud.ecr.image(uri);
  expect(image).toMatchObject({ workdir: '/app', entrypoint: ['node'], cmd: ['main.mjs'], digest });
  expect(await readFile(path.join(image.root, 'app', 'main.mjs'), 'utf8')).toBe('1');
  expect(fixture.cloud.ecr.image(uri.replace(':abc', `@${digest}`)).digest).toBe(digest);
  await expect(
    fixture.ecr.describeImages({ repositoryName: 'assets', imageIds: [{ imageTag: 'other' }] }),
  ).rejects.toMatchObject({ name: 'ImageNotFoundException' });
});

test('an immutable tag stays with its image', async () => {
  const { physicalId, attributes } = await createResource(fixture.cloud, 'AWS::ECR::Repository', {
    RepositoryName: 'fixed',
    ImageTagMutability: 'IMMUTABLE',
    EmptyOnDelete: true,
  });
  expect(attributes?.['RepositoryUri']).toBe(
    `${fixture.cloud.account}.dkr.ecr.us-east-1.amazonaws.com/fixed`,
  );
  await fixture.image('fixed', { Dockerfile: 'FROM scratch\nENV A=1\n' });
  await expect(fixture.image('fixed', { Dockerfile: 'FROM scratch\nENV A=2\n' })).rejects.toMatchObject({
    stderr: expect.stringContaining('cannot be overwritten because the repository is immutable'),
  });
  await expect(fixture.ecr.deleteRepository({ repositoryName: 'fixed' })).rejects.toMatchObject({
    name: 'RepositoryNotEmptyException',
  });
  const type = resourceType(fixture.cloud, 'AWS::ECR::Repository');
  await type.delete(resourceContext(), physicalId, { RepositoryName: 'fixed', EmptyOnDelete: true });
  await expect(fixture.ecr.describeRepositories({ repositoryNames: ['fixed'] })).rejects.toMatchObject({
    name: 'RepositoryNotFoundException',
  });
});

test('images outlive a restart; deleted ones do not', async () => {
  const uri = await fixture.image('lasting', { Dockerfile: 'FROM scratch\nENV LASTING=1\n' });
  const gone = await fixture.image('passing', { Dockerfile: 'FROM scratch\nENV PASSING=1\n' });
  await fixture.ecr.batchDeleteImage({ repositoryName: 'passing', imageIds: [{ imageTag: 'latest' }] });
  await fixture.restart();
  expect(fixture.cloud.ecr.image(uri).env).toEqual({ LASTING: '1' });
  expect(() => fixture.cloud.ecr.image(gone)).toThrow('not found');
});
