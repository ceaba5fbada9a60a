/** The pages and endpoints of user pools' domains (developer guide, "User pool endpoints and managed login reference"). */
import type { ServerResponse } from 'node:http';
import { domainPrefix } from '../../../endpoint/aws-addresses.ts';
import { isLoopback } from '../../../endpoint/server.ts';
import { AwsError, type Route } from '../../../platform.ts';
import { domains } from '../domains.ts';
import type { Parts } from '../parts.ts';
import type { Sessions } from '../sessions.ts';
import type { SignIn } from '../sign-in.ts';
import { AppError, errorToApp } from './app-request.ts';
import { authorizeEndpoint } from './authorize.ts';
import { Codes } from './codes.ts';
import { Browsers } from './cookies.ts';
import {
  domainUrl,
  type Exchange,
  formOf,
  type Handler,
  json,
  OAuthError,
  PageError,
  type Reply,
  redirect,
} from './exchange.ts';
import { Federation } from './federation.ts';
import { loginForm, loginPage } from './login.ts';
import { logoutEndpoint } from './logout.ts';
import { errorPage } from './pages.ts';
import { revokeEndpoint } from './revoke.ts';
import { tokenEndpoint } from './token.ts';
import { userInfoEndpoint } from './user-info.ts';

interface Endpoint {
  get?: Handler;
  post?: Handler;
  /** Apps call it: it answers in JSON, and pages of other origins may read that. */
  forApps?: boolean;
  /** Of the form, in bytes. */
  maxBody?: number;
}

const cors = { 'access-control-allow-origin': '*' };
const defaultMaxBody = 64 * 1024;
/** SAML responses carry certificates and attributes; Cognito's limit is of the same order. */
const maxSamlResponse = 256 * 1024;

/** Serves `/_aws/cognito-domain/<domain>/…`. */
export function domainRoute(parts: Parts, sessions: Sessions, signIn: SignIn): Route {
  const codes = new Codes(parts.cloud.clock);
  const browsers = new Browsers(parts.cloud.clock, parts.sealer);
  const federation = new Federation(parts, codes, browsers);
  const tools = { parts, sessions, signIn, codes, browsers };
  const userInfo = userInfoEndpoint(parts);
  const endpoints: Record<string, Endpoint> = {
    'oauth2/authorize': { get: authorizeEndpoint(parts, codes, browsers, federation) },
    login: { get: loginPage(tools), post: loginForm(tools) },
    logout: { get: logoutEndpoint(parts, browsers) },
    'oauth2/token': { post: tokenEndpoint(parts, codes), forApps: true },
    'oauth2/userInfo': { get: userInfo, post: userInfo, forApps: true, maxBody: 0 },
    'oauth2/revoke': { post: revokeEndpoint(parts), forApps: true },
    'oauth2/idpresponse': { get: (exchange) => federation.oidcResponse(exchange) },
    'saml2/idpresponse': { post: (exchange) => federation.samlResponse(exchange), maxBody: maxSamlResponse },
  };
  return {
    prefix: domainPrefix,
    async handle(request, response, url) {
      const [name = '', ...rest] = url.pathname.slice(domainPrefix.length).split('/');
      const domain = domains(parts.cloud).get(name);
      const pool = domain && parts.pools.find(domain.poolId);
      const path = rest.join('/');
      const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
      if (!pool || !endpoint) {
        const what = pool ? `nothing is served at ${url.pathname}` : `there is no user pool domain ${name}`;
        write(response, json(404, { error: what }));
        return;
      }
      const exchange = { domain, pool, request, query: url.searchParams, form: new URLSearchParams() };
      const reply = await answer(endpoint, exchange, path, parts);
      // Nobody may hold a code or token that a crash would lose the user of.
      await parts.cloud.store.flushed();
      write(response, reply);
    },
  };
}

async function answer(endpoint: Endpoint, exchange: Exchange, path: string, parts: Parts): Promise<Reply> {
  const { request } = exchange;
  if (request.method === 'OPTIONS' && endpoint.forApps) {
    const asked = String(request.headers['access-control-request-headers'] ?? '');
    return {
      status: 204,
      headers: {
        ...cors,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': asked,
        'access-control-max-age': '600',
      },
    };
  }
  const posted = request.method === 'POST';
  const handler = posted ? endpoint.post : request.method === 'GET' ? endpoint.get : undefined;
  if (!handler) return json(405, { error: 'invalid_request' });
  const elsewhere = endpoint.forApps || posted ? undefined : properAddress(exchange, path, parts);
  if (elsewhere) return elsewhere;
  try {
    const maxBody = endpoint.maxBody ?? defaultMaxBody;
    const form = posted && maxBody > 0 ? await formOf(request, maxBody) : exchange.form;
    const reply = await handler({ ...exchange, form });
    return endpoint.forApps ? { ...reply, headers: { ...reply.headers, ...cors } } : reply;
  } catch (error) {
    return failure(error, endpoint.forApps === true);
  }
}

/** One name for a browser's whole way: cookies of `localhost` are not those of 127.0.0.1, where providers send it back to. */
function properAddress({ request, domain, query }: Exchange, path: string, parts: Parts): Reply | undefined {
  const { host } = request.headers;
  if (!isLoopback(host) || host === new URL(parts.cloud.endpoint).host) return undefined;
  return redirect(`${domainUrl(parts.cloud, domain, path)}?${query}`);
}

function failure(error: unknown, forApps: boolean): Reply {
  if (error instanceof OAuthError) {
    if (!forApps) return errorPage(error.status, 'The form could not be read.');
    return json(error.status, { error: error.message }, cors);
  }
  if (error instanceof AppError) return errorToApp(error);
  if (error instanceof PageError) return errorPage(error.status, error.message);
  if (error instanceof AwsError) return errorPage(400, error.message);
  throw error;
}

function write(response: ServerResponse, { status, headers, cookies = [], body = '' }: Reply): void {
  response.writeHead(status, {
    ...headers,
    ...(cookies.length > 0 && { 'set-cookie': [...cookies] }),
    // What is left of a body that is too large is not worth reading.
    ...(status === 413 && { connection: 'close' }),
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
