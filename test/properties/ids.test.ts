/** Names, ids and tokens: what is made is accepted again, what is not made is refused by its own error. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { SaasError } from '../../src/model/error.ts';
import { emailProblem, tenantNameProblem } from '../../src/model/tenant.ts';
import { isTenantId, newTenantId } from '../../src/model/tenant-id.ts';
import { positionOf, tokenOf } from '../../src/services/registry/page-token.ts';
import { authorize } from '../../src/templates/functions/authorizer/authorizer.ts';
import { createTokenVerifier, Unauthorized } from '../../src/templates/functions/authorizer/token.ts';
import { HttpError } from '../../src/templates/images/kit/http-error.ts';
import { decodePageToken, encodePageToken } from '../../src/templates/images/kit/page-token.ts';
import { clientId, type Issuer, startIssuer } from '../images/issuer.ts';
import { badText, badValue } from './bad-values.ts';
import { property } from './property.ts';

const wellFormed = badText.map((text) => Buffer.from(text).toString());

describe('ids', () => {
  property(
    'ids: names, ids and page tokens',
    fc.record({
      text: badText,
      tenant: wellFormed,
      position: wellFormed,
      raw: fc.uint8Array({ maxLength: 60 }),
    }),
    ({ text, tenant, position, raw }) => {
      expect(isTenantId(newTenantId())).toBe(true);
      // Whatever is admitted can stand in a stack's name, a path and a key as it is.
      if (tenantNameProblem(text) === undefined) expect(text).toMatch(/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/);
      if (isTenantId(text)) expect(text).toMatch(/^[a-z0-9]{10}$/);
      if (emailProblem(text) === undefined) expect(text).not.toMatch(/[\s<>",;]/);

      if (position !== '') {
        const token = encodePageToken(tenant, position);
        expect(decodePageToken(tenant, token)).toBe(position);
        expect(() => decodePageToken(`${tenant}x`, token)).toThrow(HttpError);
      }
      for (const strange of [text, Buffer.from(raw).toString('base64url')])
        expect(() => decodePageToken(tenant, strange)).toThrow(HttpError);

      const record = { pk: `TENANT#${tenant}`, sk: text, gsi1pk: 'list', gsi1sk: position };
      const kept = JSON.parse(JSON.stringify(record)) as typeof record;
      expect(positionOf(tokenOf(record as never), 'list')).toEqual(kept);
      expect(() => positionOf(tokenOf(record as never), 'other')).toThrow(SaasError);
      for (const strange of [
        text,
        Buffer.from(raw).toString('base64url'),
        Buffer.from(text).toString('base64url'),
      ])
        expect(() => positionOf(strange, 'list')).toThrow(SaasError);
    },
  );
});

describe('tokens', () => {
  let issuer: Issuer;
  let genuine: string;
  const verify = createTokenVerifier();
  beforeAll(async () => {
    issuer = await startIssuer();
    genuine = await issuer.token({ tenantId: 'tenant-a' });
  });
  afterAll(() => issuer.close());

  const part = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');
  const spoiled = fc.oneof(
    fc.record({ kind: fc.constant('text' as const), text: badText }),
    fc.record({
      kind: fc.constant('claims' as const),
      header: fc.dictionary(fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku'), badValue),
      claims: fc.dictionary(
        fc.constantFrom(
          'iss',
          'aud',
          'exp',
          'nbf',
          'iat',
          'sub',
          'token_use',
          'custom:tenantId',
          '__proto__',
        ),
        badValue,
      ),
      own: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), char: fc.constantFrom(...'aZ09-_.=+/ ') }),
  );

  property('authorizer: any token', spoiled, async (spoil) => {
    const [header = '', payload = '', signature = ''] = genuine.split('.');
    let token: string;
    if (spoil.kind === 'text') token = spoil.text;
    else if (spoil.kind === 'bytes') {
      const at = spoil.at % genuine.length;
      token = genuine.slice(0, at) + spoil.char + genuine.slice(at + 1);
    } else {
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const keep = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
      const own = spoil.own ? { iss: issuer.url } : {};
      token = [
        part({ ...keep, ...spoil.header }),
        part({ ...claims, ...spoil.claims, ...own }),
        signature,
      ].join('.');
    }
    const decision = authorize(
      {
        methodArn: 'arn:aws:execute-api:us-east-1:000000000000:api1/prod/GET/x',
        headers: { Authorization: `Bearer ${token}` },
      },
      {
        issuer: async (url) => (url === issuer.url ? { issuer: url, clientId } : undefined),
        tenant: async (tenantId) =>
          tenantId === 'tenant-a' ? { tenantId, tier: 'basic', model: 'pool', status: 'active' } : undefined,
        apiKeySecret: async () => 'a secret',
        stillIs: async () => true,
      },
      verify,
    );
    if (token === genuine) expect(await decision).toMatchObject({ context: { tenantId: 'tenant-a' } });
    // The last character of a signature holds bits that say nothing: such a token is the genuine one, spelled otherwise.
    else if (sameToken(token, genuine))
      await decision.catch((error) => expect(error).toBeInstanceOf(Unauthorized));
    else await expect(decision).rejects.toBeInstanceOf(Unauthorized);
  });
});

const sameToken = (token: string, other: string): boolean => {
  const bytes = (text: string): string =>
    text
      .split('.')
      .map((each) => Buffer.from(each, 'base64url').toString('hex'))
      .join('.');
  return bytes(token) === bytes(other);
};
