/** The builtin control plane's function, on a registry's table, a bus and a user pool of an embedded cloud. */

import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { registryKeys } from '../../src/model/registry.ts';
import type { HttpAnswer } from '../../src/templates/functions/control-plane/http.ts';
import { type Fixture, startRegistry } from '../services/registry-fixture.ts';

let fixture: Fixture;
let handler: (event: unknown) => Promise<HttpAnswer | undefined>;
let logs: CloudWatchLogsClient;
const group = '/events';

beforeAll(async () => {
  fixture = await startRegistry();
  const { options } = fixture;
  const events = new EventBridgeClient(options);
  await events.send(new CreateEventBusCommand({ Name: 'bus' }));
  logs = new CloudWatchLogsClient(options);
  await logs.send(new CreateLogGroupCommand({ logGroupName: group }));
  await events.send(
    new PutRuleCommand({ Name: 'all', EventBusName: 'bus', EventPattern: '{"source":[{"prefix":""}]}' }),
  );
  await events.send(
    new PutTargetsCommand({
      Rule: 'all',
      EventBusName: 'bus',
      Targets: [{ Id: 'logs', Arn: `arn:aws:logs:us-east-1:000000000000:log-group:${group}` }],
    }),
  );
  const { UserPool } = await new CognitoIdentityProviderClient(options).send(
    new CreateUserPoolCommand({
      PoolName: 'operators',
      Schema: [{ Name: 'userRole', AttributeDataType: 'String', Mutable: true }],
    }),
  );
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: fixture.cloud.endpoint,
    AWS_REGION: options.region,
    AWS_ACCESS_KEY_ID: 'function',
    AWS_SECRET_ACCESS_KEY: 'function',
    REGISTRY_TABLE: fixture.tableName,
    BUS_NAME: 'bus',
    USER_POOL_ID: UserPool?.Id,
    MACHINE_CLIENT_ID: 'machine',
  }))
    vi.stubEnv(name, value);
  ({ handler } = await import('../../src/templates/functions/control-plane/index.ts'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fixture?.stop();
});

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads of a JSON body
  body: any;
  text: string;
}

/** Claims of a program's token, and of an operator's. */
const program = { client_id: 'machine' };
const signedIn = (username: string) => ({ client_id: 'console', username });

async function call(
  routeKey: string,
  options: {
    id?: string;
    body?: object | string;
    query?: Record<string, string>;
    claims?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const name = /\{(\w+)\}/.exec(routeKey)?.[1];
  const { id, body, query, claims = program } = options;
  const answer = await handler({
    version: '2.0',
    routeKey,
    requestContext: { authorizer: { jwt: { claims } } },
    ...(name && { pathParameters: { [name]: id } }),
    ...(query && { queryStringParameters: query }),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = answer?.body ?? '';
  return { status: answer?.statusCode ?? 0, body: text ? JSON.parse(text) : undefined, text };
}

const registration = (tenantName: string, more: object = {}) => ({
  tenantData: { tenantName, email: `Admin@${tenantName}.example`, tier: 'basic', ...more },
  tenantRegistrationData: { registrationStatus: 'In progress' },
});
const register = (tenantName: string, more?: object): Promise<Answer> =>
  call('POST /tenant-registrations', { body: registration(tenantName, more) });
const look = (id: string): Promise<Answer> =>
  call('GET /tenant-registrations/{tenantRegistrationId}', { id });
const outcome = (type: string, tenantRegistrationId: string, jobOutput: object = {}): Promise<unknown> =>
  handler({
    source: 'applicationPlaneEventSource',
    'detail-type': type,
    detail: { tenantRegistrationId, jobOutput },
  });

interface BusEvent {
  'detail-type': string;
  source: string;
  detail: Record<string, unknown>;
}
/** The events of a registration, once there are as many. */
async function eventsOf(id: string, count: number): Promise<BusEvent[]> {
  return vi.waitFor(async () => {
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: group }));
    const found = events
      .map(({ message = '' }) => JSON.parse(message) as BusEvent)
      .filter(({ detail }) => detail['tenantRegistrationId'] === id);
    expect(found).toHaveLength(count);
    return found;
  });
}

