/** Hosted sign-in through OpenID Connect providers: another pool, and one that answers wrongly when told to. */
import { generateKeyPair, type JWTPayload, UnsecuredJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type App, Browser, callback, HostedFixture, password, request } from './hosted-fixture.ts';
import { OpenIdProvider } from './openid-provider.ts';

const fixture = new HostedFixture();
const provider = new OpenIdProvider();
let app: App;
let browser: Browser;

beforeAll(async () => {
  await provider.start();
  await fixture.start();
  app = await fixture.app(
    {},
    {
      Schema: [
        { Name: 'department', AttributeDataType: 'String', Mutable: true },
        { Name: 'tenantId', AttributeDataType: 'String', Mutable: true },
        { Name: 'badge', AttributeDataType: 'String', Mutable: false },
      ],
    },
  );
  await addProvider('Corporate', { email: 'mail', 'custom:department': 'unit' });
  app = await client(['COGNITO', 'Corporate']);
});
afterAll(async () => {
  fixture.cognito.destroy();
  await fixture.stop();
  await provider.stop();
});
beforeEach(() => {
  browser = new Browser();
  provider.behave({ sub: 'u-1', mail: 'una@corp.example', unit: 'sales' });
});

const addProvider = (
  ProviderName: string,
  AttributeMapping: Record<string, string>,
  details: Record<string, string> = {},
) =>
  fixture.cognito.createIdentityProvider({
    UserPoolId: app.UserPoolId,
    ProviderName,
    ProviderType: 'OIDC',
    ProviderDetails: {
      client_id: 'cognito-at-corp',
      client_secret: 'the secret',
      authorize_scopes: 'openid profile',
      attributes_request_method: 'GET',
      oidc_issuer: provider.issuer,
      ...details,
    },
    AttributeMapping,
    IdpIdentifiers: [`${ProviderName.toLowerCase()}.example`],
  });

const client = (SupportedIdentityProviders: string[], WriteAttributes?: string[]) =>
  fixture.addClient(app, { SupportedIdentityProviders, ...(WriteAttributes && { WriteAttributes }) });

/** The address at which the app is told how it ended. */
const signIn = async (identity_provider: string, of = app, within = browser) => {
  const { url, checks } = await request(of, { identity_provider });
  return { end: await through(url, within), checks };
};

/** From the app to the provider and back: the provider is another origin, so its redirect is followed here. */
async function through(url: string, within = browser) {
  const there = await within.open(url);
  if (!there.url.startsWith(provider.issuer)) return there;
  const back = await within.fetch(new URL(there.url));
  return within.open(back.headers.get('location') ?? '');
}
const outcome = (url: string) => Object.fromEntries(new URL(url).searchParams);
const failure = async (identity_provider: string, of = app) => {
  const { end } = await signIn(identity_provider, of, new Browser());
  expect(end.url.startsWith(callback)).toBe(true);
  const { error, error_description: description = '', code } = outcome(end.url);
  expect(error).toBe('invalid_request');
  expect(code).toBeUndefined();
  return description;
};
const userOf = (Username: string) => fixture.cognito.adminGetUser({ UserPoolId: app.UserPoolId, Username });

