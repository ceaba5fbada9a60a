/** Sign-in by the pool's own users (developer guide, "The managed login sign-in endpoint"): the page, and what is posted to it. */
import { AwsError } from '../../../platform.ts';
import type { ClientRecord } from '../clients.ts';
import { providers } from '../federation/providers.ts';
import { associateInSession, verifyInSession } from '../mfa.ts';
import type { Parts } from '../parts.ts';
import type { Sessions } from '../sessions.ts';
import type { SignIn, Step } from '../sign-in.ts';
import { readAppRequest } from './app-request.ts';
import type { Codes } from './codes.ts';
import type { Browsers } from './cookies.ts';
import { type Exchange, type Handler, PageError, type Reply } from './exchange.ts';
import { signedIn } from './finish.ts';
import { type FormFrame, newPasswordPage, signInPage, totpPage, totpSetupPage } from './pages.ts';

interface Tools {
  parts: Parts;
  sessions: Sessions;
  signIn: SignIn;
  codes: Codes;
  browsers: Browsers;
}

/** Those of the client that exist, by the names that `identity_provider` takes. */
export const providersOf = (parts: Parts, client: ClientRecord): string[] =>
  (client.settings.SupportedIdentityProviders ?? []).filter(
    (name) => name !== 'COGNITO' && providers(parts.cloud, client.poolId).has(name),
  );

const hasPasswords = (client: ClientRecord): boolean =>
  client.settings.SupportedIdentityProviders?.includes('COGNITO') === true;

export const loginPage =
  ({ parts, browsers }: Tools): Handler =>
  (exchange) => {
    const { client, request } = readAppRequest(parts, exchange.pool, exchange.query);
    const frame = frameOf(browsers, exchange, request.redirectUri);
    return passwordPage(parts, exchange, client, frame, exchange.query.get('login_hint') ?? '');
  };

export const loginForm = (tools: Tools): Handler => {
  const { parts, browsers, codes } = tools;
  return async (exchange) => {
    const { client, request } = readAppRequest(parts, exchange.pool, exchange.query);
    browsers.checkForm(exchange);
    if (!hasPasswords(client)) throw new PageError('The app client does not take passwords.');
    const { form } = exchange;
    const frame = frameOf(browsers, exchange, request.redirectUri);
    const username = form.get('username') ?? '';
    try {
      const step = await advance(tools, exchange, client, username);
      if (step.user) return await signedIn(parts, codes, browsers, exchange, request, step.user);
      return challengePage(tools, frame, step, username);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return again(tools, exchange, client, { ...frame, problem: error.message }, error);
    }
  };
};

function frameOf(browsers: Browsers, exchange: Exchange, redirectUri: string): FormFrame {
  const { secret, cookies } = browsers.formSecret(exchange);
  return { action: `login?${exchange.query}`, secret, cookies, redirectUri, problem: undefined };
}

/** What the posted form answers: the password, or the challenge that came after it. */
async function advance(
  { parts, sessions, signIn }: Tools,
  { pool, form }: Exchange,
  client: ClientRecord,
  username: string,
): Promise<Step> {
  const [challenge, session] = [form.get('challenge'), form.get('session') ?? ''];
  const code = (form.get('code') ?? '').replace(/\s/g, '');
  switch (challenge) {
    case null:
      return signIn.password(pool, client, username.trim(), form.get('password') ?? '');
    case 'NEW_PASSWORD_REQUIRED': {
      const password = form.get('password') ?? '';
      if (password !== form.get('repeated')) {
        throw new AwsError('InvalidPasswordException', 'The two passwords are not the same.');
      }
      const attributes = [...form].filter(([name]) => name.startsWith('userAttributes.'));
      const responses = { ...Object.fromEntries(attributes), NEW_PASSWORD: password };
      return signIn.next(pool, client, challenge, session, responses);
    }
    case 'MFA_SETUP':
      return signIn.next(pool, client, challenge, verifyInSession(parts, sessions, session, code), {});
    case 'SOFTWARE_TOKEN_MFA':
      return signIn.next(pool, client, challenge, session, { SOFTWARE_TOKEN_MFA_CODE: code });
    default:
      throw new PageError('There is no such step of a sign-in.');
  }
}

function challengePage(
  { parts, sessions }: Tools,
  frame: FormFrame,
  { challenge }: Extract<Step, { user?: undefined }>,
  username: string,
): Reply {
  const { ChallengeName: name, Session: session = '', ChallengeParameters: parameters = {} } = challenge;
  const carried = { ...frame, challenge: name ?? '', session, username };
  switch (name) {
    case 'NEW_PASSWORD_REQUIRED': {
      const attributes = JSON.parse(parameters['requiredAttributes'] ?? '[]') as string[];
      return newPasswordPage(
        carried,
        attributes.map((each) => each.replace(/^userAttributes\./, '')),
      );
    }
    case 'SOFTWARE_TOKEN_MFA':
      return totpPage(carried);
    case 'MFA_SETUP': {
      const associated = associateInSession(parts, sessions, session);
      return setupPage({ ...carried, session: associated.session }, associated.secret);
    }
    default:
      throw new PageError(`The sign-in pages have no step ${name}.`);
  }
}

/** Shows the step again that went wrong; a session that is over begins from the start. */
function again(
  { parts, sessions }: Tools,
  exchange: Exchange,
  client: ClientRecord,
  frame: FormFrame,
  error: AwsError,
): Reply {
  const { form } = exchange;
  const carried = {
    ...frame,
    challenge: form.get('challenge') ?? '',
    session: form.get('session') ?? '',
    username: form.get('username') ?? '',
  };
  const over = error.code === 'NotAuthorizedException';
  if (carried.challenge === 'NEW_PASSWORD_REQUIRED' && !over) {
    const attributes = [...form.keys()].filter((name) => name.startsWith('userAttributes.'));
    return newPasswordPage(
      carried,
      attributes.map((name) => name.slice('userAttributes.'.length)),
    );
  }
  if (carried.challenge === 'SOFTWARE_TOKEN_MFA' && !over) return totpPage(carried);
  if (carried.challenge === 'MFA_SETUP' && !over) {
    const { totp } = sessions.open(client, 'MFA_SETUP', carried.session);
    return setupPage(carried, totp?.secret ?? '');
  }
  return passwordPage(parts, exchange, client, frame, carried.username);
}

function setupPage(carried: Parameters<typeof totpSetupPage>[0], secret: string): Reply {
  const label = encodeURIComponent(carried.username);
  return totpSetupPage(carried, secret, `otpauth://totp/${label}?secret=${secret}`);
}

function passwordPage(
  parts: Parts,
  { query }: Exchange,
  client: ClientRecord,
  frame: FormFrame,
  username: string,
): Reply {
  return signInPage(frame, {
    passwords: hasPasswords(client),
    username,
    providers: providersOf(parts, client).map((name) => {
      const parameters = new URLSearchParams(query);
      parameters.set('identity_provider', name);
      return { name, address: `oauth2/authorize?${parameters}` };
    }),
  });
}
