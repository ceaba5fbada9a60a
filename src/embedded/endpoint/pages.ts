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

/** Does the user follow a link, so that no page sees the answer? */
export const isNavigation = (request: IncomingMessage): boolean =>
  request.headers.origin === undefined &&
  request.method === 'GET' &&
  request.headers['sec-fetch-mode'] === 'navigate';

export const refusedToPage = (): AwsError =>
  new AwsError('AccessDeniedException', 'Requests from web pages may call public operations only', 403);
