/** An environment with every setting of the block `security` on: keys of its own, a web ACL, TLS to the load balancers. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ACM } from '@aws-sdk/client-acm';
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { KMS } from '@aws-sdk/client-kms';
import { WAFV2 } from '@aws-sdk/client-wafv2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import type { Tenant } from '../../src/model/tenant.ts';
import type { ClientOptions } from '../../src/services/environment.ts';
import { certificate, privateKey, serverName } from '../embedded/test-certificate.ts';
import { api, newProject, type Project } from './project.ts';

const rateLimit = 60;
let project: Project;
let options: ClientOptions;
let pooled: Tenant;
let siloed: Tenant;

beforeAll(async () => {
  project = await newProject();
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'start');
  options = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const { CertificateArn = '' } = await new ACM(options).importCertificate({
    Certificate: Buffer.from(certificate),
    PrivateKey: Buffer.from(privateKey),
  });
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const document = parseDocument(await readFile(file, 'utf8'));
  document.setIn(['environments', 'local', 'security'], {
    encryption: 'customer-managed',
    waf: 'on',
    rateLimit,
    tls: { certificateArn: CertificateArn, serverName },
  });
  await writeFile(file, document.toString());
  await project.json('deploy-shared');
}, 300_000);
afterAll(() => project.remove());

const onboard = (name: string, tier: string): Promise<Tenant> =>
  project.json('onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`);
const tokenOf = async (tenant: string): Promise<string> =>
  (await project.json<{ token: string }>('token', '--tenant', tenant)).token;

/** Keys that are not about to be deleted, by description. */
async function keysInUse(): Promise<{ id: string; description: string }[]> {
  const kms = new KMS(options);
  const { Keys = [] } = await kms.listKeys({});
  const described = await Promise.all(
    Keys.map(async ({ KeyId = '' }) => (await kms.describeKey({ KeyId })).KeyMetadata),
  );
  return described
    .filter((key) => key?.KeyState === 'Enabled')
    .map((key) => ({ id: key?.KeyId ?? '', description: key?.Description ?? '' }));
}

it('serves a tenant of the pool and one with a silo, by TLS, from tables under keys', async () => {
  pooled = await onboard('cedar', 'basic');
  siloed = await onboard('dogwood', 'advanced');
  for (const tenant of [pooled, siloed]) {
    const token = await tokenOf(tenant.name);
    const product = { name: 'tea', price: 3, sku: 'T1', category: 'drinks' };
    const made = await api(`${tenant.apiUrl}/products`, { token, method: 'POST', body: product });
    expect([tenant.name, made.status, made.body]).toMatchObject([tenant.name, 201, product]);
    expect((await api(`${tenant.apiUrl}/products`, { token })).body['items']).toHaveLength(1);
  }
  expect((await keysInUse()).map(({ description }) => description).sort()).toEqual([
    'Registry, releases, key secret, pool and logs of the environment',
    'Tables and logs of one tenant',
  ]);
  const db = new DynamoDB(options);
  const { TableNames = [] } = await db.listTables({});
  for (const TableName of TableNames)
    expect([TableName, (await db.describeTable({ TableName })).Table?.SSEDescription?.SSEType]).toEqual([
      TableName,
      'KMS',
    ]);
  const { logGroups = [] } = await new CloudWatchLogs(options).describeLogGroups({});
  expect(
    logGroups.filter(({ kmsKeyId }) => kmsKeyId === undefined).map(({ logGroupName }) => logGroupName),
  ).toEqual([]);
});

it('a tenant whose key is disabled is served nothing of its data, and its neighbour is', async () => {
  const kms = new KMS(options);
  const own = (await keysInUse()).find(({ description }) => description.includes('one tenant'));
  const list = async (tenant: Tenant) =>
    (await api(`${tenant.apiUrl}/products`, { token: await tokenOf(tenant.name) })).status;
  await kms.disableKey({ KeyId: own?.id });
  expect(await list(siloed)).toBeGreaterThanOrEqual(500);
  expect(await list(pooled)).toBe(200);
  await kms.enableKey({ KeyId: own?.id });
  expect(await list(siloed)).toBe(200);
});

it('a flood from one address is answered 403 by the web ACL, and nothing before the limit is', async () => {
  const acl = (await new WAFV2(options).listWebACLs({ Scope: 'REGIONAL' })).WebACLs?.[0];
  expect(
    (await new WAFV2(options).listResourcesForWebACL({ WebACLArn: acl?.ARN, ResourceType: 'API_GATEWAY' }))
      .ResourceArns,
  ).toHaveLength(1);
  const statuses: number[] = [];
  // A preflight asks no authorizer and no limits of a tenant: only the web ACL can refuse it.
  while (statuses.length < rateLimit + 10 && statuses.at(-1) !== 403)
    statuses.push((await api(`${pooled.apiUrl}/products`, { method: 'OPTIONS' })).status);
  expect(new Set(statuses.slice(0, -1))).toEqual(new Set([204]));
  expect(statuses.at(-1)).toBe(403);
  expect(statuses.length).toBeGreaterThan(rateLimit / 2);
  const refused = await api(`${pooled.apiUrl}/products`, { token: await tokenOf('cedar') });
  expect([refused.status, refused.body]).toEqual([403, { message: 'Forbidden' }]);
  const { logGroups = [] } = await new CloudWatchLogs(options).describeLogGroups({
    logGroupNamePrefix: 'aws-waf-logs-',
  });
  const { events = [] } = await new CloudWatchLogs(options).filterLogEvents({
    logGroupName: logGroups[0]?.logGroupName,
  });
  expect(events.length).toBeGreaterThan(0);
  expect(JSON.stringify(events)).not.toContain('eyJ');
});

it('an offboarded silo takes its key with it; destroying leaves nothing in use', async () => {
  await project.json('offboard', 'dogwood', '--confirm', 'dogwood');
  expect((await keysInUse()).map(({ description }) => description)).toEqual([
    'Registry, releases, key secret, pool and logs of the environment',
  ]);
  const { left } = await project.json<{ left: unknown[] }>(
    'destroy-shared',
    ...['--include-tenants', '--delete-data', '--confirm', 'shop and its data'],
  );
  expect(left).toEqual([]);
  expect(await keysInUse()).toEqual([]);
  expect((await new WAFV2(options).listWebACLs({ Scope: 'REGIONAL' })).WebACLs).toEqual([]);
  const { Stacks = [] } = await new CloudFormation(options).describeStacks({});
  expect(
    Stacks.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE').map(({ StackName }) => StackName),
  ).toEqual(['CDKToolkit'].filter((name) => Stacks.some((stack) => stack.StackName === name)));
});
