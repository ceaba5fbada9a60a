/** Who an access token is of (developer guide, "The userInfo endpoint"). */
import { AwsError } from '../../../platform.ts';
import type { Parts } from '../parts.ts';
import { readableAttributes } from '../schema.ts';
import { inScopes } from '../tokens.ts';
import { userAttributes } from '../users.ts';
import { type Handler, json } from './exchange.ts';

export const userInfoEndpoint =
  (parts: Parts): Handler =>
  async ({ pool, request }) => {
    const refused = (description: string, code = 'invalid_token', status = 401) =>
      json(
        status,
        { error: code, error_description: description },
        { 'www-authenticate': `Bearer error="${code}", error_description="${description}"` },
      );
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      return refused('The Authorization header must hold a bearer token', 'invalid_request', 400);
    }
    try {
      const access = await parts.tokens.verifyAccess(token, 'openid');
      const { claims } = access;
      const user = parts.users(pool).findSub(claims.sub);
      const client = parts.clients.find(pool.id, claims.client_id);
      if (access.pool.id !== pool.id || !user?.enabled || !client)
        return refused('Access Token is not valid');
      if (parts.tokens.signedOut(user, access.issued)) return refused('Access Token has been revoked');
      const shown = readableAttributes(pool.schema, client.settings.ReadAttributes, userAttributes(user));
      // Text all of it, `email_verified` too, as Cognito answers here.
      return json(200, { ...inScopes(claims.scope.split(' '), shown), username: user.username });
    } catch (error) {
      if (error instanceof AwsError) return refused(error.message);
      throw error;
    }
  };
