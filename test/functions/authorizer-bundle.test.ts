/** The authorizer as it is deployed: its bundle, reading a real registry table and a secret. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { type Key, registryKeys } from '../../src/model/registry.ts';
import type {
  AuthorizerAnswer,
  AuthorizerEvent,
} from '../../src/templates/functions/authorizer/authorizer.ts';
import { clientId, type Issuer, startIssuer } from '../images/issuer.ts';
import { bundle, removeBundles } from '../images/running-image.ts';

let stateDir: string;
let cloud: RunningCloud;
let issuer: Issuer;
let secrets: Server;
let handler: (event: AuthorizerEvent) => Promise<AuthorizerAnswer>;

/** To GetSecretValue and to AdminGetUser. */
const answers = {
  SecretString: 's3cret',
  Enabled: true,
  UserAttributes: [{ Name: 'custom:userRole', Value: 'TenantAdmin' }],
};

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-authorizer-'));
  cloud = await startCloud({ stateDir });
  issuer = await startIssuer();
  secrets = createServer((request, response) => {
    const asked: Buffer[] = [];
    request.on('data', (chunk: Buffer) => asked.push(chunk));
    request.on('end', () => {
      const username = /"Username":"([\w-]+)"/.exec(Buffer.concat(asked).toString())?.[1] ?? '';
      const type = { gone: 'UserNotFoundException', 'pool-gone': 'ResourceNotFoundException' }[username];
      response
        .writeHead(type ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify(type ? { __type: type } : answers));
    });
  });
  await new Promise<void>((resolve) => secrets.listen(0, '127.0.0.1', resolve));

  const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
  const dynamodb = new DynamoDBClient({ endpoint: cloud.endpoint, region: cloud.region, credentials });
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'registry',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  const put = (key: Key, item: Record<string, string>) =>
    dynamodb.send(
      new PutItemCommand({
        TableName: 'registry',
        Item: Object.fromEntries(Object.entries({ ...key, ...item }).map(([name, S]) => [name, { S }])),
      }),
    );
  await put(registryKeys.issuer(issuer.url), { issuer: issuer.url, clientId });
  await put(registryKeys.tenant('tenant-a'), {
    tenantId: 'tenant-a',
    tier: 'basic',
    model: 'pool',
    status: 'active',
  });
  await put(registryKeys.tenant('tenant-s'), {
    tenantId: 'tenant-s',
    tier: 'basic',
    model: 'pool',
    status: 'suspended',
  });
  dynamodb.destroy();

  for (const [name, value] of Object.entries({
    REGISTRY_TABLE: 'registry',
    API_KEY_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:keys',
    AWS_REGION: cloud.region,
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(secrets.address() as AddressInfo).port}`,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: `http://127.0.0.1:${(secrets.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: 'function',
    AWS_SECRET_ACCESS_KEY: 'function',
  }))
    vi.stubEnv(name, value);
  ({ handler } = (await import(await bundle('functions', 'authorizer'))) as { handler: typeof handler });
});
afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  secrets?.close();
  await issuer?.close();
  removeBundles();
  await cloud?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const ask = async (token: string) =>
  handler({
    methodArn: 'arn:aws:execute-api:us-east-1:000000000000:api1/prod/GET/orders',
    headers: { authorization: `Bearer ${token}` },
  });

it('decides by what the registry holds', async () => {
  const errors = vi.spyOn(console, 'error');
  const allowed = await ask(await issuer.token({ tenantId: 'tenant-a' }));
  expect(allowed.policyDocument.Statement[0]?.Effect).toBe('Allow');
  expect(allowed.usageIdentifierKey).toMatch(/^[\w-]{43}$/);
  const denied = await ask(await issuer.token({ tenantId: 'tenant-s' }));
  expect(denied.policyDocument.Statement[0]?.Effect).toBe('Deny');
  await expect(ask(await issuer.token({ tenantId: 'tenant-x' }))).rejects.toThrow(/^Unauthorized$/);
  await expect(ask(await issuer.token({ issuer: 'http://127.0.0.1:1/pool' }))).rejects.toThrow(
    /^Unauthorized$/,
  );
  for (const stale of [{ username: 'gone' }, { username: 'pool-gone' }, { role: 'TenantUser' }])
    await expect(ask(await issuer.token({ tenantId: 'tenant-a', ...stale }))).rejects.toThrow(
      /^Unauthorized$/,
    );
  expect(errors).not.toHaveBeenCalled();
});
