/** Hosted sign-in through a SAML 2.0 provider, and responses that must not sign anybody in. */
import { inflateRawSync } from 'node:zlib';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from './certificate.ts';
import { type App, Browser, callback, HostedFixture, request } from './hosted-fixture.ts';
import { type SamlAnswer, samlMetadata, samlResponse, signed } from './saml-provider.ts';

const fixture = new HostedFixture();
const entityId = 'https://sso.example.com/metadata';
const own = selfSigned();
const next = selfSigned();
const foreign = selfSigned();
let app: App;
let browser: Browser;

beforeAll(async () => {
  await fixture.start();
  const plain = await fixture.app(
    {},
    { Schema: [{ Name: 'groups', AttributeDataType: 'String', Mutable: true }] },
  );
  await fixture.cognito.createIdentityProvider({
    UserPoolId: plain.UserPoolId,
    ProviderName: 'Directory',
    ProviderType: 'SAML',
    ProviderDetails: {
      MetadataFile: samlMetadata(entityId, 'https://sso.example.com/in', [own.certificate, next.certificate]),
    },
    AttributeMapping: { email: 'urn:mail', 'custom:groups': 'groups' },
  });
  app = await fixture.addClient(plain, { SupportedIdentityProviders: ['Directory'] });
});
afterAll(async () => {
  fixture.cognito.destroy();
  await fixture.stop();
});
beforeEach(() => {
  browser = new Browser();
});