describe('a registration', () => {
  it('is created, requested on the bus, and shown as the toolkit shows it', async () => {
    const { status, body } = await register('acme');
    expect(status).toBe(201);
    expect(body.data).toEqual({
      tenantRegistrationId: expect.any(String),
      tenantId: expect.stringMatching(/^[a-z][a-z0-9]{9}$/),
      message: 'Tenant registration initiated',
    });
    const { tenantRegistrationId, tenantId } = body.data;
    const [event] = await eventsOf(tenantRegistrationId, 1);
    expect(event).toMatchObject({
      source: 'controlPlaneEventSource',
      'detail-type': 'onboardingRequest',
      detail: {
        tenantRegistrationId,
        tenantId,
        tenantName: 'acme',
        email: 'admin@acme.example',
        tier: 'basic',
        registrationStatus: 'In progress',
        sbtaws_active: true,
      },
    });
    expect((await look(tenantRegistrationId)).body.data).toEqual({
      tenantRegistrationId,
      tenantId,
      registrationStatus: 'In progress',
      createdAt: expect.any(String),
      sbtaws_active: true,
    });
    expect((await call('GET /tenants/{tenantId}', { id: tenantId })).body.data).toEqual({
      tenantId,
      tenantRegistrationId,
      tenantName: 'acme',
      email: 'admin@acme.example',
      tier: 'basic',
      sbtaws_active: true,
    });
  });

  it('asked for again is the same one, and another of that name is refused', async () => {
    const first = (await register('twice')).body.data;
    const again = await register('twice');
    expect(again).toMatchObject({
      status: 200,
      body: { data: { tenantRegistrationId: first.tenantRegistrationId, tenantId: first.tenantId } },
    });
    expect(await register('twice', { tier: 'premium' })).toMatchObject({
      status: 409,
      body: { message: 'the name "twice" is taken', tenantRegistrationId: first.tenantRegistrationId },
    });
    await outcome('provisionSuccess', first.tenantRegistrationId);
    expect((await register('twice')).status).toBe(409);
    await eventsOf(first.tenantRegistrationId, 1);
  });

  it('asked for by many at once is one', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => register('crowd')));
    expect(new Set(answers.map(({ body }) => body.data?.tenantRegistrationId)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('keeps the tenant id that an operation has taken already', async () => {
    const id = { registryTenantId: 'abcdefghjk', provisionedBy: 'cli' };
    const first = (await register('known', id)).body.data;
    expect(first.tenantId).toBe('abcdefghjk');
    // The operation goes on after a failure, with a corrected address.
    expect(await register('known', { ...id, email: 'other@known.example' })).toMatchObject({
      status: 200,
      body: { data: { tenantRegistrationId: first.tenantRegistrationId } },
    });
    expect((await call('GET /tenants/{tenantId}', { id: 'abcdefghjk' })).body.data.email).toBe(
      'other@known.example',
    );
    expect((await register('unknown', id)).status).toBe(409);
  });

  it.each([
    ['no JSON', 'x', 'the body is not JSON'],
    ['no data', {}, 'tenantData.tenantName must be a text of 1 to 256 characters'],
    ['a bad name', registration('Bad Name'), 'tenantData.tenantName: only lower-case letters'],
    ['no address', registration('fine', { email: 'nobody' }), 'tenantData.email: "nobody" is not'],
    ['no tier', registration('fine', { tier: 7 }), 'tenantData.tier must be a text'],
    ['a foreign id', registration('fine', { registryTenantId: 'x#y' }), 'is not the id of a tenant'],
  ])('with %s is refused', async (_, body, message) => {
    const answer = await call('POST /tenant-registrations', { body });
    expect(answer).toMatchObject({ status: 400, body: { message: expect.stringContaining(message) } });
  });

  it('is changed by PATCH, but neither its ids nor its name', async () => {
    const { tenantRegistrationId, tenantId } = (await register('patched')).body.data;
    const { status, body } = await call('PATCH /tenant-registrations/{tenantRegistrationId}', {
      id: tenantRegistrationId,
      body: {
        tenantData: { plan: 'gold', tenantName: 'other', tenantId: 'other' },
        tenantRegistrationData: { note: 'called' },
      },
    });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      tenantRegistration: { note: 'called', tenantRegistrationId },
      tenant: { plan: 'gold', tenantName: 'patched', tenantId },
      message: 'Tenant registration updated successfully',
    });
  });

  it('that is not there is a 404 on every route', async () => {
    for (const method of ['GET', 'PATCH', 'DELETE'])
      expect(
        (await call(`${method} /tenant-registrations/{tenantRegistrationId}`, { id: 'no', body: {} })).status,
      ).toBe(404);
    expect((await call('GET /tenants/{tenantId}', { id: 'no' })).status).toBe(404);
    expect((await call('GET /elsewhere')).status).toBe(404);
  });
});

