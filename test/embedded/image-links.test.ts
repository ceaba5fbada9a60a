/** Symbolic links in a build: they must not lead COPY to files outside of the context, or the image's content out of the image. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildImage } from '../../src/embedded/compute/images/build.ts';

let base: string;
let context: string;
let outside: string;

beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'image-links-'));
  context = path.join(base, 'context');
  outside = path.join(base, 'outside');
  for (const directory of [context, outside, path.join(base, 'image')]) await mkdir(directory);
  await writeFile(path.join(context, 'app.js'), 'ours');
  await writeFile(path.join(outside, 'app.js'), 'theirs');
  await symlink(outside, path.join(context, 'link'));
  await symlink(path.join(outside, 'app.js'), path.join(context, 'linked.js'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function build(...lines: string[]): Promise<string> {
  await writeFile(path.join(context, 'Dockerfile'), ['FROM scratch', ...lines, ''].join('\n'));
  const output = path.join(base, 'image');
  await buildImage({ context, output });
  return path.join(output, 'rootfs');
}

test('a file is not copied through a link out of the context', async () => {
  await expect(build('COPY link/app.js /app.js')).rejects.toThrow(
    'Dockerfile:2: "/link" is reached by a symbolic link',
  );
});

test('a directory is not copied through a link out of the context', async () => {
  await expect(build('COPY link /app/')).rejects.toThrow('symbolic link');
});

test('nothing is written through a link that an earlier instruction brought', async () => {
  await expect(build('COPY . /app', 'COPY app.js /app/link/app.js')).rejects.toThrow('symbolic link');
  expect(await readFile(path.join(outside, 'app.js'), 'utf8')).toBe('theirs');
});

test('no work directory is made through one either', async () => {
  await expect(build('COPY . /app', 'WORKDIR /app/link/deeper')).rejects.toThrow('symbolic link');
});

test('a link in the way of a file is replaced, not written through', async () => {
  const root = await build('COPY . /app', 'COPY app.js /app/linked.js');
  expect(await readFile(path.join(root, 'app', 'linked.js'), 'utf8')).toBe('ours');
  expect(await readFile(path.join(outside, 'app.js'), 'utf8')).toBe('theirs');
});