describe('a provider', () => {
  it('signs in who is made here as NAME_sub, in the provider’s group, with mapped attributes', async () => {
    const { end, checks } = await signIn('Corporate');
    const tokens = await oidc.authorizationCodeGrant(app.config, new URL(end.url), checks);
    expect(tokens.claims()).toMatchObject({
      'cognito:username': 'Corporate_u-1',
      'cognito:groups': [`${app.UserPoolId}_Corporate`],
      email: 'una@corp.example',
      email_verified: false,
      'custom:department': 'sales',
      identities: [
        { userId: 'u-1', providerName: 'Corporate', providerType: 'OIDC', primary: 'true', issuer: null },
      ],
    });
    expect(Object.fromEntries(provider.asked ?? [])).toEqual({
      grant_type: 'authorization_code',
      client_id: 'cognito-at-corp',
      client_secret: 'the secret',
      code: 'a-code',
      redirect_uri: fixture.page(app.domain, 'oauth2/idpresponse'),
    });
    const user = await userOf('Corporate_u-1');
    expect(user.UserStatus).toBe('EXTERNAL_PROVIDER');
    // He has no password that could be set or reset.
    const who = { UserPoolId: app.UserPoolId, Username: 'Corporate_u-1' };
    await expect(
      fixture.cognito.adminSetUserPassword({ ...who, Password: password, Permanent: true }),
    ).rejects.toThrow(/identity provider/);
    await expect(fixture.cognito.adminResetUserPassword(who)).rejects.toThrow(/current state/);
  });

  it('is on the sign-in page, and found by its identifier', async () => {
    const page = await browser.open((await request(app)).url);
    expect(page.text).toContain('name="password"');
    const end = await through(browser.link(page, 'Continue with Corporate'));
    expect(outcome(end.url)).toHaveProperty('code');
    const byId = await request(app, { idp_identifier: 'corporate.example' });
    expect(outcome((await through(byId.url, new Browser())).url)).toHaveProperty('code');
  });

  it('brings the user up to date at each sign-in, and a session lasts without it', async () => {
    await signIn('Corporate');
    provider.behave({ sub: 'u-1', mail: 'una@corp.example', unit: 'support' });
    await signIn('Corporate', app, new Browser());
    const { UserAttributes } = await userOf('Corporate_u-1');
    expect(UserAttributes).toContainEqual({ Name: 'custom:department', Value: 'support' });
    provider.error = 'server_error';
    expect(outcome((await signIn('Corporate')).end.url)).toHaveProperty('code');
  });

  it('that refuses is heard by the app', async () => {
    provider.error = 'access_denied';
    const { end, checks } = await signIn('Corporate');
    expect(outcome(end.url)).toMatchObject({ error: 'access_denied', state: checks.expectedState });
  });

  it('of another client is not signed in with', async () => {
    const without = await client(['COGNITO']);
    const page = await browser.open((await request(without, { identity_provider: 'Corporate' })).url);
    expect(page.status).toBe(400);
    expect((await browser.open((await request(without)).url)).text).not.toContain('Corporate');
  });

  it('is not called when it is not on this machine', async () => {
    await addProvider('Faraway', {}, { oidc_issuer: 'https://id.example.com' });
    expect(await failure('Faraway', await client(['Faraway']))).toContain('loopback addresses only');
  });
});

describe('another user pool as provider', () => {
  it('signs in by its own pages, with its discovery and keys', async () => {
    const other = await fixture.app();
    const partner = await fixture.addClient(other, {
      GenerateSecret: true,
      CallbackURLs: [fixture.page(app.domain, 'oauth2/idpresponse')],
    });
    const { UserPoolClient } = await fixture.cognito.describeUserPoolClient(partner);
    await addProvider(
      'Partner',
      { email: 'email', email_verified: 'email_verified' },
      {
        client_id: partner.ClientId,
        client_secret: UserPoolClient?.ClientSecret ?? '',
        authorize_scopes: 'openid email',
        oidc_issuer: `https://cognito-idp.${fixture.cloud.region}.amazonaws.com/${other.UserPoolId}`,
      },
    );
    const federated = await client(['Partner']);
    const { url, checks } = await request(federated, { identity_provider: 'Partner' });
    const page = await browser.open(url);
    expect(page.url).toContain(`/${other.domain}/login?`);
    const end = await browser.submit(page, { username: 'ann', password });
    const tokens = await oidc.authorizationCodeGrant(federated.config, new URL(end.url), checks);
    expect(tokens.claims()).toMatchObject({ email: 'ann@example.com', email_verified: true });
    expect(tokens.claims()?.['cognito:username']).toMatch(/^Partner_[0-9a-f-]{36}$/);
  });
});

