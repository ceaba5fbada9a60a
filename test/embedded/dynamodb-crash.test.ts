import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCloud } from '../../src/embedded/cloud.ts';
import { packageRoot } from '../../src/model/installation.ts';

let directory: string;

/** Starts a cloud, writes pairs in transactions, and says each one that was acknowledged. */
const writer = `
import { startCloud } from './src/embedded/cloud.ts';
import { DynamoDBClient, CreateTableCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
const cloud = await startCloud({ stateDir: process.argv[2] });
const client = new DynamoDBClient({ endpoint: cloud.endpoint, region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
await client.send(new CreateTableCommand({ TableName: 'pairs', BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: ['pk', 'sk', 'all'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
  GlobalSecondaryIndexes: [{ IndexName: 'by-all', KeySchema: [{ AttributeName: 'all', KeyType: 'HASH' }], Projection: { ProjectionType: 'ALL' } }] }));
let n = 0;
async function loop() {
  for (;;) {
    const id = String(n++);
    await client.send(new TransactWriteItemsCommand({ TransactItems: ['left', 'right'].map((pk) => (
      { Put: { TableName: 'pairs', Item: { pk: { S: pk }, sk: { S: id }, all: { S: 'all' } } } })) }));
    console.log(id);
  }
}
await Promise.all([loop(), loop(), loop(), loop()]);
`;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-crash-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it('keeps every acknowledged write, and no half of a transaction, when the process is killed', async () => {
  const root = packageRoot();
  // Beside the sources' package, so that its dependencies are found.
  const script = path.join(root, 'node_modules', '.cache', `crash-${process.pid}.mjs`);
  await build({
    stdin: { contents: writer, resolveDir: root, loader: 'ts' },
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  const stateDir = path.join(directory, 'state');
  const child = spawn(process.execPath, [script, stateDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  const gone = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === 200) child.kill('SIGKILL');
  }
  await gone;
  await rm(script);
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);

  const cloud = await startCloud({ stateDir });
  const client = new DynamoDBClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  try {
    const ids = async (more: object) => {
      const { Items } = await client.send(new QueryCommand({ TableName: 'pairs', ...more }));
      return (Items ?? []).map((item) => item['sk']?.S ?? '').sort();
    };
    const side = (pk: string) =>
      ids({ KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': { S: pk } } });
    const [left, right] = [await side('left'), await side('right')];
    expect(left).toEqual(right);
    expect(left).toEqual(expect.arrayContaining(acknowledged));
    const indexed = await ids({
      IndexName: 'by-all',
      KeyConditionExpression: '#a = :a',
      ExpressionAttributeNames: { '#a': 'all' },
      ExpressionAttributeValues: { ':a': { S: 'all' } },
    });
    expect(indexed).toEqual([...left, ...right].sort());
  } finally {
    client.destroy();
    await cloud.stop();
  }
});
