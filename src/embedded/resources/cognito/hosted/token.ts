/** The token endpoint of a user pool's domain (developer guide, "The token issuer endpoint"). */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AuthenticationResultType } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError } from '../../../platform.ts';
import type { ClientRecord } from '../clients.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { scopesOf } from '../resource-servers.ts';
import { clientOf } from './client-proof.ts';
import type { Codes } from './codes.ts';
import { type Handler, json, OAuthError } from './exchange.ts';

export const tokenEndpoint =
  (parts: Parts, codes: Codes): Handler =>
  async (exchange) => {
    const { pool, form } = exchange;
    const client = clientOf(parts, exchange);
    switch (form.get('grant_type')) {
      case 'authorization_code':
        return json(200, await exchanged(parts, codes, pool, client, form));
      case 'client_credentials':
        return json(200, await ownToken(parts, pool, client, form.get('scope')));
      case 'refresh_token':
        return json(200, await refreshed(parts, pool, client, form.get('refresh_token')));
      case null:
        throw new OAuthError('invalid_request');
      default:
        throw new OAuthError('unsupported_grant_type');
    }
  };

async function exchanged(
  parts: Parts,
  codes: Codes,
  pool: PoolRecord,
  client: ClientRecord,
  form: URLSearchParams,
): Promise<object> {
  const [code, redirectUri] = [form.get('code'), form.get('redirect_uri')];
  if (!code || !redirectUri) throw new OAuthError('invalid_request');
  if (!client.settings.AllowedOAuthFlows?.includes('code')) throw new OAuthError('unauthorized_client');
  const content = codes.redeem(code);
  const request = content?.request;
  if (
    !content ||
    content.pool !== pool.id ||
    request?.client !== client.id ||
    request.redirectUri !== redirectUri ||
    !proven(request.challenge, form.get('code_verifier'))
  ) {
    throw new OAuthError('invalid_grant');
  }
  const user = parts.users(pool).findSub(content.sub);
  if (!user?.enabled || parts.tokens.signedOut(user, content.signedIn)) {
    throw new OAuthError('invalid_grant');
  }
  const { scopes, nonce } = request;
  const grant = { scopes, nonce, authTime: Math.floor(content.signedIn / 1000) };
  const issued = await parts.tokens.issue(pool, client, user, undefined, grant);
  return { ...tokensOf(issued), refresh_token: issued.RefreshToken };
}

/** RFC 7636, section 4.6. A verifier without a challenge says that somebody took the challenge out of the request. */
function proven(challenge: string | undefined, verifier: string | null): boolean {
  if (challenge === undefined || verifier === null) return challenge === undefined && verifier === null;
  const hash = Buffer.from(createHash('sha256').update(verifier).digest('base64url'));
  const expected = Buffer.from(challenge);
  return hash.length === expected.length && timingSafeEqual(hash, expected);
}

const tokensOf = ({ IdToken, AccessToken, ExpiresIn }: AuthenticationResultType) => ({
  ...(IdToken !== undefined && { id_token: IdToken }),
  access_token: AccessToken,
  expires_in: ExpiresIn,
  token_type: 'Bearer',
});

async function ownToken(
  parts: Parts,
  pool: PoolRecord,
  client: ClientRecord,
  scope: string | null,
): Promise<object> {
  if (client.secret === undefined || !client.settings.AllowedOAuthFlows?.includes('client_credentials')) {
    throw new OAuthError('unauthorized_client');
  }
  const scopes = grantedScopes(parts, pool, client, scope);
  const { token, expiresIn } = await parts.tokens.issueToClient(pool, client, scopes);
  return { access_token: token, expires_in: expiresIn, token_type: 'Bearer' };
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
  token: string | null,
): Promise<object> {
  if (!token) throw new OAuthError('invalid_request');
  try {
    const content = parts.tokens.refresh(token, client);
    const user = parts.users(pool).findSub(content.sub);
    if (!user?.enabled || parts.tokens.signedOut(user, content.issued)) throw new OAuthError('invalid_grant');
    return tokensOf(await parts.tokens.issue(pool, client, user, content));
  } catch (error) {
    if (error instanceof AwsError) throw new OAuthError('invalid_grant');
    throw error;
  }
}
