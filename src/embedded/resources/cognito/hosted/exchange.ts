/** One request to a user pool's domain, and the answer to it. */
import type { IncomingMessage } from 'node:http';
import { domainPrefix } from '../../../endpoint/aws-addresses.ts';
import { isLoopback } from '../../../endpoint/server.ts';
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
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new OAuthError('invalid_request', 413);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
