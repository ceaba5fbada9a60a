import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiKeyMessage } from '../../src/model/registry.ts';
import { authorize } from '../../src/templates/functions/authorizer/authorizer.ts';
import { createTokenVerifier } from '../../src/templates/functions/authorizer/token.ts';
import {
  type KnownTenant,
  rememberTrust,
  type Trust,
  type TrustedIssuer,
} from '../../src/templates/functions/authorizer/trust.ts';
import { clientId, type Issuer, startIssuer, type TokenOptions, unsigned } from '../images/issuer.ts';

const arn = 'arn:aws:execute-api:us-east-1:000000000000:api1/prod';
let pool: Issuer;
let silo: Issuer;
let stranger: Issuer;
const issuers = new Map<string, TrustedIssuer>();
const tenants = new Map<string, KnownTenant>();
let lookups: string[];
const registry: Trust = {
  issuer: async (issuer) => {
    lookups.push(issuer);
    return issuers.get(issuer);
  },
  tenant: async (tenantId) => {
    lookups.push(tenantId);
    return tenants.get(tenantId);
  },
  apiKeySecret: async () => 'a secret',
  stillIs: async (_issuer, username, role) => !changed.has(`${username} ${role}`),
};
/** Users who are not in that role any more, be it that they are gone. */
const changed = new Set<string>();

beforeAll(async () => {
  [pool, silo, stranger] = await Promise.all([startIssuer(), startIssuer(), startIssuer()]);
});
afterAll(async () => {
  await Promise.all([pool, silo, stranger].map((issuer) => issuer?.close()));
});
beforeEach(() => {
  lookups = [];
  issuers.clear();
  tenants.clear();
  changed.clear();
  issuers.set(pool.url, { issuer: pool.url, clientId });
  issuers.set(silo.url, { issuer: silo.url, clientId, tenantId: 'tenant-silo' });
  const tenant = (tenantId: string, model: KnownTenant['model'], status: KnownTenant['status'] = 'active') =>
    tenants.set(tenantId, { tenantId, tier: model === 'pool' ? 'basic' : 'premium', model, status });
  tenant('tenant-a', 'pool');
  tenant('tenant-b', 'pool');
  tenant('tenant-suspended', 'pool', 'suspended');
  tenant('tenant-gone', 'pool', 'offboarding');
  tenant('tenant-silo', 'dedicated-cluster');
});

const event = (token: string, method = 'GET', path = 'orders') => ({
  type: 'REQUEST',
  methodArn: `${arn}/${method}/${path}`,
  headers: { Host: 'x', Authorization: `Bearer ${token}` },
});
const decide = (token: string, method?: string, path?: string) =>
  authorize(event(token, method, path), registry, createTokenVerifier());
const effectOf = async (token: string): Promise<string | undefined> =>
  (await decide(token)).policyDocument.Statement[0]?.Effect;

