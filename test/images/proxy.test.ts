/** What the reverse proxy's image does when it starts, with a program in nginx's place that shows its configuration. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';

const run = promisify(execFile);
const script = path.join(packageRoot(), 'src', 'templates', 'images', 'rproxy', 'start.sh');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'proxy-test-'));
  const nginx = path.join(directory, 'nginx');
  await writeFile(nginx, '#!/bin/sh\nexec cat "$4"\n');
  await chmod(nginx, 0o755);
  await writeFile(
    path.join(directory, 'template'),
    [
      '# upstream UPSTREAM_ORDERS orders-api 3010',
      '# upstream UPSTREAM_MY_REVIEWS my-reviews-api 8088',
      'listen ${LISTEN}; orders ${UPSTREAM_ORDERS}; reviews ${UPSTREAM_MY_REVIEWS}; $request_method',
    ].join('\n'),
  );
  // As ECS writes it.
  await writeFile(
    path.join(directory, 'hosts'),
    [
      '127.0.0.1\tlocalhost',
      '2600:f0f0:0:0:0:0:0:1\torders-api.shop.sc',
      '127.255.0.1 orders-api.shop.sc orders-api',
      '127.255.0.2 my-reviews-api.other.sc',
    ].join('\n'),
  );
});
afterAll(() => rm(directory, { recursive: true }));

const start = (environment: Record<string, string>) =>
  run('/bin/sh', [script, path.join(directory, 'template'), path.join(directory, 'hosts')], {
    env: { PATH: `${directory}:${process.env['PATH']}`, TMPDIR: directory, ...environment },
  });

it("fills in where the task listens and its namespace's services", async () => {
  const { stdout, stderr } = await start({ NAMESPACE: 'shop' });
  expect(stdout).toContain(
    'listen 0.0.0.0:8080; orders 127.255.0.1:3010; reviews 127.0.0.1:9; $request_method',
  );
  expect(JSON.parse(stderr)).toMatchObject({
    level: 'warn',
    msg: 'my-reviews-api.shop.sc is not known to this task; its routes answer 503',
  });
  const elsewhere = await start({ NAMESPACE: 'other', HOST: '127.1.2.3', PORT: '80' });
  expect(elsewhere.stdout).toContain('listen 127.1.2.3:80; orders 127.0.0.1:9; reviews 127.255.0.2:8088;');
});

it('says what to do where nginx is missing', async () => {
  await expect(start({ NAMESPACE: 'shop', PATH: '' })).rejects.toMatchObject({
    code: 127,
    stderr: expect.stringContaining('nginx is not on this machine: install it, or use routing: direct'),
  });
});