describe('the way back', () => {
  const response = (parameters: Record<string, string>) =>
    fixture.page(app.domain, `oauth2/idpresponse?${new URLSearchParams(parameters)}`);
  const begun = async () => {
    const there = await browser.open((await request(app, { identity_provider: 'Corporate' })).url);
    await fetch(there.url, { redirect: 'manual' });
    return new URL(there.url).searchParams.get('state') ?? '';
  };
  const refused = async (parameters: Record<string, string>, by = browser) => {
    const page = await by.open(response(parameters));
    expect(page.status).toBe(400);
    expect(page.url).toContain('/oauth2/idpresponse');
    expect(page.headers.getSetCookie().join()).not.toContain('cognito=');
  };

  it('is closed without the state, with a forged one, and after five minutes', async () => {
    const state = await begun();
    await refused({ code: 'a-code' });
    await refused({ code: 'a-code', state: `${state.slice(0, -4)}AAAA` });
    await refused({ code: 'a-code', state: Buffer.from('{"type":"federation"}').toString('base64url') });
    fixture.advance(5 * 60_000);
    await refused({ code: 'a-code', state });
  });

  it('is open once, and to the browser that began alone', async () => {
    const state = await begun();
    await refused({ code: 'a-code', state }, new Browser());
    await refused({ code: 'a-code', state });
    const second = await begun();
    expect(outcome((await browser.open(response({ code: 'a-code', state: second }))).url)).toHaveProperty(
      'code',
    );
    await refused({ code: 'a-code', state: second });
  });

  it('does not lead into another domain', async () => {
    const state = await begun();
    const other = await fixture.app();
    const page = await browser.open(
      fixture.page(other.domain, `oauth2/idpresponse?${new URLSearchParams({ code: 'a-code', state })}`),
    );
    expect(page.status).toBe(400);
  });
});

describe('an ID token', () => {
  const hours = 3600;
  const seconds = () => Math.floor(Date.now() / 1000);
  it.each<[string, () => JWTPayload, RegExp]>([
    ['of another issuer', () => ({ iss: 'https://id.example.com' }), /iss/],
    ['for another client', () => ({ aud: 'somebody-else' }), /aud/],
    ['for several clients, given to another', () => ({ aud: ['cognito-at-corp', 'x'], azp: 'x' }), /azp/],
    ['of another sign-in', () => ({ nonce: 'another' }), /nonce/],
    ['that has expired', () => ({ exp: seconds() - hours }), /exp/],
    ['that is not valid yet', () => ({ nbf: seconds() + hours }), /nbf/],
  ])('%s is refused', async (_what, claims, message) => {
    provider.idClaims = claims();
    expect(await failure('Corporate')).toMatch(message);
  });

  it('signed by another provider’s key, by the client’s secret or by nobody is refused', async () => {
    const foreign = await generateKeyPair('RS256');
    provider.forge = (claims) => provider.sign(claims, foreign);
    expect(await failure('Corporate')).toMatch(/signature/);
    provider.forge = (claims) => Promise.resolve(new UnsecuredJWT(claims).encode());
    expect(await failure('Corporate')).not.toBe('');
    provider.forge = async (claims) => {
      const { SignJWT } = await import('jose');
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from('the secret'.padEnd(32)));
    };
    expect(await failure('Corporate')).toMatch(/alg/i);
    provider.forge = undefined;
    expect(outcome((await signIn('Corporate')).end.url)).toHaveProperty('code');
  });

  it('must agree with userInfo, which can not speak for another user', async () => {
    provider.info = { sub: 'u-2', mail: 'victim@corp.example' };
    expect(await failure('Corporate')).toMatch(/another user/);
  });
});

