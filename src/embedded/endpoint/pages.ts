/**
 * Web pages can reach a server on loopback from anybody's browser. Keys that our STS did not issue act as the
 * administrator, so a page must not get to use any: pages may call public operations (Cognito's sign-in) and show
 * what a presigned link points to, nothing else.
 */
import type { IncomingMessage } from 'node:http';
import { AwsError } from '../platform.ts';

/** Was the request made by a page? Browsers say so in headers that pages can't set: Origin, or Sec-Fetch-Site where they leave it out. */
export function isFromPage(request: IncomingMessage): boolean {
  const site = request.headers['sec-fetch-site'];
  return request.headers.origin !== undefined || (site !== undefined && site !== 'none');
}

/** Was it made by a page that this endpoint did not serve itself? Nobody but us can have answered under that host. */
export function isFromOtherPage(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  if (origin !== undefined) return origin !== `http://${host}`;
  return isFromPage(request) && request.headers['sec-fetch-site'] !== 'same-origin';
}

/** Answers of public operations are for pages; no other call of theirs is even run. */
export const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,date',
} as const;

/** What SDKs send along with a public operation. `authorization` is not among them: pages sign nothing. */
const headersOfPages: ReadonlySet<string> = new Set([
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'cache-control',
  'content-type',
  'x-amz-api-version',
  'x-amz-target',
  'x-amz-user-agent',
]);

/** The answer to a page that asks what it may send to the AWS APIs. */
export function preflightHeaders(request: IncomingMessage): Record<string, string> {
  const asked = String(request.headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  return {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': asked.filter((name) => headersOfPages.has(name)).join(','),
    'access-control-max-age': '600',
  };
}

/** Does the user follow a link, so that no page sees the answer? */
export const isNavigation = (request: IncomingMessage): boolean =>
  request.headers.origin === undefined &&
  request.method === 'GET' &&
  request.headers['sec-fetch-mode'] === 'navigate';

export const refusedToPage = (): AwsError =>
  new AwsError('AccessDeniedException', 'Requests from web pages may call public operations only', 403);
