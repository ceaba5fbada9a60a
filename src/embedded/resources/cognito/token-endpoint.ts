/**
 * The token endpoint of a user pool's domain, as far as programs need it: client credentials and refresh tokens
 * (developer guide, "The token issuer endpoint"). The code grant needs hosted sign-in, which is not here.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { domainPrefix } from '../../endpoint/aws-addresses.ts';
import type { Route } from '../../platform.ts';
import { AwsError } from '../../platform.ts';
import type { ClientRecord } from './clients.ts';
import { domains } from './domains.ts';
import type { Parts } from './parts.ts';
import type { PoolRecord } from './pools.ts';
import { scopesOf } from './resource-servers.ts';

const maxBody = 64 * 1024;

/** An error in OAuth's words (RFC 6749, section 5.2). */
class OAuthError extends Error {
  override readonly name = 'OAuthError';
}

/** Serves `/_aws/cognito-domain/<domain>/oauth2/token`. */
export const tokenEndpoint = (parts: Parts): Route => ({
  prefix: domainPrefix,
  async handle(request, response, url) {
    const [domain = '', ...rest] = url.pathname.slice(domainPrefix.length).split('/');
    const record = domains(parts.cloud).get(domain);
    const pool = record && parts.pools.find(record.poolId);
    if (!pool || rest.join('/') !== 'oauth2/token') {
      json(response, 404, {
        error: pool
          ? `nothing is served at ${url.pathname}: of a domain the embedded cloud has oauth2/token alone`
          : `there is no user pool domain ${domain}`,
      });
      return;
    }
    if (request.method !== 'POST') {
      json(response, 405, { error: 'invalid_request' });
      return;
    }
    try {
      const form = new URLSearchParams(await bodyOf(request));
      json(response, 200, await tokens(parts, pool, request, form));
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      json(response, 400, { error: error.message });
    }
  },
});

async function tokens(
  parts: Parts,
  pool: PoolRecord,
  request: IncomingMessage,
  form: URLSearchParams,
): Promise<object> {
  const client = clientOf(parts, pool, request, form);
  switch (form.get('grant_type')) {
    case 'client_credentials': {
      if (client.secret === undefined || !client.settings.AllowedOAuthFlows?.includes('client_credentials'))
        throw new OAuthError('unauthorized_client');
      const { token, expiresIn } = await parts.tokens.issueToClient(
        pool,
        client,
        grantedScopes(parts, pool, client, form.get('scope')),
      );
      return { access_token: token, expires_in: expiresIn, token_type: 'Bearer' };
    }
    case 'refresh_token':
      return refreshed(parts, pool, client, form.get('refresh_token') ?? '');
    default:
      throw new OAuthError('unsupported_grant_type');
  }
}

/** The client that the request proves to come from: by Basic authorization, or by parameters. */
function clientOf(
  parts: Parts,
  pool: PoolRecord,
  request: IncomingMessage,
  form: URLSearchParams,
): ClientRecord {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const [basicId, ...basicSecret] = basic ? Buffer.from(basic, 'base64').toString().split(':') : [];
  const id = basicId ?? form.get('client_id') ?? '';
  const secret = basic ? basicSecret.join(':') : (form.get('client_secret') ?? undefined);
  const client = parts.clients.find(pool.id, id);
  if (!client || !sameSecret(client.secret, secret)) throw new OAuthError('invalid_client');
  return client;
}

function sameSecret(expected: string | undefined, given: string | undefined): boolean {
  if (expected === undefined || given === undefined) return expected === given;
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Those asked for, which must be allowed to the client; none asked for means all of the resource servers'. */
function grantedScopes(
  parts: Parts,
  pool: PoolRecord,
  client: ClientRecord,
  asked: string | null,
): readonly string[] {
  const known = scopesOf(parts.cloud, pool.id);
  const allowed = (client.settings.AllowedOAuthScopes ?? []).filter((scope) => known.has(scope));
  const wanted = asked?.split(' ').filter(Boolean) ?? [];
  if (wanted.length === 0) return allowed;
  if (wanted.some((scope) => !allowed.includes(scope))) throw new OAuthError('invalid_scope');
  return wanted;
}

async function refreshed(
  parts: Parts,
  pool: PoolRecord,
  client: ClientRecord,
  token: string,
): Promise<object> {
  try {
    const content = parts.tokens.refresh(token, client);
    const user = parts.users(pool).findSub(content.sub);
    if (!user?.enabled || parts.tokens.signedOut(user, content.issued)) throw new OAuthError('invalid_grant');
    const issued = await parts.tokens.issue(pool, client, user, content);
    return {
      id_token: issued.IdToken,
      access_token: issued.AccessToken,
      expires_in: issued.ExpiresIn,
      token_type: 'Bearer',
    };
  } catch (error) {
    if (error instanceof AwsError) throw new OAuthError('invalid_grant');
    throw error;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw new OAuthError('invalid_request');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json;charset=UTF-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}
