/** Hosted sign-in over HTTP, as a browser and a stock OpenID Connect client (openid-client) meet it. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { totpCode } from '../../src/embedded/resources/cognito/totp.ts';
import {
  type App,
  Browser,
  callback,
  HostedFixture,
  password,
  passwordSignIn,
  request,
  signedOut,
} from './hosted-fixture.ts';

const fixture = new HostedFixture();
let app: App;
let browser: Browser;

beforeAll(async () => {
  await fixture.start();
  app = await fixture.app();
});
afterAll(async () => {
  fixture.cognito.destroy();
  await fixture.stop();
});
beforeEach(() => {
  browser = new Browser();
});

const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(fixture.page(app.domain, path), { method: 'POST', body: new URLSearchParams(form), headers });

describe('openid-client', () => {
  it('signs in with discovery, PKCE, state and nonce, reads userinfo, refreshes, revokes and signs out', async () => {
    const { url, checks } = await request(app);
    const end = await passwordSignIn(browser, url);
    expect(end.url.startsWith(`${callback}?code=`)).toBe(true);
    const tokens = await oidc.authorizationCodeGrant(app.config, new URL(end.url), checks);
    const claims = tokens.claims();
    expect(claims).toMatchObject({
      iss: fixture.issuer(app.UserPoolId),
      aud: app.ClientId,
      nonce: checks.expectedNonce,
      email: 'ann@example.com',
      email_verified: true,
      'cognito:username': 'ann',
      token_use: 'id',
    });
    const half = createHash('sha256').update(tokens.access_token).digest().subarray(0, 16);
    expect(claims?.['at_hash']).toBe(half.toString('base64url'));
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      scope: 'openid email profile',
      version: 2,
      username: 'ann',
      client_id: app.ClientId,
    });
    const info = await oidc.fetchUserInfo(app.config, tokens.access_token, claims?.sub ?? '');
    expect(info).toEqual({
      sub: claims?.sub,
      email: 'ann@example.com',
      email_verified: 'true',
      username: 'ann',
    });

    const refreshed = await oidc.refreshTokenGrant(app.config, tokens.refresh_token ?? '');
    expect(decodeJwt(refreshed.access_token)['scope']).toBe('openid email profile');
    expect(refreshed.claims()?.['auth_time']).toBe(claims?.['auth_time']);
    expect(refreshed.claims()?.['nonce']).toBeUndefined();
    await oidc.tokenRevocation(app.config, tokens.refresh_token ?? '');
    await expect(oidc.refreshTokenGrant(app.config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(
      oidc.fetchUserInfo(app.config, refreshed.access_token, claims?.sub ?? ''),
    ).rejects.toMatchObject({ status: 401 });

    const out = oidc.buildEndSessionUrl(app.config, { logout_uri: signedOut });
    expect((await browser.open(out.href)).url).toBe(signedOut);
    expect((await browser.open((await request(app)).url)).text).toContain('name="password"');
  });

  it('proves a client secret in the header and in the body', async () => {
    const confidential = await fixture.addClient(app, { GenerateSecret: true });
    const { UserPoolClient } = await fixture.cognito.describeUserPoolClient(confidential);
    const secret = UserPoolClient?.ClientSecret ?? '';
    const posted = new oidc.Configuration(
      confidential.config.serverMetadata(),
      confidential.ClientId,
      undefined,
      oidc.ClientSecretPost(secret),
    );
    oidc.allowInsecureRequests(posted);
    for (const config of [confidential.config, posted]) {
      const { url, checks } = await request(confidential);
      const end = await passwordSignIn(new Browser(), url);
      const tokens = await oidc.authorizationCodeGrant(config, new URL(end.url), checks);
      expect(tokens.claims()?.aud).toBe(confidential.ClientId);
    }
    const wrong = new oidc.Configuration(
      confidential.config.serverMetadata(),
      confidential.ClientId,
      undefined,
      oidc.ClientSecretPost(`${secret}x`),
    );
    oidc.allowInsecureRequests(wrong);
    const { url, checks } = await request(confidential);
    const end = await passwordSignIn(new Browser(), url);
    await expect(oidc.authorizationCodeGrant(wrong, new URL(end.url), checks)).rejects.toMatchObject({
      error: 'invalid_client',
    });
  });
});

describe('a code', () => {
  const code = async () => {
    const { url, checks } = await request(app);
    const end = await passwordSignIn(new Browser(), url);
    return { code: new URL(end.url).searchParams.get('code') ?? '', verifier: checks.pkceCodeVerifier };
  };
  const redeem = async (form: Record<string, string>, client = app) => {
    const answer = await post('oauth2/token', {
      grant_type: 'authorization_code',
      client_id: client.ClientId,
      redirect_uri: callback,
      ...form,
    });
    return (await answer.json()) as Record<string, string>;
  };

  it('counts once, also when the first try failed', async () => {
    const first = await code();
    expect(await redeem({ code: first.code, code_verifier: first.verifier })).toHaveProperty('id_token');
    expect(await redeem({ code: first.code, code_verifier: first.verifier })).toEqual({
      error: 'invalid_grant',
    });
    const second = await code();
    expect(await redeem({ code: second.code, code_verifier: 'x'.repeat(43) })).toEqual({
      error: 'invalid_grant',
    });
    expect(await redeem({ code: second.code, code_verifier: second.verifier })).toEqual({
      error: 'invalid_grant',
    });
  });

  it('is refused without its verifier, to another client, for another callback and after five minutes', async () => {
    const refused = { error: 'invalid_grant' };
    expect(await redeem({ code: (await code()).code })).toEqual(refused);
    const other = await fixture.addClient(app);
    const first = await code();
    expect(await redeem({ code: first.code, code_verifier: first.verifier }, other)).toEqual(refused);
    const second = await code();
    expect(
      await redeem({ code: second.code, code_verifier: second.verifier, redirect_uri: signedOut }),
    ).toEqual(refused);
    const third = await code();
    fixture.advance(5 * 60_000);
    expect(await redeem({ code: third.code, code_verifier: third.verifier })).toEqual(refused);
    expect(await redeem({ code: '' })).toEqual({ error: 'invalid_request' });
  });

  it('that was asked for without a challenge takes no verifier', async () => {
    const url = oidc.buildAuthorizationUrl(app.config, { redirect_uri: callback, scope: 'openid' });
    const end = await passwordSignIn(browser, url.href);
    const plain = new URL(end.url).searchParams.get('code') ?? '';
    expect(await redeem({ code: plain, code_verifier: 'x'.repeat(43) })).toEqual({ error: 'invalid_grant' });
  });

  it('of a user who was deleted or signed out meanwhile is refused', async () => {
    await fixture.user(app.UserPoolId, 'bob', 'bob@example.com');
    const { url, checks } = await request(app);
    const end = await passwordSignIn(browser, url, 'bob');
    await fixture.cognito.adminUserGlobalSignOut({ UserPoolId: app.UserPoolId, Username: 'bob' });
    const given = new URL(end.url).searchParams.get('code') ?? '';
    expect(await redeem({ code: given, code_verifier: checks.pkceCodeVerifier })).toEqual({
      error: 'invalid_grant',
    });
    // Nor does the browser's session last.
    expect((await browser.open((await request(app)).url)).text).toContain('name="password"');
  });
});

describe('an authorization request', () => {
  it('of an unknown client or for a foreign callback ends on a page, not at the address', async () => {
    for (const parameters of [
      { redirect_uri: 'https://evil.example.com/' },
      { redirect_uri: `${callback}/` },
      { redirect_uri: `${callback}?a=1` },
    ]) {
      const page = await browser.open((await request(app, parameters)).url);
      expect(page.status).toBe(400);
      expect(page.text).toContain('redirect_mismatch');
      expect(page.headers.get('location')).toBeNull();
    }
    const unknown = new URL((await request(app)).url);
    unknown.searchParams.set('client_id', 'nobody');
    expect((await browser.open(unknown.href)).status).toBe(400);
  });

  it.each([
    ['response_type', 'id_token', 'invalid_request'],
    ['response_type', 'token', 'unauthorized_client'],
    ['scope', 'openid phone', 'invalid_scope'],
    ['code_challenge_method', 'plain', 'invalid_request'],
    ['code_challenge', 'short', 'invalid_request'],
    ['prompt', 'none', 'login_required'],
  ])('with %s=%s goes back to the app with %s and the state', async (name, value, error) => {
    const { url, checks } = await request(app);
    const changed = new URL(url);
    changed.searchParams.set(name, value);
    const end = await browser.open(changed.href);
    expect(end.url.startsWith(callback)).toBe(true);
    const answer = new URL(end.url);
    const parameters = value === 'token' ? new URLSearchParams(answer.hash.slice(1)) : answer.searchParams;
    expect(parameters.get('error')).toBe(error);
    expect(parameters.get('state')).toBe(checks.expectedState);
  });

  it('finds the session of an hour ago no more, and one of before at once', async () => {
    await passwordSignIn(browser, (await request(app)).url);
    expect((await browser.open((await request(app)).url)).url).toContain(`${callback}?code=`);
    expect((await browser.open((await request(app, { prompt: 'login' })).url)).text).toContain('password');
    fixture.advance(3_600_000);
    expect((await browser.open((await request(app)).url)).text).toContain('name="password"');
  });

  it('does not take another domain’s session', async () => {
    const other = await fixture.app();
    await passwordSignIn(browser, (await request(app)).url);
    browser.cookies = browser.cookies.map((cookie) => ({ ...cookie, path: '/' }));
    expect((await browser.open((await request(other)).url)).text).toContain('name="password"');
  });

  it('comes to one name, where providers send the browser back to', async () => {
    const { url } = await request(app);
    const page = await browser.fetch(new URL(url.replace('127.0.0.1', 'localhost')));
    expect(page.headers.get('location')).toBe(url);
  });
});

describe('the implicit grant', () => {
  it('brings tokens in the fragment, where the client allows it, and none of refreshing', async () => {
    const implicit = await fixture.addClient(app, { AllowedOAuthFlows: ['implicit'] });
    const url = oidc.buildAuthorizationUrl(implicit.config, {
      redirect_uri: callback,
      response_type: 'token',
      scope: 'openid email',
      state: 'the state',
      nonce: 'the nonce',
    });
    const end = new URL((await passwordSignIn(browser, url.href)).url);
    expect(end.search).toBe('');
    const answer = new URLSearchParams(end.hash.slice(1));
    expect(answer.get('state')).toBe('the state');
    expect(answer.get('token_type')).toBe('Bearer');
    expect(answer.get('refresh_token')).toBeNull();
    expect(decodeJwt(answer.get('id_token') ?? '')).toMatchObject({
      nonce: 'the nonce',
      aud: implicit.ClientId,
    });
  });
});

describe('scopes', () => {
  const tokensFor = async (scope: string, client = app) => {
    const { url, checks } = await request(client, { scope });
    const end = await passwordSignIn(new Browser(), url);
    const answer = await post('oauth2/token', {
      grant_type: 'authorization_code',
      client_id: client.ClientId,
      redirect_uri: callback,
      code: new URL(end.url).searchParams.get('code') ?? '',
      code_verifier: checks.pkceCodeVerifier,
    });
    return (await answer.json()) as Record<string, string>;
  };

  it('decide what tokens show and open', async () => {
    const own = await tokensFor('aws.cognito.signin.user.admin');
    expect(own).not.toHaveProperty('id_token');
    const { Username } = await fixture.cognito.getUser({ AccessToken: own['access_token'] });
    expect(Username).toBe('ann');
    const info = (token: string | undefined) =>
      fetch(fixture.page(app.domain, 'oauth2/userInfo'), { headers: { authorization: `Bearer ${token}` } });
    expect((await info(own['access_token'])).status).toBe(401);

    const email = await tokensFor('openid email');
    expect(decodeJwt(email['id_token'] ?? '')['email']).toBe('ann@example.com');
    await expect(fixture.cognito.getUser({ AccessToken: email['access_token'] })).rejects.toThrow(/scopes/);
    await fixture.cognito.adminUpdateUserAttributes({
      UserPoolId: app.UserPoolId,
      Username: 'ann',
      UserAttributes: [{ Name: 'nickname', Value: 'Annie' }],
    });
    expect(decodeJwt((await tokensFor('openid email'))['id_token'] ?? '')).not.toHaveProperty('nickname');
    expect(decodeJwt((await tokensFor('openid'))['id_token'] ?? '')).toHaveProperty('nickname', 'Annie');
    await fixture.cognito.adminDeleteUserAttributes({
      UserPoolId: app.UserPoolId,
      Username: 'ann',
      UserAttributeNames: ['nickname'],
    });
  });

  it('of a resource server go into the access token', async () => {
    await fixture.cognito.createResourceServer({
      UserPoolId: app.UserPoolId,
      Identifier: 'orders',
      Name: 'orders',
      Scopes: [{ ScopeName: 'read', ScopeDescription: 'Read orders' }],
    });
    const client = await fixture.addClient(app, { AllowedOAuthScopes: ['openid', 'orders/read'] });
    const tokens = await tokensFor('openid orders/read', client);
    expect(decodeJwt(tokens['access_token'] ?? '')['scope']).toBe('openid orders/read');
    // None asked for means all.
    const { url, checks } = await request(client, { scope: '' });
    const end = await passwordSignIn(browser, url);
    const all = await oidc.authorizationCodeGrant(client.config, new URL(end.url), checks);
    expect(decodeJwt(all.access_token)['scope']).toBe('openid orders/read');
  });
});

describe('the sign-in page', () => {
  it('is plain HTML that nobody may frame, and needs no script', async () => {
    const page = await browser.open((await request(app)).url);
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' http://localhost:3000;");
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    expect(page.text).not.toMatch(/<script|\son\w+=/i);
    const style = /<style>([\s\S]*)<\/style>/.exec(page.text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    for (const [, id] of page.text.matchAll(/<input id="([^"]*)"/g)) {
      expect(page.text).toContain(`<label for="${id}">`);
    }
  });

  it('shows what it is given as text', async () => {
    const hint = '"><script>alert(1)</script>';
    const page = await browser.open((await request(app, { login_hint: hint, state: hint })).url);
    expect(page.text).not.toContain('<script>');
    expect(page.text).toContain('&quot;&gt;&lt;script&gt;');
  });

  it('says when the password is wrong, keeps the name, and locks after many tries', async () => {
    await fixture.user(app.UserPoolId, 'carl', 'carl@example.com');
    let page = await browser.open((await request(app)).url);
    for (let tries = 0; tries < 5; tries += 1) {
      page = await browser.submit(page, { username: 'carl', password: 'wrong' });
      expect(page.status).toBe(400);
      expect(page.text).toContain('Incorrect username or password.');
      expect(page.text).toContain('value="carl"');
    }
    page = await browser.submit(page, { username: 'carl', password });
    expect(page.text).toContain('Password attempts exceeded');
    fixture.advance(60_000);
    page = await browser.submit(page, { username: 'carl', password });
    expect(page.url).toContain(`${callback}?code=`);
  });

  it('takes no form that another page posts', async () => {
    const page = await browser.open((await request(app)).url);
    const fields = { username: 'ann', password };
    expect((await browser.submit(page, { ...fields, _csrf: 'guessed' })).status).toBe(403);
    expect((await browser.submit(page, fields, { origin: 'https://evil.example.com' })).status).toBe(403);
    const elsewhere = new Browser();
    expect((await elsewhere.submit(page, fields)).status).toBe(403);
    const own = await browser.submit(page, fields, { origin: fixture.cloud.endpoint });
    expect(own.url).toContain(`${callback}?code=`);
  });

  it('sets cookies that scripts can not read, bound to the domain', async () => {
    const page = await browser.fetch(
      new URL(fixture.page(app.domain, `login${new URL((await request(app)).url).search}`)),
    );
    const [cookie = ''] = page.headers.getSetCookie();
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Lax');
    expect(cookie).toContain(`Path=/_aws/cognito-domain/${app.domain}/`);
  });

  it('has no passwords where the client has no provider for them', async () => {
    const none = await fixture.addClient(app, { SupportedIdentityProviders: [] });
    const page = await browser.open((await request(none)).url);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('name="password"');
  });

  it('bounds what it reads', async () => {
    const answer = await post('login?client_id=x', { username: 'x'.repeat(100_000) });
    expect(answer.status).toBe(413);
    expect((await post('oauth2/token', { grant_type: 'x'.repeat(100_000) })).status).toBe(413);
  });
});

describe('a temporary password', () => {
  it('is changed on the way, by one that the policy allows', async () => {
    await fixture.user(app.UserPoolId, 'dora', 'dora@example.com', true);
    const { url, checks } = await request(app);
    let page = await passwordSignIn(browser, url, 'dora');
    expect(page.text).toContain('Choose a new password');
    page = await browser.submit(page, { password: 'Another-horse-2', repeated: 'Another-horse-3' });
    expect(page.text).toContain('not the same');
    page = await browser.submit(page, { password: 'short', repeated: 'short' });
    expect(page.text).toContain('Password did not conform with policy');
    page = await browser.submit(page, { password: 'Another-horse-2', repeated: 'Another-horse-2' });
    const tokens = await oidc.authorizationCodeGrant(app.config, new URL(page.url), checks);
    expect(tokens.claims()?.['cognito:username']).toBe('dora');
  });

  it('asks for attributes that the pool demands', async () => {
    const demanding = await fixture.app(
      {},
      { Schema: [{ Name: 'nickname', AttributeDataType: 'String', Mutable: true, Required: true }] },
    );
    await fixture.user(demanding.UserPoolId, 'dora', 'dora@example.com', true);
    const { url, checks } = await request(demanding);
    let page = await passwordSignIn(browser, url, 'dora');
    expect(page.text).toContain('name="userAttributes.nickname"');
    const fields = { password: 'Another-horse-2', repeated: 'Another-horse-2' };
    page = await browser.submit(page, { ...fields, 'userAttributes.nickname': '' });
    expect(page.text).toContain('nickname is missing');
    page = await browser.submit(page, { ...fields, 'userAttributes.nickname': 'Dodo' });
    const tokens = await oidc.authorizationCodeGrant(demanding.config, new URL(page.url), checks);
    expect(tokens.claims()?.['nickname']).toBe('Dodo');
  });
});

describe('an authenticator app', () => {
  let strict: App;
  beforeAll(async () => {
    strict = await fixture.app({}, { MfaConfiguration: 'ON' });
  });

  it('is set up at the first sign-in, and asked for at the next', async () => {
    let page = await passwordSignIn(browser, (await request(strict)).url);
    expect(page.text).toContain('Set up an authenticator app');
    const secret = (/<code>([A-Z2-7 ]+)<\/code>/.exec(page.text)?.[1] ?? '').replaceAll(' ', '');
    expect(page.text).toContain(`otpauth://totp/ann?secret=${secret}`);
    page = await browser.submit(page, { code: '000000' });
    expect(page.text).toContain('Code mismatch');
    // The same key again: the app has it already.
    expect(page.text).toContain(`secret=${secret}`);
    const now = () => fixture.cloud.clock.now();
    page = await browser.submit(page, { code: totpCode(secret, now()) });
    expect(page.url).toContain(`${callback}?code=`);

    const elsewhere = new Browser();
    const { url, checks } = await request(strict);
    page = await passwordSignIn(elsewhere, url);
    expect(page.text).toContain('Enter your code');
    page = await elsewhere.submit(page, { code: '000000' });
    expect(page.text).toContain('Invalid code received for user');
    page = await elsewhere.submit(page, { code: totpCode(secret, now()) });
    expect(page.text).toContain('already been used');
    fixture.advance(30_000);
    page = await elsewhere.submit(page, { code: totpCode(secret, now()) });
    const tokens = await oidc.authorizationCodeGrant(strict.config, new URL(page.url), checks);
    expect(tokens.claims()?.['cognito:username']).toBe('ann');
  });

  it('can’t be passed by, nor a step be answered out of turn', async () => {
    await fixture.user(strict.UserPoolId, 'eve', 'eve@example.com');
    const page = await passwordSignIn(browser, (await request(strict)).url, 'eve');
    const skipped = await browser.submit(page, { challenge: 'SOFTWARE_TOKEN_MFA', code: '000000' });
    expect(skipped.status).toBe(400);
    expect(skipped.url).not.toContain(callback);
    // Without a code nobody has a session either.
    expect((await browser.open((await request(strict)).url)).text).toContain('name="password"');
  });
});

describe('signing out', () => {
  it('goes to sign in again with redirect_uri, and nowhere that the client does not list', async () => {
    await passwordSignIn(browser, (await request(app)).url);
    const { search } = new URL((await request(app)).url);
    const again = await browser.open(fixture.page(app.domain, `logout${search}`));
    expect(again.text).toContain('name="password"');
    for (const query of [
      `client_id=${app.ClientId}&logout_uri=https://evil.example.com`,
      `client_id=${app.ClientId}`,
      `logout_uri=${signedOut}`,
    ]) {
      expect((await browser.open(fixture.page(app.domain, `logout?${query}`))).status).toBe(400);
    }
  });

  it('ends the session for copies of its cookie too', async () => {
    await passwordSignIn(browser, (await request(app)).url);
    const copy = new Browser();
    copy.cookies = [...browser.cookies];
    await browser.open(
      fixture.page(
        app.domain,
        `logout?client_id=${app.ClientId}&logout_uri=${encodeURIComponent(signedOut)}`,
      ),
    );
    expect((await copy.open((await request(app)).url)).text).toContain('name="password"');
  });
});

describe('bad input', () => {
  it('is answered, whatever comes', async () => {
    const paths = ['oauth2/authorize', 'login', 'logout', 'oauth2/token', 'oauth2/userInfo', 'oauth2/revoke'];
    const names = ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'code_challenge'];
    const more = [
      'grant_type',
      'code',
      'refresh_token',
      'token',
      'challenge',
      'session',
      '_csrf',
      'SAMLResponse',
    ];
    const known = fc.constantFrom(app.ClientId, callback, 'code', 'token', 'openid', 'S256', 'MFA_SETUP');
    const parameters = fc.dictionary(
      fc.oneof(fc.constantFrom(...names, ...more, 'RelayState', 'identity_provider'), fc.string()),
      fc.oneof(known, fc.string({ unit: 'binary' })),
    );
    const cases = fc.record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'OPTIONS', 'HEAD'),
      path: fc.constantFrom(...paths, 'oauth2/idpresponse', 'saml2/idpresponse', 'constructor', ''),
      query: parameters,
      form: parameters,
      header: fc.constantFrom('authorization', 'cookie', 'content-type', 'origin'),
      value: fc.oneof(
        fc.constantFrom('Basic Og==', 'Basic', 'Bearer a.b.c', 'cognito=x; XSRF-TOKEN=', 'text/plain'),
        fc.string({ unit: 'grapheme-ascii' }).map((text) => text.trim()),
      ),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ method, path, query, form, header, value }) => {
        const answer = await fetch(`${fixture.page(app.domain, path)}?${new URLSearchParams(query)}`, {
          method,
          headers: { 'content-type': 'application/x-www-form-urlencoded', [header]: value },
          redirect: 'manual',
          ...(method === 'POST' && { body: new URLSearchParams(form).toString() }),
        });
        await answer.text();
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
  });
});

describe('the issuer', () => {
  it('publishes the domain’s endpoints once there is a domain', async () => {
    const bare = await fixture.pool();
    const configuration = async (id: string) =>
      (await (await fetch(`${fixture.issuer(id)}/.well-known/openid-configuration`)).json()) as Record<
        string,
        unknown
      >;
    expect(await configuration(bare)).not.toHaveProperty('token_endpoint');
    expect(await configuration(app.UserPoolId)).toMatchObject({
      issuer: fixture.issuer(app.UserPoolId),
      authorization_endpoint: fixture.page(app.domain, 'oauth2/authorize'),
      token_endpoint: fixture.page(app.domain, 'oauth2/token'),
      userinfo_endpoint: fixture.page(app.domain, 'oauth2/userInfo'),
      revocation_endpoint: fixture.page(app.domain, 'oauth2/revoke'),
      end_session_endpoint: fixture.page(app.domain, 'logout'),
    });
  });

  it('is reached by the name that AWS forms, for those who send it as Host', async () => {
    const { request: send } = await import('node:http');
    const location = await new Promise<string | undefined>((resolve, reject) => {
      const { port } = new URL(fixture.cloud.endpoint);
      const host = `${app.domain}.auth.${fixture.cloud.region}.amazoncognito.com`;
      const path = `/oauth2/authorize?client_id=${app.ClientId}&response_type=code&redirect_uri=${encodeURIComponent(callback)}`;
      send({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.headers.location);
      })
        .on('error', reject)
        .end();
    });
    expect(location).toMatch(/^\.\.\/login\?/);
  });
});
