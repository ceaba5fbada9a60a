import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { EventBridge, type Target } from '@aws-sdk/client-eventbridge';
import { IAM } from '@aws-sdk/client-iam';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { resourceContext } from './resource-context.ts';

interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

const account = '123456789012';
let stateDir: string;
let cloud: RunningCloud;
let events: EventBridge;
let iam: IAM;
let secrets: SecretsManager;
let server: Server;
let base = '';
const log: string[] = [];
const received: Received[] = [];
/** The cloud's time, while it stands still. */
let frozen: number | undefined;
/** Statuses to answer with; 200 when there is none left. */
let statuses: number[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-destinations-'));
  cloud = await startCloud({
    stateDir,
    account,
    clock: { now: () => frozen ?? Date.now() },
    log: (line) => log.push(line),
  });
  const options = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  };
  events = new EventBridge(options);
  iam = new IAM(options);
  secrets = new SecretsManager(options);
  for (const [RoleName, action] of [
    ['caller', 'events:InvokeApiDestination'],
    ['stranger', 'events:PutEvents'],
  ]) {
    await iam.createRole({
      RoleName,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      }),
    });
    await iam.putRolePolicy({
      RoleName,
      PolicyName: 'policy',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: action,
            Resource: `arn:aws:events:us-east-1:${account}:api-destination/*`,
          },
        ],
      }),
    });
  }
});
afterAll(async () => {
  for (const client of [events, iam, secrets]) client.destroy();
  await cloud.stop();
  await new Promise((resolve) => server.close(resolve));
  await rm(stateDir, { recursive: true, force: true });
});
beforeEach(() => {
  received.length = 0;
  log.length = 0;
  statuses = [];
});

const apiKey = { ApiKeyAuthParameters: { ApiKeyName: 'x-key', ApiKeyValue: 'very-secret' } };
const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
const waitFor = <T>(check: () => T) => vi.waitFor(check, { timeout: 15_000, interval: 20 });

/** A destination with a connection of its own, and a rule that sends it the events of the source with its name. */
async function destination(
  Name: string,
  connection: { AuthorizationType: 'API_KEY' | 'BASIC' | 'OAUTH_CLIENT_CREDENTIALS'; AuthParameters: object },
  endpoint: {
    InvocationEndpoint: string;
    HttpMethod?: 'POST' | 'PATCH' | 'GET';
    InvocationRateLimitPerSecond?: number;
  },
  target: Partial<Target> = {},
): Promise<(detail: object) => Promise<unknown>> {
  const { ConnectionArn } = await events.createConnection({ Name, ...connection });
  const { ApiDestinationArn } = await events.createApiDestination({
    Name,
    ConnectionArn,
    HttpMethod: 'POST',
    ...endpoint,
  });
  await events.putRule({ Name, EventPattern: JSON.stringify({ source: [Name] }) });
  await events.putTargets({
    Rule: Name,
    Targets: [{ Id: 'target', Arn: ApiDestinationArn, RoleArn: role('caller'), ...target }],
  });
  return (detail) =>
    events.putEvents({ Entries: [{ Source: Name, DetailType: 'Test', Detail: JSON.stringify(detail) }] });
}