describe('a valid token', () => {
  it('of a pool tenant is let in as that tenant, with its own key', async () => {
    const answer = await decide(
      await pool.token({ tenantId: 'tenant-a', role: 'TenantUser', username: 'jane' }),
    );
    expect(answer).toEqual({
      principalId: 'sub-of-jane',
      policyDocument: {
        Version: '2012-10-17',
        Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: `${arn}/*/*` }],
      },
      context: {
        tenantPath: 'basic',
        tenantId: 'tenant-a',
        userName: 'sub-of-jane',
        userRole: 'TenantUser',
        tier: 'basic',
      },
      usageIdentifierKey: createHmac('sha256', 'a secret')
        .update(apiKeyMessage('tenant-a'))
        .digest('base64url'),
    });
    expect(JSON.stringify(answer)).not.toContain('acme.example');
  });

  it('of a silo tenant is led to its silo', async () => {
    const answer = await decide(await silo.token({ tenantId: 'tenant-silo' }));
    expect(answer.context).toMatchObject({ tenantPath: 'tenant-silo', tier: 'premium' });
  });

  it('gets the same answer for every method and path: it is cached for all of them', async () => {
    const token = await pool.token({ role: 'TenantUser' });
    const answers = await Promise.all([
      decide(token, 'GET', 'orders'),
      decide(token, 'DELETE', 'users/1'),
      decide(token, 'POST', ''),
    ]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('is read from the header whatever its case', async () => {
    const token = await pool.token();
    const answer = await authorize(
      { methodArn: `${arn}/GET/`, headers: { authorization: `bearer ${token}` } },
      registry,
      createTokenVerifier(),
    );
    expect(answer.policyDocument.Statement[0]?.Effect).toBe('Allow');
  });
});

describe('a tenant that is not served', () => {
  it.each([
    ['tenant-suspended', 'suspended'],
    ['tenant-gone', 'offboarding'],
  ])('%s gets a Deny that says why', async (tenantId, status) => {
    const answer = await decide(await pool.token({ tenantId }));
    expect(answer.policyDocument.Statement).toEqual([
      { Action: 'execute-api:Invoke', Effect: 'Deny', Resource: `${arn}/*/*` },
    ]);
    expect(answer.context['message']).toBe(`the tenant is ${status}`);
    expect(answer.usageIdentifierKey).toBeUndefined();
  });

  it('is served while it is updated, and for the request that ends its onboarding', async () => {
    for (const status of ['updating', 'provisioning'] as const) {
      tenants.set('tenant-a', { tenantId: 'tenant-a', tier: 'basic', model: 'pool', status });
      expect(await effectOf(await pool.token())).toBe('Allow');
    }
  });

  it('and a user without a role are denied', async () => {
    expect(await effectOf(await pool.token({ role: 'SystemAdmin' }))).toBe('Deny');
  });
});

describe('a genuine token', () => {
  it("of a user who is gone or has another role now is unauthorized, a neighbour's is not", async () => {
    changed.add('jane TenantAdmin');
    await expect(decide(await pool.token({ username: 'jane' }))).rejects.toThrow(/^Unauthorized$/);
    expect(await effectOf(await pool.token({ username: 'jane', role: 'TenantUser' }))).toBe('Allow');
    expect(await effectOf(await pool.token({ username: 'joan' }))).toBe('Allow');
    await expect(decide(await pool.token({ claims: { 'cognito:username': undefined } }))).rejects.toThrow(
      /^Unauthorized$/,
    );
  });
});

describe('a forged token', () => {
  const forgeries: [string, () => Promise<string>][] = [
    ['without a signature', async () => unsigned(await pool.token())],
    [
      'signed with the public key as a secret',
      () => pool.token({ algorithm: 'HS256', key: new TextEncoder().encode(pool.publicKeyPem) }),
    ],
    ['of an unknown key', () => pool.token({ kid: 'key-2' })],
    ['of an issuer that the registry does not know', () => stranger.token()],
    ['of a stranger who names the pool as issuer', () => stranger.token({ issuer: pool.url })],
    ['for another client', () => pool.token({ audience: 'other' })],
    ['that has expired', () => pool.token({ expiresIn: -1 })],
    ['that is not valid yet', () => pool.token({ claims: { nbf: Math.floor(Date.now() / 1000) + 60 } })],
    ['that is an access token', () => pool.token({ claims: { token_use: 'access' } })],
    ['of a silo, for a pool tenant', () => silo.token({ tenantId: 'tenant-a' })],
    ['of the pool, for a silo tenant', () => pool.token({ tenantId: 'tenant-silo' })],
    ['for a tenant that does not exist', () => pool.token({ tenantId: 'tenant-x' })],
    ['for no tenant', () => pool.token({ claims: { 'custom:tenantId': undefined } })],
    ['that is none', () => Promise.resolve('a.b.c')],
  ];
  it.each(forgeries)('%s is unauthorized', async (_, make) => {
    await expect(decide(await make())).rejects.toThrow(/^Unauthorized$/);
  });

  it('with the tenant changed is unauthorized', async () => {
    const [header, body = '', signature] = (await pool.token()).split('.');
    const claims = {
      ...JSON.parse(Buffer.from(body, 'base64url').toString()),
      'custom:tenantId': 'tenant-b',
    };
    const changed = Buffer.from(JSON.stringify(claims)).toString('base64url');
    await expect(decide(`${header}.${changed}.${signature}`)).rejects.toThrow(/^Unauthorized$/);
  });

  it('and none at all are unauthorized', async () => {
    for (const headers of [{}, null, { Authorization: 'Basic abc' }])
      await expect(
        authorize({ methodArn: `${arn}/GET/orders`, headers }, registry, createTokenVerifier()),
      ).rejects.toThrow(/^Unauthorized$/);
  });
});

describe('what is remembered', () => {
  const minutes = 60_000;
  it('saves look-ups, is forgotten soon, and lets a suspension act', async () => {
    let now = 0;
    const trust = rememberTrust(registry, () => now);
    const verify = createTokenVerifier();
    const ask = async (options?: TokenOptions): Promise<string | undefined> =>
      (await authorize(event(await pool.token(options)), trust, verify)).policyDocument.Statement[0]?.Effect;
    await ask();
    await ask();
    expect(lookups).toEqual([pool.url, 'tenant-a']);

    tenants.set('tenant-a', { tenantId: 'tenant-a', tier: 'basic', model: 'pool', status: 'suspended' });
    now += 5_000;
    expect(await ask()).toBe('Deny');
    issuers.delete(pool.url);
    now += 2 * minutes;
    await expect(ask()).rejects.toThrow('Unauthorized');
    issuers.set(pool.url, { issuer: pool.url, clientId });
    now += 10_000;
    expect(await ask()).toBe('Deny');
  });

  it('does not include failures: they are errors, not 401s, and the next request asks again', async () => {
    let broken = true;
    const trust = rememberTrust({
      ...registry,
      issuer: (issuer) => (broken ? Promise.reject(new Error('throttled')) : registry.issuer(issuer)),
    });
    const verify = createTokenVerifier();
    const token = await pool.token();
    await expect(authorize(event(token), trust, verify)).rejects.toThrow('throttled');
    broken = false;
    await expect(authorize(event(token), trust, verify)).resolves.toBeDefined();
  });

  it('does not outlive a token', async () => {
    const verify = createTokenVerifier();
    const issuer = { issuer: pool.url, clientId };
    const before = pool.fetches();
    const token = await pool.token({ expiresIn: 1 });
    await verify(token, issuer);
    await verify(token, issuer);
    expect(pool.fetches() - before).toBe(1);
    const expired =
      Number(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).exp) * 1_000;
    while (Date.now() <= expired)
      await new Promise((resolve) => setTimeout(resolve, expired - Date.now() + 1));
    await expect(verify(token, issuer)).rejects.toThrow('Unauthorized');
  });

  it('is no verdict when the keys are out of reach', async () => {
    const gone = await startIssuer();
    const token = await gone.token();
    await gone.close();
    issuers.set(gone.url, { issuer: gone.url, clientId });
    await expect(decide(token)).rejects.not.toThrow('Unauthorized');
  });
});
