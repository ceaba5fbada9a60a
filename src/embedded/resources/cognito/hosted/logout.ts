/** Signs this browser out (developer guide, "The managed login sign-out endpoint"), then goes to the app or to sign in again. */
import type { Parts } from '../parts.ts';
import type { Browsers } from './cookies.ts';
import { type Handler, PageError, redirect } from './exchange.ts';

export const logoutEndpoint =
  (parts: Parts, browsers: Browsers): Handler =>
  (exchange) => {
    const { pool, query } = exchange;
    const client = parts.clients.find(pool.id, query.get('client_id') ?? '');
    if (!client) throw new PageError('invalid_request: there is no such app client (client_id).');
    const [logoutUri, redirectUri] = [query.get('logout_uri'), query.get('redirect_uri')];
    if (logoutUri !== null) {
      if (!client.settings.LogoutURLs?.includes(logoutUri)) {
        throw new PageError("redirect_mismatch: logout_uri is none of the app client's sign-out URLs.");
      }
      return redirect(logoutUri, [browsers.end(exchange)]);
    }
    if (redirectUri === null || !client.settings.CallbackURLs?.includes(redirectUri)) {
      throw new PageError("redirect_mismatch: redirect_uri is none of the app client's callback URLs.");
    }
    return redirect(`login?${query}`, [browsers.end(exchange)]);
  };
