/** The background process: started once, found again, killed, and never losing what it acknowledged. Needs dist/ (npm run build). */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DaemonRecord, daemonFiles } from '../../src/model/daemon.ts';
import { processIdentity } from '../../src/model/process.ts';
import {
  localCloudStatus,
  readOutbox,
  resetLocalCloud,
  startLocalCloud,
  stopLocalCloud,
} from '../../src/services/local-cloud.ts';

let root: string;
let stateDir: string;
const servers: Server[] = [];
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'saas-ecs-life-'));
  stateDir = path.join(root, '.saas-ecs', 'embedded');
});
afterEach(async () => {
  await stopLocalCloud({ root });
  for (const server of servers.splice(0)) server.close();
  await rm(root, { recursive: true, force: true });
});

/** A port that is free now. Given by name, so that tests don't take the projects' own range. */
async function freePort(): Promise<number> {
  const server = await occupy(0);
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}
const start = async () => startLocalCloud({ root, port: await freePort() });
const client = (endpoint: string): S3Client =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
const gone = (pid: number): Promise<void> =>
  vi.waitFor(() => expect(processIdentity(pid)).toBeUndefined(), { timeout: 20_000, interval: 20 });

test('starts once, is found again, and stops', async () => {
  expect(await localCloudStatus({ root })).toEqual({
    running: false,
    endpoint: null,
    pid: null,
    uptimeMs: null,
    stateDir,
    sizeBytes: 0,
  });
  const onStart = vi.fn();
  const first = await startLocalCloud({ root, port: await freePort(), onStart });
  expect(first).toMatchObject({ started: true, stateDir });
  const second = await startLocalCloud({ root, onStart });
  expect(second).toEqual({ ...first, started: false });
  expect(onStart).toHaveBeenCalledTimes(1);
  expect(await localCloudStatus({ root })).toMatchObject({
    running: true,
    endpoint: first.endpoint,
    pid: first.pid,
  });
  expect(await readOutbox(first.endpoint)).toEqual([]);
  expect((await stat(path.join(stateDir, daemonFiles.record))).mode & 0o077).toBe(0);
  expect((await stat(stateDir)).mode & 0o077).toBe(0);
  expect(await stopLocalCloud({ root })).toBe(true);
  expect(processIdentity(first.pid)).toBeUndefined();
  expect(await stopLocalCloud({ root })).toBe(false);
  const third = await startLocalCloud({ root });
  expect(third).toMatchObject({ started: true, endpoint: first.endpoint });
});

test('commands that start it at once share one process', async () => {
  const port = await freePort();
  const clouds = await Promise.all([1, 2, 3].map(() => startLocalCloud({ root, port })));
  expect(new Set(clouds.map((cloud) => cloud.pid)).size).toBe(1);
  expect(clouds.filter((cloud) => cloud.started)).toHaveLength(1);
});

test('kill -9 loses no acknowledged write', async () => {
  const { endpoint, pid } = await start();
  const s3 = client(endpoint);
  await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
  const acknowledged: string[] = [];
  let killed = false;
  const writer = async (name: number): Promise<void> => {
    for (let i = 0; !killed; i++) {
      const Key = `${name}/${i}`;
      try {
        await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: `content of ${Key}` }));
        acknowledged.push(Key);
      } catch {
        return;
      }
      if (acknowledged.length === 200) {
        killed = true;
        process.kill(pid, 'SIGKILL');
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(writer));
  await gone(pid);
  expect(await localCloudStatus({ root })).toMatchObject({ running: false });

  const again = await startLocalCloud({ root });
  expect(again).toMatchObject({ started: true, endpoint });
  const listed = await client(endpoint).send(new ListObjectsV2Command({ Bucket: 'bucket' }));
  const keys = new Set(listed.Contents?.map((each) => each.Key));
  expect(acknowledged.filter((key) => !keys.has(key))).toEqual([]);
  for (const Key of acknowledged.slice(-20)) {
    const object = await client(endpoint).send(new GetObjectCommand({ Bucket: 'bucket', Key }));
    expect(await object.Body?.transformToString()).toBe(`content of ${Key}`);
  }
});

test('its port taken by another program is told, with the port', async () => {
  const { endpoint } = await start();
  await stopLocalCloud({ root });
  const { port } = new URL(endpoint);
  servers.push(await occupy(Number(port)));
  await expect(startLocalCloud({ root })).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining(port),
    hint: expect.stringContaining(port),
  });
});

test('does not move to another port', async () => {
  await start();
  const other = await freePort();
  await expect(startLocalCloud({ root, port: other })).rejects.toMatchObject({ code: 'port_fixed' });
  await stopLocalCloud({ root });
  await expect(startLocalCloud({ root, port: other })).rejects.toMatchObject({ code: 'port_fixed' });
});

test('damaged state is told, and nothing is deleted', async () => {
  const { endpoint } = await start();
  await client(endpoint).send(new CreateBucketCommand({ Bucket: 'bucket' }));
  await stopLocalCloud({ root });
  const journal = path.join(stateDir, 'store', 'journal');
  const content = await readFile(journal);
  content.write('garbage', 20);
  await writeFile(journal, content);
  const before = await readdir(stateDir, { recursive: true });
  await expect(startLocalCloud({ root })).rejects.toMatchObject({
    code: 'state_damaged',
    detail: expect.stringContaining('journal'),
    hint: expect.stringContaining('local reset'),
  });
  expect(await readFile(journal)).toEqual(content);
  expect(await readdir(stateDir, { recursive: true })).toEqual(before);
  await resetLocalCloud({ root });
  expect(await readdir(path.dirname(stateDir))).toEqual(['.gitignore']);
  await start();
});

test('a damaged record of the process is damage, too', async () => {
  await start();
  await stopLocalCloud({ root });
  await writeFile(path.join(stateDir, daemonFiles.record), '{"port":');
  await expect(startLocalCloud({ root })).rejects.toMatchObject({ code: 'state_damaged' });
});

test('a reset stops it, and leaves directories of others alone', async () => {
  const { pid } = await start();
  await resetLocalCloud({ root });
  expect(processIdentity(pid)).toBeUndefined();
  await mkdir(stateDir, { recursive: true });
  await writeFile(path.join(stateDir, 'thesis.txt'), 'years of work');
  await expect(resetLocalCloud({ root })).rejects.toMatchObject({ code: 'state_foreign' });
  await expect(startLocalCloud({ root })).rejects.toMatchObject({ code: 'state_foreign' });
  expect(await readdir(stateDir)).toEqual(['thesis.txt']);
});

test('ends when its directory is deleted', async () => {
  const { pid } = await start();
  await rm(path.join(root, '.saas-ecs'), { recursive: true, force: true });
  await gone(pid);
});

test('a leftover record does not pass for a running process', async () => {
  const { pid } = await start();
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  const file = path.join(stateDir, daemonFiles.record);
  const record = JSON.parse(await readFile(file, 'utf8')) as DaemonRecord;
  // The process id went to somebody else meanwhile.
  await writeFile(file, JSON.stringify({ ...record, pid: process.pid }));
  expect(await localCloudStatus({ root })).toMatchObject({ running: false });
  expect(await stopLocalCloud({ root })).toBe(false);
  expect(await startLocalCloud({ root })).toMatchObject({ started: true });
});
