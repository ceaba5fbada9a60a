/** Where an app sends its users (developer guide, "The redirect and authorization endpoint"): to a session, a provider or the sign-in page. */
import type { ClientRecord } from '../clients.ts';
import { providerById } from '../federation/providers.ts';
import type { Parts } from '../parts.ts';
import type { UserRecord } from '../users.ts';
import { AppError, readAppRequest } from './app-request.ts';
import type { Codes } from './codes.ts';
import type { Browsers } from './cookies.ts';
import { type Handler, PageError, redirect } from './exchange.ts';
import type { Federation } from './federation.ts';
import { granted } from './finish.ts';
import { providersOf } from './login.ts';

export const authorizeEndpoint =
  (parts: Parts, codes: Codes, browsers: Browsers, federation: Federation): Handler =>
  async (exchange) => {
    const { pool, query } = exchange;
    const { client, request } = readAppRequest(parts, pool, query);
    const prompt = query.get('prompt');
    const session = prompt === 'login' ? undefined : browsers.session(exchange);
    const user = session && parts.users(pool).findSub(session.sub);
    // Whoever was disabled or signed out everywhere is signed out here too.
    if (session && user?.enabled && !parts.tokens.signedOut(user, session.signedIn) && admits(client, user)) {
      return granted(parts, codes, exchange, request, user, session.signedIn);
    }
    if (prompt === 'none') throw new AppError(request, 'login_required', 'nobody is signed in');

    const identifier = query.get('idp_identifier');
    const named =
      identifier === null
        ? query.get('identity_provider')
        : (providerById(parts.cloud, pool.id, identifier)?.name ?? '');
    if (named === null || named === 'COGNITO') return redirect(`../login?${query}`);
    if (!providersOf(parts, client).includes(named)) {
      throw new PageError('invalid_request: the app client has no such identity provider.');
    }
    return federation.begin(exchange, named, request);
  };

/** Does the client take users from where this one comes? A session that began at another app must not widen that. */
function admits({ settings }: ClientRecord, user: UserRecord): boolean {
  const [identity] = JSON.parse(user.attributes['identities'] ?? '[]') as { providerName: string }[];
  return settings.SupportedIdentityProviders?.includes(identity?.providerName ?? 'COGNITO') === true;
}
