/** The background process shows nothing to others: its files are its user's alone, its sockets on loopback. Needs dist/ (npm run build). */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { daemonFiles } from '../../src/model/daemon.ts';
import { startLocalCloud, stopLocalCloud } from '../../src/services/local-cloud.ts';
import { isLoopbackAddress, listeningAddresses, wideFiles } from './exposure.ts';
import { zipArchive } from './zip-archive.ts';

let root: string;
let stateDir: string;
let umask: number;
beforeEach(async () => {
  umask = process.umask(0);
  root = await mkdtemp(path.join(tmpdir(), 'saas-ecs-shown-'));
  stateDir = path.join(root, '.saas-ecs', 'embedded');
});
afterEach(async () => {
  process.umask(umask);
  await stopLocalCloud({ root });
  await rm(root, { recursive: true, force: true });
});

async function use(endpoint: string): Promise<void> {
  const options = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'shown' }));
  await s3.send(new PutObjectCommand({ Bucket: 'shown', Key: 'a/b', Body: 'c' }));
  const dynamodb = new DynamoDBClient(options);
  const key = { AttributeName: 'id', AttributeType: 'S', KeyType: 'HASH' } as const;
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'shown',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [key],
    }),
  );
  await dynamodb.send(new PutItemCommand({ TableName: 'shown', Item: { id: { S: '1' } } }));
  const { Role } = await new IAMClient(options).send(
    new CreateRoleCommand({
      RoleName: 'shown',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: {
          Effect: 'Allow',
          Principal: { Service: 'lambda.amazonaws.com' },
          Action: 'sts:AssumeRole',
        },
      }),
    }),
  );
  const lambda = new LambdaClient(options);
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: 'shown',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: Role?.Arn,
      Code: {
        ZipFile: zipArchive([
          { name: 'index.mjs', content: 'export const handler = () => console.log("x");' },
        ]),
      },
    }),
  );
  await lambda.send(new InvokeCommand({ FunctionName: 'shown' }));
}

test.skipIf(process.platform === 'win32')(
  'keeps its state to its user, whatever the umask and whatever was there',
  async () => {
    // As another program, or a version before, may have left it.
    await mkdir(path.join(stateDir, 'left', 'open'), { recursive: true, mode: 0o777 });
    await writeFile(path.join(stateDir, 'left', 'open', 'file'), 'kept', { mode: 0o666 });
    await writeFile(path.join(stateDir, daemonFiles.marker), '', { mode: 0o666 });
    await writeFile(path.join(root, 'outside'), '', { mode: 0o644 });
    await symlink(path.join(root, 'outside'), path.join(stateDir, 'left', 'link'));
    await chmod(stateDir, 0o777);
    expect(await wideFiles(stateDir)).not.toEqual([]);

    const { endpoint } = await startLocalCloud({ root, port: 0 });
    await use(endpoint);
    expect(await wideFiles(stateDir)).toEqual([]);
    expect(await readFile(path.join(stateDir, 'left', 'open', 'file'), 'utf8')).toBe('kept');
    expect((await stat(path.join(root, 'outside'))).mode & 0o777).toBe(0o644);
  },
);

test.skipIf(process.platform !== 'linux')('listens on loopback alone', async () => {
  const { endpoint, pid } = await startLocalCloud({ root, port: 0 });
  await use(endpoint);
  const addresses = listeningAddresses(pid);
  expect(addresses).toContain('127.0.0.1');
  expect(addresses.filter((address) => !isLoopbackAddress(address))).toEqual([]);
});
