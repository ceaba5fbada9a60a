/** A siloed tenant whose users come from its own identity provider, on a tier that requires a second factor of all others. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { readSharedOutputs } from '../../src/services/shared-outputs.ts';
import type { IdentityProvider } from '../../src/services/users/identity-providers.ts';
import type { User } from '../../src/services/users/users.ts';
import { runCli } from '../cli/run-cli.ts';
import { Browser } from '../embedded/hosted-browser.ts';
import { OpenIdProvider } from '../embedded/openid-provider.ts';
import { api, newProject, type Project } from './project.ts';

interface Described extends Tenant {
  resources: {
    userPoolId: string;
    clientId: string;
    signIn: { url: string; issuer: string; callbackUrls: string[] };
  };
}

const secret = `s3cret-${randomBytes(12).toString('hex')}`;
const okta = new OpenIdProvider();
let project: Project;
let target: Target;
let cedar: Described;
/** Everything that any command here has printed. */
const printed: string[] = [];

const cli = async (...argv: string[]) => {
  const ran = await runCli([...argv, '--json'], { cwd: project.directory, env: { OKTA_SECRET: secret } });
  printed.push(ran.stdout, ran.stderr);
  return ran;
};
async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const ran = await cli(...argv);
  if (ran.code !== 0)
    throw new Error(`${argv.join(' ')} exited with ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.json().data as T;
}
const refused = async (...argv: string[]) => (await cli(...argv)).json().error;
const write = (name: string, content: object) =>
  writeFile(path.join(project.directory, name), JSON.stringify(content));
const providerFile = () => ({
  name: 'okta',
  type: 'oidc',
  issuer: okta.issuer,
  clientId: 'cedar-at-okta',
  clientSecret: { env: 'OKTA_SECRET' },
  domains: ['cedar.example'],
});

/** What an application does: the code flow with PKCE, through the provider, to an ID token; or where it ended. */
async function signInByOkta(subject: string): Promise<{ token?: string; ended: string }> {
  okta.behave({
    sub: subject,
    email: `${subject}@cedar.example`,
    'custom:tenantId': 'acorn',
    'custom:userRole': 'TenantAdmin',
  });
  const { signIn, clientId } = cedar.resources;
  const verifier = randomBytes(32).toString('base64url');
  const [redirect_uri = ''] = signIn.callbackUrls;
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri,
    // Any scope more than openid narrows the ID token to what it covers; profile covers all that a client may read.
    scope: 'openid email profile',
    state: 'x',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    identity_provider: 'okta',
  });
  const browser = new Browser();
  const away = await browser.open(`${signIn.url}/oauth2/authorize?${asked}`);
  if (!away.url.startsWith(okta.issuer)) return { ended: `${away.status} ${away.url} ${away.text}` };
  const back = await fetch(away.url, { redirect: 'manual' });
  const end = await browser.open(back.headers.get('location') ?? '');
  const code = new URL(end.url).searchParams.get('code');
  if (code === null) return { ended: `${end.status} ${end.url} ${end.text}` };
  const answer = await fetch(`${signIn.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri,
      code,
      code_verifier: verifier,
    }),
  });
  const { id_token: token } = (await answer.json()) as { id_token: string };
  return { token, ended: end.url };
}
const call = async (token: string | undefined, where: string): Promise<number> =>
  (await api(`${cedar.apiUrl}${where}`, { token: token ?? '' })).status;
const users = async (): Promise<User[]> =>
  (await json<{ users: User[] }>('users', 'list', '--tenant', 'cedar')).users;

beforeAll(async () => {
  await okta.start();
  project = await newProject('--tiers', 'basic,advanced', '--services', 'products,users');
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('model: shared-cluster', 'model: shared-cluster\n    mfa: required'));
  await json('deploy-shared');
  await json('onboard', '--tier', 'basic', '--name', 'acorn', '--email', 'admin@acorn.example');
  await write('okta.json', providerFile());
  target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
}, 120_000);
afterAll(async () => {
  await okta.stop();
  await project.remove();
});

