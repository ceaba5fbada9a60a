import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildImage } from '../../src/embedded/compute/images/build.ts';

let context: string;

beforeAll(async () => {
  context = await mkdtemp(path.join(tmpdir(), 'image-base-'));
});
afterAll(() => rm(context, { recursive: true }));

const built = async (dockerfile: string, programs: readonly string[]): Promise<string> => {
  await writeFile(path.join(context, 'Dockerfile'), dockerfile);
  const output = await mkdtemp(path.join(context, 'output-'));
  const { config } = await buildImage({ context, output, hasProgram: (name) => programs.includes(name) });
  return config.base;
};

it('refuses an image whose base is a program that this machine lacks', async () => {
  const dockerfile = 'ARG VERSION=1.29\nFROM registry.example/nginxinc/nginx-unprivileged:${VERSION}\n';
  await expect(built(dockerfile, [])).rejects.toThrow(
    /^Dockerfile:2: "nginx" is not on this machine: install it/,
  );
  expect(await built(dockerfile, ['nginx'])).toBe('registry.example/nginxinc/nginx-unprivileged:1.29');
});

it('asks nothing of bases that only a stage has, and of bases it does not know', async () => {
  expect(await built('FROM nginx AS unused\nFROM alpine\n', [])).toBe('alpine');
  await expect(built('FROM nginx AS first\nFROM first\n', [])).rejects.toThrow(
    '"nginx" is not on this machine',
  );
});
