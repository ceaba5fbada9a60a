/** The end of a sign-in: a session in this browser, and a code or tokens for the app. */
import type { Parts } from '../parts.ts';
import type { UserRecord } from '../users.ts';
import { type AppRequest, toApp } from './app-request.ts';
import type { Codes } from './codes.ts';
import type { Browsers } from './cookies.ts';
import type { Exchange, Reply } from './exchange.ts';

/** For a user who has just signed in. */
export function signedIn(
  parts: Parts,
  codes: Codes,
  browsers: Browsers,
  exchange: Exchange,
  request: AppRequest,
  user: UserRecord,
): Promise<Reply> {
  const { cookie, session } = browsers.begin(exchange, user.sub);
  return granted(parts, codes, exchange, request, user, session.signedIn, [cookie]);
}

/** For a user who signed in at `at`, milliseconds. */
export async function granted(
  parts: Parts,
  codes: Codes,
  { pool }: Exchange,
  request: AppRequest,
  user: UserRecord,
  at: number,
  cookies: readonly string[] = [],
): Promise<Reply> {
  if (request.responseType === 'code') {
    return toApp(
      request,
      { code: codes.issue({ pool: pool.id, sub: user.sub, signedIn: at, request }) },
      cookies,
    );
  }
  const { scopes, nonce } = request;
  const issued = await parts.tokens.issue(pool, parts.clients.in(pool.id, request.client), user, undefined, {
    scopes,
    nonce,
    authTime: Math.floor(at / 1000),
  });
  return toApp(
    request,
    {
      ...(issued.IdToken !== undefined && { id_token: issued.IdToken }),
      access_token: issued.AccessToken ?? '',
      token_type: 'Bearer',
      expires_in: String(issued.ExpiresIn),
    },
    cookies,
  );
}
