/** One request to a user pool's domain, and the answer to it. */
import type { IncomingMessage } from 'node:http';
import { domainPrefix } from '../../../endpoint/aws-addresses.ts';
import { collect } from '../../../endpoint/body.ts';
import { isLoopback } from '../../../endpoint/server.ts';
import { AwsError } from '../../../platform.ts';
import type { DomainRecord } from '../domains.ts';
import type { PoolRecord } from '../pools.ts';

export interface Exchange {
  domain: DomainRecord;
  pool: PoolRecord;
  request: IncomingMessage;
  /** Of the address. */
  query: URLSearchParams;
  /** Of the body; empty where none is read. */
  form: URLSearchParams;
}

export interface Reply {
  status: number;
  headers?: Readonly<Record<string, string>>;
  cookies?: readonly string[];
  body?: string;
}

export type Handler = (exchange: Exchange) => Reply | Promise<Reply>;

/** An error in OAuth's words (RFC 6749, section 5.2), answered as JSON. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly status: number;

  constructor(code: string, status = 400) {
    super(code);
    this.status = status;
  }
}

/** An error that the browser is shown, as the app can't be trusted with it or isn't known. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export const redirect = (location: string, cookies: readonly string[] = []): Reply => ({
  status: 302,
  headers: { location, 'cache-control': 'no-store' },
  cookies,
});

export const json = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: {
    'content-type': 'application/json;charset=UTF-8',
    'cache-control': 'no-store',
    ...headers,
  },
  body: JSON.stringify(body),
});

/** Where the domain's pages are for whoever asks: below a prefix, or at the root of the name that AWS forms. */
export const pagePath = ({ request, domain }: Exchange): string =>
  isLoopback(request.headers.host) ? `${domainPrefix}${domain.domain}/` : '/';

/** An absolute address of the domain, to be told to others. */
export const domainUrl = (
  cloud: { endpoint: string },
  { domain }: { domain: string },
  path: string,
): string => `${cloud.endpoint}${domainPrefix}${domain}/${path}`;

/** Throws OAuthError invalid_request for a body that is too large or no form. */
export async function formOf(request: IncomingMessage, maxBytes: number): Promise<URLSearchParams> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) throw new OAuthError('invalid_request');
  try {
    return new URLSearchParams((await collect(request, maxBytes)).toString());
  } catch (error) {
    if (error instanceof AwsError) throw new OAuthError('invalid_request', error.status);
    throw error;
  }
}