describe('a mapping', () => {
  it('can not write what the client may not', async () => {
    await addProvider('Climber', { 'custom:tenantId': 'tenant', email: 'mail' });
    provider.behave({ sub: 'c-1', mail: 'c@corp.example', tenant: 'victim' });
    const strict = await client(['Climber'], ['email', 'custom:department']);
    expect(await failure('Climber', strict)).toBe('A client attempted to write unauthorized attribute');
    await expect(userOf('Climber_c-1')).rejects.toMatchObject({ name: 'UserNotFoundException' });
  });

  it('fills an attribute that can not be changed once, and never again', async () => {
    await addProvider('Badges', { 'custom:badge': 'badge' });
    const badges = await client(['Badges']);
    provider.behave({ sub: 'b-1', badge: '7' });
    expect(outcome((await signIn('Badges', badges)).end.url)).toHaveProperty('code');
    provider.behave({ sub: 'b-1', badge: '8' });
    expect(await failure('Badges', badges)).toContain('user.custom:badge: Attribute cannot be updated.');
    expect((await userOf('Badges_b-1')).UserAttributes).toContainEqual({ Name: 'custom:badge', Value: '7' });
  });

  it('is held to the schema', async () => {
    provider.behave({ sub: 'u-9', mail: 'no address' });
    expect(await failure('Corporate')).toContain('Invalid email address format');
    provider.behave({ sub: 'x'.repeat(200) });
    expect(await failure('Corporate')).toContain('too long');
  });

  it('must fill what the pool demands', async () => {
    const demanding = await fixture.app(
      {},
      { Schema: [{ Name: 'nickname', AttributeDataType: 'String', Mutable: true, Required: true }] },
    );
    const kept = app;
    app = demanding;
    await addProvider('Corporate', { nickname: 'nick' });
    const federated = await client(['Corporate']);
    expect(await failure('Corporate', federated)).toBe('attributes required: [nickname]');
    app = kept;
  });
});

describe('a federated user', () => {
  it('who was disabled stays out', async () => {
    provider.behave({ sub: 'u-3', mail: 'tim@corp.example' });
    await signIn('Corporate');
    await fixture.cognito.adminDisableUser({ UserPoolId: app.UserPoolId, Username: 'Corporate_u-3' });
    expect(await failure('Corporate')).toBe('User is not enabled.');
    // The browser that was signed in is signed out.
    expect((await browser.open((await request(app)).url)).text).toContain('name="password"');
  });

  it('does not take over an account that only bears the name', async () => {
    await fixture.user(app.UserPoolId, 'Corporate_u-4', 'four@example.com');
    provider.behave({ sub: 'u-4' });
    expect(await failure('Corporate')).toContain('another user');
    // Corp_orate's user 5 would be called as Corp's user orate_5.
    await addProvider('Corp_orate', {});
    await addProvider('Corp', {});
    provider.behave({ sub: '5' });
    await signIn('Corp_orate', await client(['Corp_orate']));
    provider.behave({ sub: 'orate_5' });
    expect(await failure('Corp', await client(['Corp']))).toContain('another user');
  });

  it('with the address of a user of the pool is somebody else', async () => {
    const kept = app;
    app = await fixture.app({}, { AliasAttributes: ['email'] });
    await addProvider('Corporate', { email: 'mail', email_verified: 'verified' });
    const federated = await client(['COGNITO', 'Corporate']);
    provider.behave({ sub: 'u-6', mail: 'ann@example.com', verified: true });
    expect(outcome((await signIn('Corporate', federated)).end.url)).toHaveProperty('code');
    expect((await userOf('Corporate_u-6')).UserAttributes).toContainEqual({
      Name: 'email_verified',
      Value: 'true',
    });
    // The address is still ann's to sign in with.
    expect((await userOf('ann@example.com')).Username).toBe('ann');
    app = kept;
  });

  it('is signed in at apps that take his provider, not at others', async () => {
    const others = await client(['COGNITO']);
    await signIn('Corporate');
    expect(outcome((await browser.open((await request(app)).url)).url)).toHaveProperty('code');
    expect((await browser.open((await request(others)).url)).text).toContain('name="password"');
  });
});
