/** What the gatekeeper does, on the embedded cloud's registry, gateway and user pools. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  APIGatewayClient,
  CreateUsagePlanCommand,
  GetApiKeysCommand,
  GetUsagePlanKeysCommand,
} from '@aws-sdk/client-api-gateway';
import {
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  ListUsersCommand,
  SetUserPoolMfaConfigCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { probeAddress, probePrefix } from '../../src/model/gatekeeper.ts';
import type { UserPool } from '../../src/model/sign-in.ts';
import { tenantAttributes } from '../../src/model/tenant.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import { Identity } from '../../src/services/identity.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { ensureKey, type KeyMaker } from '../../src/templates/functions/gatekeeper/keys.ts';
import { prove } from '../../src/templates/functions/gatekeeper/proof.ts';
import { Registry } from '../../src/templates/functions/gatekeeper/registry.ts';
import { addTenant, type Fixture, startRegistry } from '../services/registry-fixture.ts';
import { atEveryWrite } from '../services/unreliable-way.ts';

let fixture: Fixture;
let registry: Registry;
let cognito: CognitoIdentityProviderClient;
let tenant: TenantRecord;

beforeAll(async () => {
  fixture = await startRegistry();
  registry = new Registry(fixture.dynamodb, fixture.tableName);
  cognito = new CognitoIdentityProviderClient(fixture.options);
  tenant = await addTenant(fixture.registry);
});
afterAll(async () => {
  cognito.destroy();
  await fixture.stop();
});

describe('what it goes by', () => {
  it('is the registry: no tenant that is not there, or on its way out', async () => {
    expect(await registry.tenant(tenant.tenantId)).toMatchObject({ name: tenant.name });
    await expect(registry.tenant('nobody')).rejects.toMatchObject({ code: 'tenant_gone' });
    const leaving = await addTenant(fixture.registry, { status: 'offboarding' });
    await expect(registry.tenant(leaving.tenantId)).rejects.toMatchObject({ code: 'tenant_gone' });
    await expect(registry.cell('cell-9')).rejects.toMatchObject({ code: 'cell_unknown' });
  });

  it("is a user pool that the registry trusts for this tenant, and no other one's", async () => {
    const issuer = (name: string) => `https://cognito.example/${name}`;
    const silo = await addTenant(fixture.registry, { model: 'shared-cluster' });
    await fixture.registry.putIssuer({ issuer: issuer('pool'), clientId: 'p' });
    await fixture.registry.putIssuer({ issuer: issuer('silo'), clientId: 's', tenantId: silo.tenantId });
    const pooled = { ...tenant, model: 'pool' as const };
    expect(await registry.userPool(issuer('pool'), pooled)).toEqual({ userPoolId: 'pool', clientId: 'p' });
    expect(await registry.userPool(issuer('silo'), silo)).toEqual({ userPoolId: 'silo', clientId: 's' });
    const other = { ...silo, tenantId: 'other' };
    for (const [name, whose] of [
      ['silo', pooled],
      ['silo', other],
      ['pool', silo],
      ['operators', pooled],
    ] as const)
      await expect(registry.userPool(issuer(name), whose), name).rejects.toMatchObject({
        code: 'issuer_unknown',
      });
  });
});

describe('keys', () => {
  let gateway: APIGatewayClient;
  let maker: KeyMaker;
  let plans: string[];
  const cellWith = (usagePlans: Record<string, string>) => ({
    ...{ name: 'cell-1', restApiId: 'api', stage: 'prod', usagePlans },
    ...{ listenerArn: '', loadBalancerArn: '', loadBalancerSecurityGroupId: '' },
  });

  beforeAll(async () => {
    gateway = new APIGatewayClient(fixture.options);
    const secrets = new SecretsManagerClient(fixture.options);
    const { ARN = '' } = await secrets.send(
      new CreateSecretCommand({ Name: 'keys', SecretString: 's3cret' }),
    );
    maker = { gateway, secrets, secretArn: ARN, ownerTags: { 'saas-ecs:app': 'shop' } };
    plans = await Promise.all(
      ['tier', 'own'].map(
        async (name) => (await gateway.send(new CreateUsagePlanCommand({ name }))).id ?? '',
      ),
    );
  });

  it("are made once and put on the tier's plan, or on the plan for limits of the tenant's own", async () => {
    const [tierPlan = '', ownPlan = ''] = plans;
    const cell = cellWith({ [tenant.tier]: tierPlan });
    const first = await ensureKey(maker, tenant, cell);
    expect(first.usagePlanId).toBe(tierPlan);
    expect(await ensureKey(maker, tenant, cell)).toEqual(first);
    const { items = [] } = await gateway.send(new GetApiKeysCommand({ includeValues: true }));
    expect(items).toMatchObject([
      {
        id: first.apiKeyId,
        customerId: tenant.tenantId,
        enabled: true,
        tags: { 'saas-ecs:app': 'shop', 'saas-ecs:tenant': tenant.tenantId },
      },
    ]);
    const keysOn = async (usagePlanId: string) =>
      (await gateway.send(new GetUsagePlanKeysCommand({ usagePlanId }))).items?.map(({ id }) => id);
    expect(await keysOn(tierPlan)).toEqual([first.apiKeyId]);
    expect(await ensureKey(maker, { ...tenant, usagePlanId: ownPlan }, cell)).toEqual({
      ...first,
      usagePlanId: ownPlan,
    });
    expect(await keysOn(ownPlan)).toEqual([first.apiKeyId]);
  });

  it.each(['killed', 'answer-lost'] as const)(
    'are made once also when a call is cut short (%s) and made again',
    async (fate) => {
      const cell = cellWith({ basic: plans[0] ?? '' });
      const writes = await atEveryWrite(fixture.cloud.endpoint, fate, async (way) => {
        const guest = { ...tenant, tenantId: newTenantId() };
        const options = { ...fixture.options, endpoint: way.endpoint };
        const there = {
          ...maker,
          gateway: new APIGatewayClient(options),
          secrets: new SecretsManagerClient(options),
        };
        await ensureKey(there, guest, cell).catch(() => {});
        const { apiKeyId } = await ensureKey(maker, guest, cell);
        const { items } = await gateway.send(new GetApiKeysCommand({ customerId: guest.tenantId }));
        expect(items?.map(({ id }) => id)).toEqual([apiKeyId]);
        const { items: on = [] } = await gateway.send(
          new GetUsagePlanKeysCommand({ usagePlanId: plans[0], limit: 500 }),
        );
        expect(on.filter(({ id }) => id === apiKeyId)).toHaveLength(1);
      });
      expect(writes).toBe(2);
    },
  );

  it('are not made for a tier that is not deployed', async () => {
    await expect(ensureKey(maker, tenant, cellWith({}))).rejects.toMatchObject({ code: 'tier_not_deployed' });
  });
});

describe('proofs', () => {
  let server: Server;
  let url: string;
  let asked: { claims: Record<string, unknown>; users: number }[] = [];
  let answers: [status: number, body: string][];

  const poolThat = async (mfa: 'ON' | 'OFF'): Promise<UserPool> => {
    const { UserPool: made } = await cognito.send(
      new CreateUserPoolCommand({
        PoolName: mfa,
        UsernameAttributes: ['email'],
        Schema: Object.values(tenantAttributes).map((name) => ({
          Name: name.slice('custom:'.length),
          AttributeDataType: 'String' as const,
        })),
      }),
    );
    const UserPoolId = made?.Id ?? '';
    await cognito.send(
      new SetUserPoolMfaConfigCommand({
        UserPoolId,
        MfaConfiguration: mfa,
        ...(mfa === 'ON' && { SoftwareTokenMfaConfiguration: { Enabled: true } }),
      }),
    );
    const { UserPoolClient } = await cognito.send(
      new CreateUserPoolClientCommand({
        UserPoolId,
        ClientName: 'app',
        ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      }),
    );
    return { userPoolId: UserPoolId, clientId: UserPoolClient?.ClientId ?? '' };
  };
  const usersOf = async ({ userPoolId }: UserPool): Promise<number> =>
    (await cognito.send(new ListUsersCommand({ UserPoolId: userPoolId }))).Users?.length ?? -1;
  const claimsOf = ({ headers }: IncomingMessage): Record<string, unknown> =>
    JSON.parse(
      Buffer.from(headers.authorization?.split('.')[1] ?? '', 'base64url').toString('utf8'),
    ) as Record<string, unknown>;

  let pool: UserPool;
  beforeAll(async () => {
    pool = await poolThat('OFF');
    server = createServer(async (request, response) => {
      asked.push({ claims: claimsOf(request), users: await usersOf(pool) });
      const [status, body] = answers.shift() ?? [500, 'nothing was expected'];
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`;
  });
  afterAll(() => server.close());
  afterEach(() => {
    asked = [];
  });

  const question = (expected: 'served' | 'refused', withinMs = 30_000) => ({
    ...{ cognito, pool, tenant, url, expected, withinMs },
  });

  it('are requests of a user who exists for each of them alone, bound to the tenant', async () => {
    answers = [
      [403, 'not yet'],
      [200, '[]'],
    ];
    await prove(question('served'));
    expect(asked.map(({ users }) => users)).toEqual([1, 1]);
    expect(asked.map(({ claims }) => claims[tenantAttributes.tenantId])).toEqual([
      tenant.tenantId,
      tenant.tenantId,
    ]);
    expect(new Set(asked.map(({ claims }) => claims['email'])).size).toBe(2);
    expect(asked[0]?.claims['email']).toMatch(new RegExp(`^${probePrefix(tenant.tenantId)}.*\\.invalid$`));
    expect(await usersOf(pool)).toBe(0);
  });

  it('take a refusal of the gateway for one, and nothing else', async () => {
    answers = [
      [200, 'data'],
      [500, 'no answer'],
      [403, 'Forbidden'],
    ];
    await prove(question('refused'));
    expect(answers).toEqual([]);
  });

  it('that fail tell the last answer, but nothing of what a tenant is served with', async () => {
    answers = [[502, 'Bad Gateway'.padEnd(2_000, '!')]];
    const refused = await prove(question('served', 0)).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'not_served',
      detail: expect.stringMatching(/^the API answered 502: Bad Gateway!{489}\nat http/),
    });
    answers = [[200, '["their secret"]']];
    const served = await prove(question('refused', 0)).catch((error: unknown) => error);
    expect(served).toMatchObject({ code: 'still_served', detail: `the API answered 200\nat ${url}` });
    expect(await usersOf(pool)).toBe(0);
  });

  it('enrol an authenticator where the user pool requires one', async () => {
    pool = await poolThat('ON');
    answers = [[200, '']];
    await prove(question('served'));
    expect(await usersOf(pool)).toBe(0);
  });

  it('that were cut short leave a user who goes with the tenant, and is none of its users', async () => {
    const identity = new Identity(fixture.options);
    const probe = probeAddress(tenant.tenantId, '1');
    const lookalike = probe.replace('probe.invalid', 'acme.example');
    for (const [Username, whose] of [
      [probe, tenant.tenantId],
      [probeAddress(tenant.tenantId, '2'), 'another'],
      [lookalike, tenant.tenantId],
      ['ada@acme.example', tenant.tenantId],
    ] as const)
      await cognito.send(
        new AdminCreateUserCommand({
          ...{ UserPoolId: pool.userPoolId, Username, MessageAction: 'SUPPRESS' },
          UserAttributes: [
            { Name: 'email', Value: Username },
            { Name: tenantAttributes.tenantId, Value: whose },
          ],
        }),
      );
    const users: (string | undefined)[] = [];
    for await (const { Attributes } of identity.usersOf(pool, tenant.tenantId))
      users.push(Attributes?.find(({ Name }) => Name === 'email')?.Value);
    expect(users.sort()).toEqual(['ada@acme.example', lookalike]);
    await identity.deleteProbes(pool, tenant.tenantId);
    expect(await usersOf(pool)).toBe(3);
  });
});
