/** The file of an identity provider: what it may say, and what it must never set or hold. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { SaasError } from '../../src/model/error.ts';
import { tenantAttributes } from '../../src/model/tenant.ts';
import { type ProviderDefinition, readProviderFile } from '../../src/services/users/provider-file.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'saas-ecs-provider-'));
  await writeFile(path.join(cwd, 'secret.txt'), 'from-a-file\n');
  await writeFile(path.join(cwd, 'metadata.xml'), '<EntityDescriptor/>');
});
afterAll(() => rm(cwd, { recursive: true }));

const oidc = {
  name: 'okta',
  type: 'oidc',
  issuer: 'https://acme.okta.example',
  clientId: 'client',
  clientSecret: { env: 'OKTA_SECRET' },
};

async function read(content: unknown, env: Record<string, string> = { OKTA_SECRET: 'from-the-environment' }) {
  const file = path.join(cwd, 'provider.yaml');
  await writeFile(file, typeof content === 'string' ? content : stringify(content));
  return readProviderFile('provider.yaml', { cwd, env });
}

async function mistakes(content: unknown): Promise<string> {
  const error = await read(content).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SaasError)) throw new Error('the file was accepted');
  return `${error.code}\n${error.detail ?? error.message}`;
}

describe('the file of an identity provider', () => {
  it('is told to Cognito with the secret from where the file says, and what is not said filled in', async () => {
    expect(await read({ ...oidc, domains: ['acme.example'] })).toEqual<ProviderDefinition>({
      name: 'okta',
      type: 'OIDC',
      details: {
        oidc_issuer: 'https://acme.okta.example',
        client_id: 'client',
        client_secret: 'from-the-environment',
        authorize_scopes: 'openid email profile',
        attributes_request_method: 'GET',
      },
      mapping: { email: 'email', name: 'name' },
      domains: ['acme.example'],
    });
    expect((await read({ ...oidc, clientSecret: { file: 'secret.txt' } })).details['client_secret']).toBe(
      'from-a-file',
    );
    expect(await read({ name: 'adfs', type: 'saml', metadataFile: 'metadata.xml' })).toMatchObject({
      type: 'SAML',
      details: { MetadataFile: '<EntityDescriptor/>' },
      mapping: { email: expect.stringContaining('/emailaddress') },
    });
  });

  it.each(Object.values(tenantAttributes))('may not map %s', async (attribute) => {
    const said = await mistakes({ ...oidc, mapping: { email: 'email', [attribute]: 'tenant' } });
    expect(said).toContain(`mapping.${attribute}: what binds a user to a tenant`);
    expect(said).toContain('saas-ecs users set-role');
  });

  it.each([
    'sub',
    'username',
    'identities',
    'email_verified',
    'custom:anything',
    'cognito:username',
    '__proto__x',
  ])('may not map %s, nor any other attribute than name and address', async (attribute) => {
    expect(await mistakes({ ...oidc, mapping: { email: 'email', [attribute]: 'claim' } })).toContain(
      `mapping.${attribute}: `,
    );
  });

  it('never holds a secret, and an error never shows one', async () => {
    const said = await mistakes({ ...oidc, clientSecret: 'hunter2-hunter2' });
    expect(said).toContain('clientSecret: it says where the secret is, never the secret itself');
    expect(said).not.toContain('hunter2');
    expect(await mistakes('clientSecret: "hunter2\n  - [')).not.toContain('hunter2');
    await expect(read(oidc, {})).rejects.toMatchObject({
      code: 'provider_secret_missing',
      detail: 'the environment variable OKTA_SECRET is empty',
    });
  });

  it('is refused with all of its mistakes at once', async () => {
    expect(
      (
        await mistakes({
          name: 'Okta_1',
          type: 'oidc',
          issuer: 'http://okta.example',
          clientSecret: { env: 'A' },
          scopes: ['email'],
          redirect: 'x',
        })
      ).split('\n'),
    ).toEqual([
      'provider_file_invalid',
      expect.stringMatching(/^name: a name has 3 to 32 lower-case letters/),
      expect.stringMatching(/^issuer: it begins with https/),
      'clientId: is missing',
      'scopes: "openid" must be among them',
      'unknown setting "redirect"',
    ]);
    expect(await mistakes({ ...oidc, type: 'ldap' })).toContain('type is not one of oidc, saml');
    expect(await mistakes({ name: 'adfs', type: 'saml' })).toContain('either metadataUrl or metadataFile');
    expect(await mistakes({ ...oidc, name: 'google' })).toContain('Cognito uses the name for itself');
    expect(await mistakes({ ...oidc, mapping: { name: 'name' } })).toContain('mapping.email: is missing');
  });
});