describe('an outcome', () => {
  it('is written into the registration; a failure can be asked for again', async () => {
    const { tenantRegistrationId: id } = (await register('flaky')).body.data;
    await outcome('provisionFailure', id, {
      tenantRegistrationData: {
        registrationStatus: 'Failed',
        failureReason: 'no room',
        failureLog: 'https://log',
      },
    });
    expect((await look(id)).body.data).toMatchObject({
      registrationStatus: 'Failed',
      failureReason: 'no room',
      failureLog: 'https://log',
    });
    expect((await register('flaky')).body.data.tenantRegistrationId).toBe(id);
    await eventsOf(id, 2);
    await outcome('provisionSuccess', id, {
      tenantData: { apiUrl: 'https://api' },
      tenantRegistrationData: { registrationStatus: 'Complete', failureReason: null, failureLog: null },
    });
    expect((await look(id)).body.data).toEqual({
      tenantRegistrationId: id,
      tenantId: expect.any(String),
      registrationStatus: 'Complete',
      createdAt: expect.any(String),
      sbtaws_active: true,
    });
  });

  it('of an unknown registration changes nothing', async () => {
    await outcome('provisionSuccess', 'no');
    await outcome('deprovisionSuccess', 'no');
    expect((await look('no')).status).toBe(404);
  });
});

describe('a registration that is deleted', () => {
  it('requests the offboarding, becomes history, and frees its name', async () => {
    const { tenantRegistrationId: id, tenantId } = (await register('leaving')).body.data;
    await outcome('provisionSuccess', id);
    const remove = () => call('DELETE /tenant-registrations/{tenantRegistrationId}', { id });
    expect(await remove()).toMatchObject({
      status: 200,
      body: { data: { message: 'Tenant registration deletion initiated' } },
    });
    const [, request] = await eventsOf(id, 2);
    expect(request).toMatchObject({
      'detail-type': 'offboardingRequest',
      detail: { tenantRegistrationId: id, tenantId, tenantName: 'leaving', sbtaws_active: false },
    });
    expect((await register('leaving')).status).toBe(409);

    await outcome('deprovisionSuccess', id);
    await outcome('deprovisionSuccess', id);
    expect((await look(id)).body.data).toMatchObject({ registrationStatus: 'Deleted', sbtaws_active: false });
    expect((await remove()).status).toBe(404);
    expect((await call('GET /tenants/{tenantId}', { id: tenantId })).status).toBe(404);
    const next = (await register('leaving')).body.data;
    expect(next.tenantRegistrationId).not.toBe(id);
    // A late event of the first does not touch the second.
    await outcome('deprovisionSuccess', id);
    expect((await look(next.tenantRegistrationId)).body.data.sbtaws_active).toBe(true);
  });
});

