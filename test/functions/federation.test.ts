/** Whom a token means that an identity provider is behind; the authorizer and every service ask the same function. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountRole, claimedIdentity, providerOf } from '../../src/model/federation.ts';
import { authorize } from '../../src/templates/functions/authorizer/authorizer.ts';
import { createTokenVerifier } from '../../src/templates/functions/authorizer/token.ts';
import type { Trust } from '../../src/templates/functions/authorizer/trust.ts';
import { createVerifier } from '../../src/templates/images/kit/identity.ts';
import { clientId, type Issuer, startIssuer } from '../images/issuer.ts';

const identities = [{ userId: '00u1', providerName: 'okta', providerType: 'OIDC' }];
const nothing = { 'custom:tenantId': undefined, 'custom:userRole': undefined };

describe('claims', () => {
  it.each([
    ["a silo's user of its provider", { identities }, 'acme', { tenantId: 'acme', role: 'TenantUser' }],
    [
      'the same with a role',
      { identities, 'custom:userRole': 'TenantAdmin' },
      'acme',
      { tenantId: 'acme', role: 'TenantAdmin' },
    ],
    ["a silo's user of nobody", {}, 'acme', { tenantId: undefined, role: undefined }],
    ['no providers', { identities: [] }, 'acme', { tenantId: undefined, role: undefined }],
    ['providers that are none', { identities: 'okta' }, 'acme', { tenantId: undefined, role: undefined }],
    ['a provider of the pool', { identities }, undefined, { tenantId: undefined, role: undefined }],
    [
      "another tenant's",
      { identities, 'custom:tenantId': 'globex' },
      'acme',
      { tenantId: 'globex', role: 'TenantUser' },
    ],
    [
      'an empty tenant',
      { identities, 'custom:tenantId': '' },
      'acme',
      { tenantId: undefined, role: 'TenantUser' },
    ],
    [
      'a role that is none',
      { identities, 'custom:userRole': 'SystemAdmin' },
      'acme',
      { tenantId: 'acme', role: undefined },
    ],
    ['an empty role', { identities, 'custom:userRole': '' }, 'acme', { tenantId: 'acme', role: undefined }],
    ['no role, of no provider', { 'custom:tenantId': 'acme' }, 'acme', { tenantId: 'acme', role: undefined }],
  ])('of %s', (_, claims, silo, expected) => {
    expect(claimedIdentity(claims, silo)).toEqual(expected);
  });
});

it('reads of an account what its tokens say', () => {
  const account = (attributes: Record<string, string>) => (name: string) => attributes[name];
  const okta = { identities: JSON.stringify(identities) };
  expect(providerOf(account(okta))).toBe('okta');
  expect(accountRole(account(okta))).toBe('TenantUser');
  expect(accountRole(account({ ...okta, 'custom:userRole': 'TenantAdmin' }))).toBe('TenantAdmin');
  for (const broken of ['', '{', '[]', 'null', '[null]', '"okta"'])
    expect([broken, accountRole(account({ identities: broken }))]).toEqual([broken, undefined]);
});

describe("a silo's user who comes from its identity provider", () => {
  let silo: Issuer;
  let pool: Issuer;
  const asked: string[] = [];
  const trust: Trust = {
    issuer: async (issuer) => ({ issuer, clientId, ...(issuer === silo.url && { tenantId: 'acme' }) }),
    tenant: async (tenantId) => ({
      tenantId,
      tier: 'premium',
      model: tenantId === 'acme' ? 'dedicated-cluster' : 'pool',
      status: 'active',
    }),
    apiKeySecret: async () => 'secret',
    stillIs: async (_issuer, username, role) => {
      asked.push(`${username} ${role}`);
      return true;
    },
  };
  const decide = (token: string) =>
    authorize(
      { methodArn: 'arn/prod/GET/x', headers: { authorization: `Bearer ${token}` } },
      trust,
      createTokenVerifier(),
    );
  const federated = (issuer: Issuer, claims: Record<string, unknown> = {}) =>
    issuer.token({ username: 'okta_00u1', claims: { ...nothing, identities, ...claims } });

  beforeAll(async () => {
    [silo, pool] = await Promise.all([startIssuer(), startIssuer()]);
  });
  afterAll(async () => {
    await Promise.all([silo.close(), pool.close()]);
  });

  it('is let in as a user of that silo, and asked for by his name at every time', async () => {
    const answer = await decide(await federated(silo));
    expect(answer.context).toMatchObject({ tenantPath: 'acme', tenantId: 'acme', userRole: 'TenantUser' });
    expect(asked).toEqual(['okta_00u1 TenantUser']);
  });

  it('is refused as a user of another tenant, and in the pool', async () => {
    await expect(decide(await federated(silo, { 'custom:tenantId': 'globex' }))).rejects.toThrow(
      'Unauthorized',
    );
    await expect(decide(await federated(pool))).rejects.toThrow('Unauthorized');
    await expect(decide(await silo.token({ claims: nothing }))).rejects.toThrow('Unauthorized');
  });

  it('is the same to a service, which verifies for itself', async () => {
    const verifier = (issuer: Issuer, tenantId: string | undefined) =>
      createVerifier({ issuer: issuer.url, clientId, tenantId });
    const bearer = async (token: Promise<string>) => `Bearer ${await token}`;
    expect(await verifier(silo, 'acme').verify(await bearer(federated(silo)))).toMatchObject({
      tenantId: 'acme',
      role: 'TenantUser',
      username: 'okta_00u1',
    });
    const other = verifier(silo, 'acme').verify(
      await bearer(federated(silo, { 'custom:tenantId': 'globex' })),
    );
    await expect(other).rejects.toMatchObject({ status: 403 });
    const nobody = verifier(silo, 'acme').verify(await bearer(silo.token({ claims: nothing })));
    await expect(nobody).rejects.toMatchObject({ status: 403 });
    const pooled = verifier(pool, undefined).verify(await bearer(federated(pool)));
    await expect(pooled).rejects.toMatchObject({ status: 403 });
  });
});