/** From the app to the provider: what it is asked, and the answer that would be right. */
async function begin(parameters: Record<string, string> = {}) {
  const { url, checks } = await request(app, { identity_provider: 'Directory', ...parameters });
  const there = new URL((await browser.open(url)).url);
  expect(there.origin + there.pathname).toBe('https://sso.example.com/in');
  const asked = inflateRawSync(Buffer.from(there.searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
  const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(asked)?.[1] ?? '';
  const answer: SamlAnswer = {
    issuer: entityId,
    audience: /<saml:Issuer[^>]*>([^<]*)</.exec(asked)?.[1] ?? '',
    recipient: attribute('AssertionConsumerServiceURL'),
    inResponseTo: attribute('ID'),
    nameId: 'una',
    attributes: { 'urn:mail': 'una@corp.example', groups: ['sales', 'night shift'] },
    notBefore: -60,
    notOnOrAfter: 300,
  };
  return { answer, relayState: there.searchParams.get('RelayState') ?? '', checks };
}

/** The provider's page posts its response; no cookies come with a form from another site. */
const respond = (xml: string, RelayState: string) =>
  new Browser().open(fixture.page(app.domain, 'saml2/idpresponse'), {
    method: 'POST',
    body: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64'), RelayState }),
    headers: { origin: 'https://sso.example.com' },
  });

const outcome = (url: string) => Object.fromEntries(new URL(url).searchParams);

/** Expects that the response signs nobody in, and tells the app's error. */
async function refused(make: (answer: SamlAnswer) => string): Promise<string> {
  const { answer, relayState } = await begin();
  const page = await respond(make(answer), relayState);
  const { code, error, error_description: description = '' } = outcome(page.url);
  expect(page.url.startsWith(callback)).toBe(true);
  expect(code).toBeUndefined();
  expect(error).toBe('invalid_request');
  expect(page.headers.getSetCookie().join()).not.toContain('cognito=');
  return description;
}

describe('a SAML provider', () => {
  it('signs in by a signed assertion, and the app gets its tokens', async () => {
    const { answer, relayState, checks } = await begin();
    expect(answer.audience).toBe(`urn:amazon:cognito:sp:${app.UserPoolId}`);
    expect(answer.recipient).toBe(fixture.page(app.domain, 'saml2/idpresponse'));
    const end = await respond(signed(samlResponse(answer), own.privateKey), relayState);
    const tokens = await oidc.authorizationCodeGrant(app.config, new URL(end.url), checks);
    expect(tokens.claims()).toMatchObject({
      'cognito:username': 'Directory_una',
      'cognito:groups': [`${app.UserPoolId}_Directory`],
      email: 'una@corp.example',
      'custom:groups': '[sales, night shift]',
      identities: [{ userId: 'una', providerName: 'Directory', providerType: 'SAML' }],
    });
  });

  it('signs in by a signed response, and by each key of its metadata', async () => {
    for (const { privateKey } of [own, next]) {
      const { answer, relayState } = await begin({ prompt: 'login' });
      const end = await respond(signed(samlResponse(answer), privateKey, 'Response'), relayState);
      expect(outcome(end.url)).toHaveProperty('code');
    }
  });

  it('is heard when it refuses', async () => {
    const message = await refused((answer) =>
      samlResponse(answer)
        .replace(/<saml:Assertion.*<\/saml:Assertion>/, '')
        .replace('status:Success', 'status:Requester'),
    );
    expect(message).toContain('Requester');
  });
});

describe('a response that is not to be trusted', () => {
  const forge = (answer: SamlAnswer) => samlResponse({ ...answer, nameId: 'admin' });
  const assertionOf = (xml: string) => /<saml:Assertion.*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
  const signatureOf = (xml: string) => /<Signature.*<\/Signature>/.exec(xml)?.[0] ?? '';

  it('is refused unsigned, and signed by another key, also one that it brings along', async () => {
    expect(await refused(samlResponse)).toContain('Invalid signature');
    expect(await refused((answer) => signed(samlResponse(answer), foreign.privateKey))).toContain(
      'Invalid signature',
    );
    expect(
      await refused((answer) =>
        signed(samlResponse(answer), foreign.privateKey).replace(
          '</SignatureValue>',
          `</SignatureValue><KeyInfo><X509Data><X509Certificate>${foreign.certificate}</X509Certificate></X509Data></KeyInfo>`,
        ),
      ),
    ).toContain('Invalid signature');
  });

  it('is refused when it was changed after it was signed', async () => {
    expect(
      await refused((answer) => signed(samlResponse(answer), own.privateKey).replace('>una<', '>admin<')),
    ).toContain('Invalid signature');
  });

  /** Signature wrapping: the signed assertion is there, and another that is to be read in its place. */
  it.each<[string, (genuine: string, forged: string) => string]>([
    [
      'before the signed one',
      (genuine, forged) => genuine.replace('<saml:Assertion', `${assertionOf(forged)}<saml:Assertion`),
    ],
    [
      'after the signed one',
      (genuine, forged) => genuine.replace('</samlp:Response>', `${assertionOf(forged)}</samlp:Response>`),
    ],
    [
      'with the same ID',
      (genuine, forged) => genuine.replace('</samlp:Status>', `</samlp:Status>${assertionOf(forged)}`),
    ],
    [
      'with the signed one hidden in it',
      (genuine, forged) =>
        forged.replace(
          '</saml:Assertion>',
          `<saml:Advice>${assertionOf(genuine)}</saml:Advice></saml:Assertion>`,
        ),
    ],
    [
      'with the signature, which holds the signed one',
      (genuine, forged) => {
        const signature = signatureOf(genuine);
        const bare = assertionOf(genuine).replace(signature, '');
        const holding = signature.replace('</Signature>', `<Object>${bare}</Object></Signature>`);
        return forged
          .replace('ID="_assertion"', 'ID="_forged"')
          .replace('<saml:Subject>', `${holding}<saml:Subject>`);
      },
    ],
    [
      'with the signature, the signed one among the extensions',
      (genuine, forged) => {
        const signature = signatureOf(genuine);
        const bare = assertionOf(genuine).replace(signature, '');
        return forged
          .replace('ID="_assertion"', 'ID="_forged"')
          .replace('<saml:Subject>', `${signature}<saml:Subject>`)
          .replace('<samlp:Status>', `<samlp:Extensions>${bare}</samlp:Extensions><samlp:Status>`);
      },
    ],
  ])('is refused with a forged assertion %s', async (_where, wrap) => {
    await refused((answer) => wrap(signed(samlResponse(answer), own.privateKey), forge(answer)));
    await expect(
      fixture.cognito.adminGetUser({ UserPoolId: app.UserPoolId, Username: 'Directory_admin' }),
    ).rejects.toMatchObject({ name: 'UserNotFoundException' });
  });

  it('can not shorten a name by a comment', async () => {
    const { answer, relayState, checks } = await begin();
    const xml = signed(samlResponse({ ...answer, nameId: 'una.evil' }), own.privateKey);
    const end = await respond(xml.replace('>una.evil<', '>una<!-- -->.evil<'), relayState);
    const tokens = await oidc.authorizationCodeGrant(app.config, new URL(end.url), checks);
    expect(tokens.claims()?.['cognito:username']).toBe('Directory_una.evil');
  });

  it.each<[string, Partial<SamlAnswer>, RegExp]>([
    ['has expired', { notBefore: -900, notOnOrAfter: -600 }, /confirmation|expired/i],
    ['is not valid yet', { notBefore: 600, notOnOrAfter: 900 }, /not yet valid/i],
    ['is for another audience', { audience: 'urn:amazon:cognito:sp:us-east-1_other' }, /audience/i],
    ['is for another address', { recipient: 'https://elsewhere.example.com/acs' }, /recipient/],
    ['answers another request', { inResponseTo: '_another' }, /InResponseTo/],
    ['is of another issuer', { issuer: 'https://other.example.com' }, /issuer/],
    ['names nobody', { nameId: '' }, /NameID/],
  ])('is refused when it %s', async (_what, changes, message) => {
    expect(
      await refused((answer) => signed(samlResponse({ ...answer, ...changes }), own.privateKey)),
    ).toMatch(message);
  });

  it('is refused when only the envelope, which nobody signed, says that it answers this request', async () => {
    const message = await refused((answer) =>
      signed(samlResponse({ ...answer, inResponseTo: '_another' }), own.privateKey).replace(
        'InResponseTo="_another"',
        `InResponseTo="${answer.inResponseTo}"`,
      ),
    );
    expect(message).not.toBe('');
  });

  it('is refused when it is no XML, too large or with a document type of its own', async () => {
    await refused(() => 'no XML');
    await refused(() => '');
    await refused(
      (answer) =>
        `<!DOCTYPE a [<!ENTITY b "admin">]>${signed(samlResponse(answer), own.privateKey).replace('>una<', '>&b;<')}`,
    );
    const { relayState } = await begin();
    expect((await respond('x'.repeat(300_000), relayState)).status).toBe(413);
  });
});

describe('the way back', () => {
  it('is closed without the relay state, for a second time, and after five minutes', async () => {
    const closed = async (xml: string, state: string) => {
      const page = await respond(xml, state);
      expect(page.status).toBe(400);
      expect(page.url).toContain('/saml2/idpresponse');
    };
    const { answer, relayState } = await begin();
    const xml = signed(samlResponse(answer), own.privateKey);
    await closed(xml, '');
    await closed(xml, 'made-up');
    expect(outcome((await respond(xml, relayState)).url)).toHaveProperty('code');
    await closed(xml, relayState);
    // An assertion that was seen answers no other sign-in.
    const second = await begin();
    expect(outcome((await respond(xml, second.relayState)).url)).not.toHaveProperty('code');
    const third = await begin();
    fixture.advance(5 * 60_000);
    await closed(signed(samlResponse(third.answer), own.privateKey), third.relayState);
  });
});
