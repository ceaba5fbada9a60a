import { createHash, timingSafeEqual } from 'node:crypto';
import { badRequest } from './http-error.ts';

const seal = (tenantId: string, position: string): Buffer =>
  createHash('sha256').update(`page-token/v1\n${tenantId}\n${position}`).digest().subarray(0, 12);

/**
 * A page's `nextToken`: where the next page begins, bound to the tenant. The binding needs no secret: a position holds
 * no tenant (the verified token of the request alone says whose items are read), so a forged one leads nowhere that
 * its owner couldn't go by paging. It is there to refuse a token that strayed from another tenant.
 */
export const encodePageToken = (tenantId: string, position: string): string =>
  Buffer.concat([seal(tenantId, position), Buffer.from(position)]).toString('base64url');

/** The position in a token. Throws a 400 for one that was not made for this tenant. */
export function decodePageToken(tenantId: string, token: string): string {
  const bytes = Buffer.from(token, 'base64url');
  const position = bytes.subarray(12).toString('utf8');
  const valid =
    bytes.length > 12 &&
    bytes.toString('base64url') === token &&
    timingSafeEqual(bytes.subarray(0, 12), seal(tenantId, position));
  if (valid) return position;
  throw badRequest('nextToken is not valid', [
    { field: 'nextToken', message: 'must be a nextToken that this list gave' },
  ]);
}