describe('an API destination', () => {
  it('gets the event with its key, path, query and headers, by its method', async () => {
    const send = await destination(
      'whole',
      {
        AuthorizationType: 'API_KEY',
        AuthParameters: {
          ...apiKey,
          InvocationHttpParameters: {
            HeaderParameters: [{ Key: 'x-from', Value: 'connection' }],
            QueryStringParameters: [{ Key: 'q', Value: 'connection' }],
            BodyParameters: [{ Key: 'added', Value: 'yes' }],
          },
        },
      },
      { InvocationEndpoint: `${base}/tenants/*/state`, HttpMethod: 'PATCH' },
      {
        InputPath: '$.detail.output',
        HttpParameters: {
          PathParameterValues: ['$.detail.id'],
          HeaderParameters: { 'x-from': 'target', 'x-id': '$.detail.id' },
          QueryStringParameters: { q: 'target', fixed: '1' },
        },
      },
    );
    await send({ id: 'a/b', output: { state: 'Complete' } });
    const [call] = await waitFor(() => {
      expect(received).toHaveLength(1);
      return received;
    });
    expect(call).toMatchObject({
      method: 'PATCH',
      url: '/tenants/a%2Fb/state?q=connection&fixed=1',
      headers: {
        'x-key': 'very-secret',
        'x-from': 'connection',
        'x-id': 'a/b',
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Amazon/EventBridge/ApiDestinations',
      },
    });
    expect(JSON.parse(call?.body ?? '')).toEqual({ state: 'Complete', added: 'yes' });
  });

  it('is asked again after a failure that may pass, and not after one that is final', async () => {
    const send = await destination(
      'retries',
      {
        AuthorizationType: 'BASIC',
        AuthParameters: { BasicAuthParameters: { Username: 'me', Password: 'pw' } },
      },
      { InvocationEndpoint: `${base}/retries` },
    );
    statuses = [503];
    await send({ n: 1 });
    await waitFor(() => expect(received).toHaveLength(2));
    expect(received[1]?.headers.authorization).toBe(`Basic ${Buffer.from('me:pw').toString('base64')}`);
    statuses = [400];
    await send({ n: 2 });
    await waitFor(() => expect(log.join('\n')).toMatch(/was answered with 400; given up/));
    expect(received).toHaveLength(3);
  });

  it('gets no more a second than its rate', async () => {
    const send = await destination(
      'slow',
      { AuthorizationType: 'API_KEY', AuthParameters: apiKey },
      { InvocationEndpoint: `${base}/slow`, InvocationRateLimitPerSecond: 2 },
    );
    frozen = Date.now();
    await Promise.all([1, 2, 3].map((n) => send({ n })));
    await waitFor(() => expect(received).toHaveLength(2));
    // Another destination's event goes by the one that waits.
    const other = await destination(
      'other',
      { AuthorizationType: 'API_KEY', AuthParameters: apiKey },
      { InvocationEndpoint: `${base}/other` },
    );
    await other({});
    await waitFor(() => expect(received.map(({ url }) => url)).toEqual(['/slow', '/slow', '/other']));
    frozen += 1000;
    await waitFor(() => expect(received).toHaveLength(4));
    frozen = undefined;
  });

  it('is not called for a role that may not, nor when it is not on this machine', async () => {
    const send = await destination(
      'forbidden',
      { AuthorizationType: 'API_KEY', AuthParameters: apiKey },
      { InvocationEndpoint: `${base}/forbidden` },
      { RoleArn: role('stranger') },
    );
    await send({});
    await waitFor(() =>
      expect(log.join('\n')).toMatch(/not authorized to perform: events:InvokeApiDestination.*given up/),
    );
    const away = await destination(
      'away',
      { AuthorizationType: 'API_KEY', AuthParameters: apiKey },
      { InvocationEndpoint: 'https://hooks.example/x' },
    );
    await away({});
    await waitFor(() =>
      expect(log.join('\n')).toContain(
        'the embedded cloud calls loopback addresses only, and hooks.example is none',
      ),
    );
    expect(received).toHaveLength(0);
  });
});