it('is refused where it could not be: in the pool, with a mapping of what binds a user to a tenant', async () => {
  expect(await refused('users', 'idp', 'add', 'okta.json', '--tenant', 'acorn')).toMatchObject({
    code: 'not_a_silo',
    exitCode: 2,
  });
  expect(
    await refused(
      'onboard',
      '--tier',
      'basic',
      '--name',
      'birch',
      '--email',
      'a@birch.example',
      '--idp',
      'okta.json',
    ),
  ).toMatchObject({ code: 'not_a_silo' });
  await write('hostile.json', { ...providerFile(), mapping: { email: 'email', 'custom:tenantId': 't' } });
  expect(
    await refused(
      'onboard',
      '--tier',
      'advanced',
      '--name',
      'cedar',
      '--email',
      'a@cedar.example',
      '--idp',
      'hostile.json',
    ),
  ).toMatchObject({
    code: 'provider_file_invalid',
    detail: expect.stringContaining('mapping.custom:tenantId'),
  });
  expect((await json<{ tenants: Tenant[] }>('list-tenants')).tenants.map(({ name }) => name)).toEqual([
    'acorn',
  ]);
});

it('comes with the onboarding, which proves by a second factor of its own that the tenant is served', async () => {
  const onboarded = await json<{ steps: { name: string; status: string }[] }>(
    ...[
      'onboard',
      '--tier',
      'advanced',
      '--name',
      'cedar',
      '--email',
      'admin@cedar.example',
      '--idp',
      'okta.json',
    ],
  );
  expect(onboarded.steps).toContainEqual(
    expect.objectContaining({ name: 'identity-provider', status: 'done' }),
  );
  cedar = await json<Described>('describe-tenant', 'cedar');
  expect(cedar.resources.signIn).toEqual({
    url: expect.stringMatching(/^http:\/\/.+sign-in-[0-9a-f-]{36}$/),
    issuer: expect.stringContaining(cedar.resources.userPoolId),
    callbackUrls: ['http://localhost:8080/callback'],
  });
  const { providers } = await json<{ providers: IdentityProvider[] }>(
    'users',
    'idp',
    'list',
    '--tenant',
    'cedar',
  );
  expect(providers).toEqual([
    {
      name: 'okta',
      type: 'oidc',
      source: okta.issuer,
      clientId: 'cedar-at-okta',
      scopes: ['openid', 'email', 'profile'],
      mapping: expect.objectContaining({ email: 'email', name: 'name' }),
      domains: ['cedar.example'],
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    },
  ]);
  // Offering it has left the client as it was, above all what it may write.
  const cognito = new CognitoIdentityProviderClient(target.client);
  const { UserPoolClient } = await cognito.send(
    new DescribeUserPoolClientCommand({
      UserPoolId: cedar.resources.userPoolId,
      ClientId: cedar.resources.clientId,
    }),
  );
  expect(UserPoolClient).toMatchObject({
    SupportedIdentityProviders: ['COGNITO', 'okta'],
    WriteAttributes: ['email', 'name'],
    AllowedOAuthFlows: ['code'],
    PreventUserExistenceErrors: 'ENABLED',
    RefreshTokenValidity: 1,
  });
}, 60_000);

it('is told what to send users back to, and may be told anew', async () => {
  const again = await json('users', 'idp', 'add', 'okta.json', '--tenant', 'cedar');
  expect(again).toMatchObject({
    created: false,
    signIn: { redirectUri: `${cedar.resources.signIn.url}/oauth2/idpresponse` },
  });
});

it('has the administrator sign in with an authenticator app', async () => {
  const { token } = await json<{ token: string }>('token', '--tenant', 'cedar');
  expect(await call(token, '/users')).toBe(200);
  // Somebody else's password is not enough.
  const password = (await target.mailbox?.password(cedar.resources.userPoolId, 'admin@cedar.example')) ?? '';
  const ran = await runCli(['token', '--tenant', 'cedar', '--json'], {
    cwd: project.directory,
    env: { SAAS_ECS_PASSWORD: password },
  });
  expect(ran.json().error).toMatchObject({ code: 'missing_input', message: '--mfa-code is missing' });
});