describe('lists', () => {
  it('come in pages, in order of creation, without history', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await register(name);
    for (const route of ['GET /tenants', 'GET /tenant-registrations']) {
      const seen: string[] = [];
      let token: string | undefined;
      do {
        const { status, body } = await call(route, {
          query: { limit: '2', ...(token && { next_token: token }) },
        });
        expect(status).toBe(200);
        expect(body.data.length).toBeLessThanOrEqual(2);
        seen.push(...body.data.map((item: { tenantRegistrationId: string }) => item.tenantRegistrationId));
        token = body.next_token;
      } while (token);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThanOrEqual(3);
    }
    expect((await call('GET /tenants', { query: { limit: '0' } })).status).toBe(400);
  });
});

describe('the configuration of a tenant', () => {
  const of = (tenantName: string): Promise<Answer> => call('GET /tenant-config', { query: { tenantName } });

  it("is a silo's own, and for every other name, of a tenant or not, the same", async () => {
    const shared = { apiGatewayUrl: 'https://pool', userPoolId: 'p', appClientId: 'c', issuer: 'i' };
    expect((await of('nobody')).status).toBe(404);
    await DynamoDBDocumentClient.from(fixture.dynamodb).send(
      new PutCommand({
        TableName: fixture.tableName,
        Item: { ...registryKeys.sharedTenantConfig(), tenantConfig: JSON.stringify(shared) },
      }),
    );
    const own = { ...shared, apiGatewayUrl: 'https://silo' };
    const pooled = (await register('pooled')).body.data.tenantRegistrationId;
    const siloed = (await register('siloed')).body.data.tenantRegistrationId;
    await outcome('provisionSuccess', pooled, { tenantData: { tenantConfig: JSON.stringify(shared) } });
    await outcome('provisionSuccess', siloed, { tenantData: { tenantConfig: JSON.stringify(own) } });
    expect(await of('siloed')).toMatchObject({ status: 200, body: own });
    expect(await call('GET /tenant-config/{tenantName}', { id: 'siloed' })).toMatchObject({ body: own });
    const known = await of('pooled');
    expect(known).toMatchObject({ status: 200, body: shared });
    expect(await of('nobody')).toEqual(known);
    expect((await of('No Name')).status).toBe(400);
  });
});

describe('operators', () => {
  it('are created, shown, changed and deleted', async () => {
    const body = { userName: 'jane', userRole: 'CustomerSupport', email: 'jane@acme.example' };
    expect(await call('POST /users', { body })).toMatchObject({
      status: 201,
      body: { data: { userName: 'jane' } },
    });
    expect((await call('POST /users', { body })).status).toBe(409);
    expect((await call('POST /users', { body: { ...body, email: 'no' } })).status).toBe(400);
    const jane = () => call('GET /users/{userId}', { id: 'jane' });
    expect((await jane()).body.data).toMatchObject({ ...body, enabled: true, created: expect.any(String) });
    expect((await call('GET /users')).body.data).toEqual([expect.objectContaining(body)]);
    expect(
      await call('PUT /users/{userId}', { id: 'jane', body: { userRole: 'SystemAdmin' } }),
    ).toMatchObject({ status: 200, body: { message: 'User updated' } });
    expect((await jane()).body.data.userRole).toBe('SystemAdmin');
    expect((await call('PUT /users/{userId}', { id: 'jane', body: {} })).status).toBe(400);
    expect((await call('DELETE /users/{userId}', { id: 'jane' })).status).toBe(200);
    expect((await jane()).status).toBe(404);
    expect((await call('DELETE /users/{userId}', { id: 'jane' })).status).toBe(404);
  });
});