describe('OAuth connections', () => {
  it("ask the pool's domain for a token, use it until it is refused, and then ask again", async () => {
    const cognito = new CognitoIdentityProvider({
      endpoint: cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    });
    const UserPoolId = (await cognito.createUserPool({ PoolName: 'machines' })).UserPool?.Id ?? '';
    await cognito.createUserPoolDomain({ UserPoolId, Domain: 'machines' });
    await cognito.createResourceServer({
      UserPoolId,
      Identifier: 'tenant',
      Name: 'tenant',
      Scopes: [{ ScopeName: 'write', ScopeDescription: 'write' }],
    });
    const { UserPoolClient } = await cognito.createUserPoolClient({
      UserPoolId,
      ClientName: 'machine',
      GenerateSecret: true,
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['client_credentials'],
      AllowedOAuthScopes: ['tenant/write'],
    });
    cognito.destroy();
    const send = await destination(
      'oauth',
      {
        AuthorizationType: 'OAUTH_CLIENT_CREDENTIALS',
        AuthParameters: {
          OAuthParameters: {
            AuthorizationEndpoint: 'https://machines.auth.us-east-1.amazoncognito.com/oauth2/token',
            HttpMethod: 'POST',
            ClientParameters: {
              ClientID: UserPoolClient?.ClientId,
              ClientSecret: UserPoolClient?.ClientSecret,
            },
            OAuthHttpParameters: { BodyParameters: [{ Key: 'grant_type', Value: 'client_credentials' }] },
          },
        },
      },
      { InvocationEndpoint: `${base}/oauth` },
    );
    await send({ n: 1 });
    await waitFor(() => expect(received).toHaveLength(1));
    await send({ n: 2 });
    await waitFor(() => expect(received).toHaveLength(2));
    const tokens = () => received.map(({ headers }) => headers.authorization ?? '');
    expect(tokens()[1]).toBe(tokens()[0]);
    const claims = JSON.parse(
      Buffer.from(tokens()[0]?.split('.')[1] ?? '', 'base64url').toString(),
    ) as object;
    expect(claims).toMatchObject({ client_id: UserPoolClient?.ClientId, scope: 'tenant/write' });
    statuses = [401];
    await send({ n: 3 });
    await waitFor(() => expect(received).toHaveLength(4));
    expect(tokens()[3]).not.toBe(tokens()[2]);
  });
});

describe('a connection', () => {
  it('keeps what is secret in a secret of its own, and shows the rest', async () => {
    await events.createConnection({ Name: 'shown', AuthorizationType: 'API_KEY', AuthParameters: apiKey });
    const shown = await events.describeConnection({ Name: 'shown' });
    expect(shown).toMatchObject({
      ConnectionState: 'AUTHORIZED',
      AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'x-key' } },
    });
    expect(JSON.stringify(shown)).not.toContain('very-secret');
    const secret = await secrets.describeSecret({ SecretId: shown.SecretArn });
    expect(secret).toMatchObject({ OwningService: 'events' });
    expect(secret.Name).toMatch(/^events!connection\/shown\//);
    await events.updateConnection({
      Name: 'shown',
      AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'x-other', ApiKeyValue: 'other' } },
    });
    expect((await secrets.getSecretValue({ SecretId: shown.SecretArn })).SecretString).toContain('x-other');
    await events.deleteConnection({ Name: 'shown' });
    await expect(secrets.describeSecret({ SecretId: shown.SecretArn })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(
      events.createConnection({ Name: 'wrong', AuthorizationType: 'BASIC', AuthParameters: apiKey }),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('and a destination come and go with a stack', async () => {
    const connection = cloud.cloudFormation.resourceType('AWS::Events::Connection');
    const destinationType = cloud.cloudFormation.resourceType('AWS::Events::ApiDestination');
    if (!connection || !destinationType) throw new Error('the types are not there');
    const made = await connection.create(resourceContext('Connection'), {
      AuthorizationType: 'API_KEY',
      AuthParameters: apiKey,
    });
    expect(made.attributes?.['Arn']).toMatch(
      new RegExp(`^arn:aws:events:us-east-1:${account}:connection/${made.physicalId}/`),
    );
    expect(made.attributes?.['SecretArn']).toContain('secret:events!connection/');
    const target = await destinationType.create(resourceContext('Destination'), {
      ConnectionArn: made.attributes?.['Arn'],
      InvocationEndpoint: `${base}/x`,
      HttpMethod: 'POST',
    });
    expect(
      (await events.describeApiDestination({ Name: target.physicalId })).InvocationRateLimitPerSecond,
    ).toBe(300);
    await destinationType.delete(resourceContext('Destination'), target.physicalId, {});
    await connection.delete(resourceContext('Connection'), made.physicalId, {});
    await connection.delete(resourceContext('Connection'), made.physicalId, {});
    await expect(events.describeConnection({ Name: made.physicalId })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});