describe('a user of the provider', () => {
  it('is a plain user of the tenant, whatever his provider says of him', async () => {
    const { token } = await signInByOkta('ann');
    expect([await call(token, '/products'), await call(token, '/users')]).toEqual([200, 403]);
    expect((await users()).filter(({ provider }) => provider !== null)).toEqual([
      expect.objectContaining({
        username: 'okta_ann',
        email: 'ann@cedar.example',
        provider: 'okta',
        role: 'TenantUser',
        status: 'EXTERNAL_PROVIDER',
      }),
    ]);
  });

  // Tokens that nobody has seen yet: the authorizer remembers for a while what it knows of a user.
  it('administers the tenant once the operator says so', async () => {
    const before = await signInByOkta('dan');
    await json('users', 'set-role', 'dan@cedar.example', '--tenant', 'cedar', '--role', 'TenantAdmin');
    const { token } = await signInByOkta('dan');
    expect([await call(token, '/users'), await call(before.token, '/users')]).toEqual([200, 401]);
  });

  it('has neither password nor second factor here', async () => {
    for (const command of ['reset-password', 'reset-mfa'])
      expect(await refused('users', command, 'okta_ann', '--tenant', 'cedar')).toMatchObject({
        code: 'federated_user',
      });
  });

  it('is out once disabled, token and sign-in', async () => {
    const { token } = await signInByOkta('eve');
    await json('users', 'disable', 'okta_eve', '--tenant', 'cedar');
    expect(await call(token, '/products')).toBe(401);
    expect((await signInByOkta('eve')).token).toBeUndefined();
    await json('users', 'enable', 'okta_eve', '--tenant', 'cedar');
    expect((await signInByOkta('eve')).token).toBeDefined();
  });

  it('goes with the provider', async () => {
    const { token } = await signInByOkta('ben');
    expect(await refused('users', 'idp', 'remove', 'okta', '--tenant', 'cedar')).toMatchObject({
      code: 'missing_input',
    });
    expect(await json('users', 'idp', 'remove', 'okta', '--tenant', 'cedar', '--confirm', 'okta')).toEqual({
      name: 'okta',
      removed: true,
      users: 4,
    });
    expect(await call(token, '/products')).toBe(401);
    expect((await signInByOkta('ben')).token).toBeUndefined();
    expect((await users()).map(({ email }) => email)).toEqual(['admin@cedar.example']);
    expect(await refused('users', 'idp', 'show', 'okta', '--tenant', 'cedar')).toMatchObject({
      code: 'provider_not_found',
      exitCode: 4,
    });
  });
});

it('lets a user who lost his authenticator set up another: invited anew where one is required', async () => {
  const admin = 'admin@cedar.example';
  expect(await refused('users', 'reset-mfa', admin, '--tenant', 'cedar')).toMatchObject({
    code: 'missing_input',
  });
  const [before] = await users();
  const reset = await json<User>('users', 'reset-mfa', admin, '--tenant', 'cedar', '--confirm', admin);
  expect(reset).toMatchObject({
    email: admin,
    role: 'TenantAdmin',
    reset: 'invited-anew',
    status: 'FORCE_CHANGE_PASSWORD',
  });
  expect(reset.username).not.toBe(before?.username);
  const { token } = await json<{ token: string }>('token', '--tenant', 'cedar');
  expect(await call(token, '/users')).toBe(200);
  expect(await json('users', 'reset-mfa', 'admin@acorn.example', '--tenant', 'acorn')).toMatchObject({
    reset: 'switched-off',
  });
});

it('leaves its secret with Cognito alone: not in registry, audit, logs of operations, or anything printed', async () => {
  const { registryTable } = await readSharedOutputs(target);
  const { Items = [] } = await new DynamoDBClient(target.client).send(
    new ScanCommand({ TableName: registryTable }),
  );
  expect(JSON.stringify(Items)).toContain('okta');
  expect(JSON.stringify(Items)).not.toContain(secret);
  const audit = await json<{ events: { action: string }[] }>('audit');
  expect(audit.events.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['users idp add', 'users idp remove']),
  );
  expect(printed.join('\n')).not.toContain(secret);
  let looked = 0;
  const state = path.join(project.directory, '.saas-ecs');
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    // What the embedded cloud writes down is what AWS would: Cognito has the secret.
    if (!entry.isFile() || /\/embedded\/.*journal/.test(file)) continue;
    looked++;
    expect([file, (await readFile(file, 'latin1')).includes(secret)]).toEqual([file, false]);
  }
  expect(looked).toBeGreaterThan(10);
});

it('takes the pool, the domain and everything else with the tenant', async () => {
  await json('offboard', 'cedar', '--confirm', 'cedar');
  const answer = await fetch(`${cedar.resources.signIn.url}/login?client_id=${cedar.resources.clientId}`);
  expect(answer.status).toBe(404);
  expect(await json('reconcile')).toMatchObject({ findings: [] });
}, 60_000);
