/** The control plane's function: whatever an event of its API holds, it answers, and below 500. */
import {
  CognitoIdentityProviderClient,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import type { HttpAnswer } from '../../src/templates/functions/control-plane/http.ts';
import { type Fixture, startRegistry } from '../services/registry-fixture.ts';
import { badText, badValue, change, changed, deepJson } from './bad-values.ts';
import { expectNoTrace, property } from './property.ts';

let fixture: Fixture;
let handler: (event: unknown) => Promise<HttpAnswer | undefined>;
beforeAll(async () => {
  fixture = await startRegistry();
  await new EventBridgeClient(fixture.options).send(new CreateEventBusCommand({ Name: 'bus' }));
  const { UserPool } = await new CognitoIdentityProviderClient(fixture.options).send(
    new CreateUserPoolCommand({
      PoolName: 'operators',
      Schema: [{ Name: 'userRole', AttributeDataType: 'String', Mutable: true }],
    }),
  );
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: fixture.cloud.endpoint,
    AWS_REGION: fixture.options.region,
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

const routes = [
  'POST /tenant-registrations',
  'GET /tenant-registrations',
  'GET /tenant-registrations/{tenantRegistrationId}',
  'PATCH /tenant-registrations/{tenantRegistrationId}',
  'DELETE /tenant-registrations/{tenantRegistrationId}',
  'GET /tenants',
  'GET /tenants/{tenantId}',
  'GET /tenant-config',
  'GET /tenant-config/{tenantName}',
  'POST /users',
  'GET /users',
  'GET /users/{userId}',
  'PUT /users/{userId}',
  'DELETE /users/{userId}',
] as const;
const registration = {
  tenantData: { tenantName: 'fuzz-inc', email: 'admin@fuzz.example', tier: 'basic', prices: { a: [1] } },
  tenantRegistrationData: { registrationStatus: 'In progress' },
};
const user = { userName: 'fuzz', email: 'ops@fuzz.example', userRole: 'SystemAdmin' };

const body = fc.oneof(
  fc
    .tuple(fc.constantFrom<object>(registration, user), fc.array(change, { maxLength: 3 }))
    .map(([document, changes]) => JSON.stringify(changed(document, changes))),
  badText,
  badValue.map((value) => JSON.stringify(value)),
  fc.constantFrom(
    deepJson(50_000),
    `{"tenantData":{"a":${deepJson(5_000)}}}`,
    '{"tenantData":{"a":'.repeat(400),
  ),
);
const name = fc.oneof(badText, fc.constantFrom('fuzz', 'ops@fuzz.example', 'fuzz-inc', 'me'));
/** Of a token: a program's most of the time, since who may do nothing is refused before anything is read. */
const claims = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ client_id: 'machine' }) },
  {
    weight: 2,
    arbitrary: fc.dictionary(fc.constantFrom('client_id', 'username', 'cognito:groups'), badText),
  },
);
const event = fc.record({
  requestContext: fc.record({ authorizer: fc.record({ jwt: fc.record({ claims }) }) }),
  routeKey: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...routes) }, { weight: 1, arbitrary: badText }),
  pathParameters: fc.option(
    fc.record({ tenantRegistrationId: name, tenantId: name, tenantName: name, userId: name }),
  ),
  queryStringParameters: fc.option(
    fc.dictionary(fc.constantFrom('limit', 'next_token', 'tenantName', '__proto__'), name),
  ),
  body: fc.option(body),
  isBase64Encoded: fc.boolean(),
});

describe('control plane', () => {
  property('control plane: any request', event, async (request) => {
    const answer = await handler(request);
    expect(answer?.statusCode, answer?.body).toBeLessThan(500);
    expectNoTrace(answer?.body ?? '', JSON.stringify(request));
    if ((answer?.statusCode ?? 0) >= 400)
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({ message: expect.any(String) });
  });
});
