/** A siloed tenant whose users come from a directory that speaks SAML: from the operator's file to the tenant's API. */
import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import type { User } from '../../src/services/users/users.ts';
import { selfSigned } from '../embedded/certificate.ts';
import { Browser } from '../embedded/hosted-browser.ts';
import { type SamlAnswer, samlMetadata, samlResponse, signed } from '../embedded/saml-provider.ts';
import { api, newProject, type Project } from './project.ts';

interface Described extends Tenant {
  resources: { userPoolId: string; clientId: string; signIn: { url: string; callbackUrls: string[] } };
}

const entityId = 'https://sso.cedar.example/metadata';
const signInUrl = 'https://sso.cedar.example/in';
const own = selfSigned();
const foreign = selfSigned();
let project: Project;
let cedar: Described;

beforeAll(async () => {
  project = await newProject('--tiers', 'basic,advanced', '--services', 'products,users');
  await project.json('deploy-shared');
  await project.json('onboard', '--tier', 'basic', '--name', 'acorn', '--email', 'admin@acorn.example');
  const write = (name: string, text: string) => writeFile(path.join(project.directory, name), text);
  await write('metadata.xml', samlMetadata(entityId, signInUrl, [own.certificate]));
  await write(
    'directory.yaml',
    'name: directory\ntype: saml\nmetadataFile: metadata.xml\nmapping: { email: mail, name: displayName }\n',
  );
  await project.json(
    ...['onboard', '--tier', 'advanced', '--name', 'cedar', '--email', 'admin@cedar.example'],
    ...['--idp', 'directory.yaml'],
  );
  cedar = await project.json<Described>('describe-tenant', 'cedar');
}, 120_000);
afterAll(() => project.remove());

/** From the application to the directory and back with what `answer` makes of the right answer; a token, or where it ended. */
async function signIn(
  change: Partial<SamlAnswer> = {},
  key: KeyObject = own.privateKey,
): Promise<{ token?: string; ended: string }> {
  const { signIn: place, clientId: client_id } = cedar.resources;
  const [redirect_uri = ''] = place.callbackUrls;
  const code_verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    ...{ response_type: 'code', client_id, redirect_uri, scope: 'openid email profile', state: 'x' },
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
    identity_provider: 'directory',
  });
  const away = new URL((await new Browser().open(`${place.url}/oauth2/authorize?${asked}`)).url);
  expect(away.origin + away.pathname).toBe(signInUrl);
  const request = inflateRawSync(
    Buffer.from(away.searchParams.get('SAMLRequest') ?? '', 'base64'),
  ).toString();
  const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(request)?.[1] ?? '';
  const answer: SamlAnswer = {
    issuer: entityId,
    audience: `urn:amazon:cognito:sp:${cedar.resources.userPoolId}`,
    recipient: attribute('AssertionConsumerServiceURL'),
    inResponseTo: attribute('ID'),
    nameId: 'una',
    attributes: { mail: 'una@cedar.example', displayName: 'Una' },
    notBefore: -60,
    notOnOrAfter: 300,
    ...change,
  };
  const end = await new Browser().open(`${place.url}/saml2/idpresponse`, {
    method: 'POST',
    body: new URLSearchParams({
      SAMLResponse: Buffer.from(signed(samlResponse(answer), key)).toString('base64'),
      RelayState: away.searchParams.get('RelayState') ?? '',
    }),
    headers: { origin: 'https://sso.cedar.example' },
  });
  const code = new URL(end.url).searchParams.get('code');
  if (code === null) return { ended: end.url };
  const tokens = await fetch(`${place.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id,
      redirect_uri,
      code,
      code_verifier,
    }),
  });
  const { id_token: token } = (await tokens.json()) as { id_token: string };
  return { token, ended: end.url };
}

const call = async (token: string | undefined, where: string): Promise<number> =>
  (await api(`${cedar.apiUrl}${where}`, { token: token ?? '' })).status;

it('is served as a plain user of his tenant, whatever the directory says of him', async () => {
  const { token } = await signIn({
    attributes: {
      mail: 'una@cedar.example',
      displayName: 'Una',
      'custom:tenantId': 'acorn',
      'custom:userRole': 'TenantAdmin',
    },
  });
  expect([await call(token, '/products'), await call(token, '/users')]).toEqual([200, 403]);
  const { users } = await project.json<{ users: User[] }>('users', 'list', '--tenant', 'cedar');
  expect(users.filter(({ provider }) => provider !== null)).toEqual([
    expect.objectContaining({
      username: 'directory_una',
      email: 'una@cedar.example',
      provider: 'directory',
      role: 'TenantUser',
    }),
  ]);
});

it.each<[string, Partial<SamlAnswer>, KeyObject]>([
  ['signed by another key', {}, foreign.privateKey],
  ['for another audience', { audience: 'urn:amazon:cognito:sp:us-east-1_other' }, own.privateKey],
  ['that has expired', { notBefore: -900, notOnOrAfter: -600 }, own.privateKey],
  ['to another request', { inResponseTo: '_another' }, own.privateKey],
  ['of another directory', { issuer: 'https://sso.birch.example/metadata' }, own.privateKey],
])('nobody gets in by an assertion %s', async (_, change, key) => {
  const { token, ended } = await signIn({ nameId: 'mallory', ...change }, key);
  expect(token).toBeUndefined();
  expect(new URL(ended).searchParams.get('error')).toBe('invalid_request');
  const { users } = await project.json<{ users: User[] }>('users', 'list', '--tenant', 'cedar');
  expect(users.map(({ username }) => username)).not.toContain('directory_mallory');
});

it('is out with the directory that is removed', async () => {
  const { token } = await signIn({ nameId: 'vera' });
  await project.json('users', 'idp', 'remove', 'directory', '--tenant', 'cedar', '--confirm', 'directory');
  // Nobody has shown this token to the API yet, so nothing is remembered of its user.
  expect(await call(token, '/products')).toBe(401);
});