describe('who calls', () => {
  const routes = [
    'POST /tenant-registrations',
    'GET /tenant-registrations',
    'GET /tenant-registrations/{tenantRegistrationId}',
    'PATCH /tenant-registrations/{tenantRegistrationId}',
    'DELETE /tenant-registrations/{tenantRegistrationId}',
    'GET /tenants',
    'GET /tenants/{tenantId}',
    'POST /users',
    'GET /users',
    'GET /users/{userId}',
    'PUT /users/{userId}',
    'DELETE /users/{userId}',
  ];
  const statuses = (claims: Record<string, string>): Promise<Record<string, number>> =>
    Promise.all(
      routes.map(
        async (route) => [route, (await call(route, { id: 'no', body: {}, claims })).status] as const,
      ),
    ).then(Object.fromEntries);
  const add = (userName: string, userRole: string): Promise<Answer> =>
    call('POST /users', { body: { userName, userRole, email: `${userName}@acme.example` } });
  const refused = [401, 403];

  it('a system administrator may do everything', async () => {
    await add('root', 'SystemAdmin');
    for (const [route, status] of Object.entries(await statuses(signedIn('root'))))
      expect([route, refused.includes(status)]).toEqual([route, false]);
  });

  it('customer support reads, and changes nothing', async () => {
    await add('sue', 'CustomerSupport');
    for (const [route, status] of Object.entries(await statuses(signedIn('sue'))))
      expect([route, status === 403]).toEqual([route, !route.startsWith('GET ')]);
    const { body } = await call('POST /tenant-registrations', {
      body: registration('by-sue'),
      claims: signedIn('sue'),
    });
    expect(body).toEqual({ statusCode: 403, message: 'CustomerSupport may only read' });
    expect((await register('by-sue')).status).toBe(201);
  });

  it('with another role, or none, may do nothing', async () => {
    await add('max', 'TenantAdmin');
    expect(new Set(Object.values(await statuses(signedIn('max'))))).toEqual(new Set([403]));
  });

  it('a role counts from the moment that it is given or taken', async () => {
    await add('eve', 'SystemAdmin');
    const write = () =>
      call('PATCH /tenant-registrations/{tenantRegistrationId}', {
        id: 'no',
        body: {},
        claims: signedIn('eve'),
      });
    expect((await write()).status).toBe(404);
    await call('PUT /users/{userId}', { id: 'eve', body: { userRole: 'CustomerSupport' } });
    expect((await write()).status).toBe(403);
  });

  it('a token outlives neither the operator who is disabled nor the one who is deleted', async () => {
    await add('off', 'SystemAdmin');
    const read = () => call('GET /tenants', { claims: signedIn('off') });
    expect((await read()).status).toBe(200);
    const cognito = new CognitoIdentityProviderClient(fixture.options);
    const off = { UserPoolId: process.env['USER_POOL_ID'], Username: 'off' };
    await cognito.send(new AdminDisableUserCommand(off));
    expect(new Set(Object.values(await statuses(signedIn('off'))))).toEqual(new Set([401]));
    await cognito.send(new AdminEnableUserCommand(off));
    expect((await read()).status).toBe(200);
    await call('DELETE /users/{userId}', { id: 'off' });
    expect(new Set(Object.values(await statuses(signedIn('off'))))).toEqual(new Set([401]));
  });

  it('as nobody whom the token names is refused, and what is public is not', async () => {
    for (const claims of [{}, { client_id: 'console' }, { username: '' }] as Record<string, string>[])
      expect(new Set(Object.values(await statuses(claims)))).toEqual(new Set([401]));
    expect((await call('GET /tenant-config', { query: { tenantName: 'x' }, claims: {} })).status).not.toBe(
      401,
    );
  });
});

describe('requests that nobody means', () => {
  it("are the caller's mistake: ids and tokens that are too long or not ours, routes that are words of JavaScript", async () => {
    const long = 'x'.repeat(3_000);
    expect((await call('GET /tenants/{tenantId}', { id: long })).status).toBe(400);
    expect((await call('GET /tenant-registrations/{tenantRegistrationId}', { id: long })).status).toBe(400);
    for (const next_token of [long, 'x', '#', 'a#b#c'])
      expect((await call('GET /tenant-registrations', { query: { next_token } })).status).toBe(400);
    expect((await call('GET /users', { query: { next_token: "not one of Cognito's" } })).status).toBe(400);
    for (const route of ['constructor', '__proto__', 'hasOwnProperty'])
      expect((await call(route)).status).toBe(404);
  });
});
