/**
 * Sign-in at an OpenID Connect provider (developer guide, "Using OIDC identity providers with a user pool"). Cognito proves itself
 * with its secret in the body (client_secret_post). The provider is called on loopback only, as everything here.
 */
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { localUrl } from '../../../endpoint/aws-addresses.ts';
import type { Cloud } from '../../../platform.ts';
import { callLoopback, type LoopbackRequest } from '../../event-bridge/loopback-call.ts';
import type { ProviderRecord } from './providers.ts';

interface Endpoints {
  issuer: string;
  authorize: string;
  token: string;
  attributes: string;
  keys: string;
}

/** Symmetric ones are not among them: whoever knows the client's secret is not the provider. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
/** Clocks may differ by so much, in seconds. */
const clockTolerance = 60;
const maxAnswer = 1_000_000;

const detail = ({ details }: ProviderRecord, name: string): string => details[name] ?? '';

/** Where the browser goes to sign in. Throws an Error that says why it can't. */
export async function signInUrl(
  cloud: Cloud,
  provider: ProviderRecord,
  request: { redirectUri: string; state: string; nonce: string },
): Promise<string> {
  const { authorize } = await endpointsOf(cloud, provider);
  const url = new URL(localUrl(cloud, authorize));
  const parameters = {
    client_id: detail(provider, 'client_id'),
    redirect_uri: request.redirectUri,
    response_type: 'code',
    scope: detail(provider, 'authorize_scopes'),
    state: request.state,
    nonce: request.nonce,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** What the provider says of whoever signed in; the ID token is checked. Throws an Error that says what is wrong. */
export async function claimsOf(
  cloud: Cloud,
  provider: ProviderRecord,
  { code, redirectUri, nonce }: { code: string; redirectUri: string; nonce: string },
): Promise<JWTPayload & { sub: string }> {
  const endpoints = await endpointsOf(cloud, provider);
  const secret = detail(provider, 'client_secret');
  const tokens = await call(cloud, endpoints.token, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: detail(provider, 'client_id'),
      ...(secret && { client_secret: secret }),
      code,
      redirect_uri: redirectUri,
    }).toString(),
  });
  const idClaims = await verified(cloud, provider, endpoints, String(tokens['id_token']), nonce);
  const method = detail(provider, 'attributes_request_method');
  const info = await call(cloud, endpoints.attributes, {
    method,
    headers: { authorization: `Bearer ${String(tokens['access_token'])}`, accept: 'application/json' },
  });
  // An answer about somebody else must not be taken (OpenID Connect Core, section 5.3.2).
  if (info['sub'] !== idClaims.sub) throw new Error('the userInfo endpoint tells of another user');
  return { ...info, ...idClaims };
}

async function verified(
  cloud: Cloud,
  provider: ProviderRecord,
  { issuer, keys }: Endpoints,
  token: string,
  nonce: string,
): Promise<JWTPayload & { sub: string }> {
  const { createLocalJWKSet, jwtVerify } = await import('jose');
  const keySet = (await call(cloud, keys, { method: 'GET', headers: {} })) as unknown as JSONWebKeySet;
  const audience = detail(provider, 'client_id');
  const { payload } = await jwtVerify(token, createLocalJWKSet(keySet), {
    issuer,
    audience,
    algorithms,
    clockTolerance,
    currentDate: new Date(cloud.clock.now()),
    requiredClaims: ['sub', 'exp', 'iat'],
  });
  if (payload['nonce'] !== nonce) throw new Error('the ID token answers another sign-in (nonce)');
  if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload['azp'] !== audience) {
    throw new Error('the ID token is for another party (azp)');
  }
  return { ...payload, sub: String(payload.sub) };
}

/** Those given, else those that the issuer publishes. */
async function endpointsOf(cloud: Cloud, provider: ProviderRecord): Promise<Endpoints> {
  const issuer = localUrl(cloud, detail(provider, 'oidc_issuer')).replace(/\/$/, '');
  const given = {
    authorize: detail(provider, 'authorize_url'),
    token: detail(provider, 'token_url'),
    attributes: detail(provider, 'attributes_url'),
    keys: detail(provider, 'jwks_uri'),
  };
  if (Object.values(given).every(Boolean)) return { issuer: detail(provider, 'oidc_issuer'), ...given };
  const found = await call(cloud, `${issuer}/.well-known/openid-configuration`, {
    method: 'GET',
    headers: { accept: 'application/json' },
  });
  const published = String(found['issuer']);
  if (localUrl(cloud, published).replace(/\/$/, '') !== issuer) {
    throw new Error(`the configuration at ${issuer} is of another issuer`);
  }
  return {
    issuer: published,
    authorize: given.authorize || String(found['authorization_endpoint']),
    token: given.token || String(found['token_endpoint']),
    attributes: given.attributes || String(found['userinfo_endpoint']),
    keys: given.keys || String(found['jwks_uri']),
  };
}

async function call(
  cloud: Cloud,
  address: string,
  request: LoopbackRequest,
): Promise<Record<string, unknown>> {
  if (!URL.canParse(address)) throw new Error(`the provider has no address for this step (${address})`);
  const { status, text } = await callLoopback(cloud, new URL(address), request);
  if (status !== 200) throw new Error(`${new URL(address).pathname} answered with status ${status}`);
  if (text.length > maxAnswer) throw new Error(`${new URL(address).pathname} answered with too much`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('the answer is no JSON object');
  return value as Record<string, unknown>;
}
