/** A pool's keys and OpenID configuration, for whoever verifies tokens, pages included; and the outbox, for programs only. */
import type { ServerResponse } from 'node:http';
import { poolPrefix } from '../../endpoint/aws-addresses.ts';
import { AwsError, type Route } from '../../platform.ts';
import { domainsOf } from './domains.ts';
import { domainUrl } from './hosted/exchange.ts';
import type { Parts } from './parts.ts';
import type { PoolRecord } from './pools.ts';

const open = { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET' };

export const routes = (parts: Parts): Route[] => [
  {
    prefix: poolPrefix,
    async handle(request, response, url) {
      if (request.method === 'OPTIONS') {
        const headers = request.headers['access-control-request-headers'];
        response
          .writeHead(204, { ...open, ...(headers && { 'access-control-allow-headers': headers }) })
          .end();
        return;
      }
      const [id = '', ...rest] = url.pathname.slice(poolPrefix.length).split('/');
      const path = rest.join('/');
      const pool = parts.pools.find(id);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        json(response, 405, { message: 'Method not allowed' }, open);
      } else if (pool && path === '.well-known/jwks.json') {
        const { jwk } = await parts.keys.of(pool.id);
        json(response, 200, { keys: [jwk] }, { ...open, 'cache-control': 'public, max-age=86400' });
      } else if (pool && path === '.well-known/openid-configuration') {
        json(response, 200, configuration(parts, pool), {
          ...open,
          'cache-control': 'public, max-age=86400',
        });
      } else {
        const error = pool
          ? new AwsError('ResourceNotFoundException', `Nothing is served at ${url.pathname}.`)
          : new AwsError('ResourceNotFoundException', `User pool ${id} does not exist.`);
        json(response, 404, { message: error.message }, open);
      }
    },
  },
  {
    prefix: '/_aws/outbox',
    handle(request, response) {
      // Pages name their origin; what is in the mails is not for them.
      if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) {
        json(response, 403, { message: 'The outbox is not for web pages.' });
      } else if (request.method !== 'GET') json(response, 405, { message: 'Method not allowed' });
      else json(response, 200, { mails: parts.outbox.all() });
    },
  },
];

/** As Cognito publishes it: with the domain's endpoints once the pool has a domain. */
function configuration(parts: Parts, pool: PoolRecord): object {
  const issuer = parts.pools.issuer(pool.id);
  const [domain] = domainsOf(parts.cloud, pool.id);
  const at = (path: string) => domain && domainUrl(parts.cloud, domain, path);
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'token'],
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    ...(domain && {
      authorization_endpoint: at('oauth2/authorize'),
      token_endpoint: at('oauth2/token'),
      userinfo_endpoint: at('oauth2/userInfo'),
      revocation_endpoint: at('oauth2/revoke'),
      end_session_endpoint: at('logout'),
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    }),
  };
}

function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
