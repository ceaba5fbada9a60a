/** A pool's keys and OpenID configuration, for whoever verifies tokens, pages included; and the outbox, for programs only. */
import type { ServerResponse } from 'node:http';
import { poolPrefix } from '../../endpoint/aws-addresses.ts';
import { AwsError, type Route } from '../../platform.ts';
import type { Parts } from './parts.ts';

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
        const issuer = parts.pools.issuer(pool.id);
        json(
          response,
          200,
          {
            issuer,
            jwks_uri: `${issuer}/.well-known/jwks.json`,
            id_token_signing_alg_values_supported: ['RS256'],
            response_types_supported: ['code', 'token'],
            scopes_supported: ['openid', 'email', 'phone', 'profile'],
            subject_types_supported: ['public'],
          },
          { ...open, 'cache-control': 'public, max-age=86400' },
        );
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

function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
