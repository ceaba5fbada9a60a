/** Calls back a refresh token and the access tokens that came of it (developer guide, "The token revocation endpoint"). */
import { AwsError } from '../../../platform.ts';
import type { Parts } from '../parts.ts';
import { clientOf } from './client-proof.ts';
import { type Handler, OAuthError } from './exchange.ts';

export const revokeEndpoint =
  (parts: Parts): Handler =>
  (exchange) => {
    const client = clientOf(parts, exchange, 401);
    const token = exchange.form.get('token');
    if (!token || client.settings.EnableTokenRevocation === false) throw new OAuthError('invalid_request');
    if (token.split('.').length === 3) throw new OAuthError('unsupported_token_type');
    try {
      parts.tokens.revoke(parts.tokens.refresh(token, client));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      // What is revoked or expired already is as it should be; another client's token is not this one's to revoke.
      if (error.message === 'Invalid Refresh Token') throw new OAuthError('invalid_request');
    }
    return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
  };
