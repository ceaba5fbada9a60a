/** What an app asks of hosted sign-in (developer guide, "The redirect and authorization endpoint"). */
import type { ClientRecord } from '../clients.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { PageError, type Reply, redirect } from './exchange.ts';

/** A request that was checked: it may travel in sealed form and be taken up again. */
export interface AppRequest {
  client: string;
  redirectUri: string;
  responseType: 'code' | 'token';
  scopes: readonly string[];
  state?: string | undefined;
  nonce?: string | undefined;
  /** PKCE's S256 challenge (RFC 7636). */
  challenge?: string | undefined;
}

/** An error that the app learns: the browser goes back to it. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly request: Pick<AppRequest, 'redirectUri' | 'responseType' | 'state'>;
  readonly code: string;

  constructor(request: AppError['request'], code: string, description: string) {
    super(description);
    this.request = request;
    this.code = code;
  }
}

/** The client and what it asks for. Throws PageError where the app is not known or not to be trusted, else AppError. */
export function readAppRequest(
  parts: Parts,
  pool: PoolRecord,
  query: URLSearchParams,
): { client: ClientRecord; request: AppRequest } {
  const client = parts.clients.find(pool.id, query.get('client_id') ?? '');
  if (!client) throw new PageError('invalid_request: there is no such app client (client_id).');
  const { settings } = client;
  const redirectUri = query.get('redirect_uri') ?? settings.DefaultRedirectURI;
  if (redirectUri === undefined) throw new PageError('invalid_request: redirect_uri is missing.');
  if (!settings.CallbackURLs?.includes(redirectUri)) {
    throw new PageError("redirect_mismatch: redirect_uri is none of the app client's callback URLs.");
  }
  const responseType = query.get('response_type');
  const asked = {
    redirectUri,
    responseType: responseType === 'token' ? ('token' as const) : ('code' as const),
    state: query.get('state') ?? undefined,
  };
  const refuse = (code: string, description: string) => new AppError(asked, code, description);
  if (responseType !== 'code' && responseType !== 'token') {
    throw refuse('invalid_request', 'response_type must be code or token');
  }
  const flow = responseType === 'code' ? 'code' : 'implicit';
  if (!settings.AllowedOAuthFlowsUserPoolClient || !settings.AllowedOAuthFlows?.includes(flow)) {
    throw refuse('unauthorized_client', `the app client is not allowed the ${flow} grant`);
  }
  const allowed = settings.AllowedOAuthScopes ?? [];
  const scopes = [...new Set((query.get('scope') ?? '').split(' ').filter(Boolean))];
  if (scopes.some((scope) => !allowed.includes(scope))) {
    throw refuse('invalid_scope', 'a scope is not allowed to the app client');
  }
  const challenge = query.get('code_challenge') ?? undefined;
  const method = query.get('code_challenge_method') ?? undefined;
  if (challenge !== undefined || method !== undefined) {
    if (method !== 'S256') throw refuse('invalid_request', 'code_challenge_method must be S256');
    if (!/^[\w-]{43}$/.test(challenge ?? '')) {
      throw refuse('invalid_request', 'code_challenge must be 43 characters of base64url');
    }
  }
  return {
    client,
    request: {
      ...asked,
      client: client.id,
      // Cognito gives all that the client may have when it asks for none.
      scopes: scopes.length > 0 ? scopes : allowed,
      nonce: query.get('nonce') ?? undefined,
      challenge,
    },
  };
}

/** Back to the app: parameters in the query, or in the fragment for the implicit grant (RFC 6749, 4.1.2 and 4.2.2). */
export function toApp(
  { redirectUri, responseType, state }: AppError['request'],
  answer: Readonly<Record<string, string>>,
  cookies: readonly string[] = [],
): Reply {
  const parameters = new URLSearchParams({ ...answer, ...(state !== undefined && { state }) });
  const separator = responseType === 'token' ? '#' : redirectUri.includes('?') ? '&' : '?';
  return redirect(`${redirectUri}${separator}${parameters}`, cookies);
}

export const errorToApp = ({ request, code, message }: AppError): Reply =>
  toApp(request, { error: code, error_description: message });
