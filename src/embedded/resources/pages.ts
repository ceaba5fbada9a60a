/** Pages of a sorted list. The token is the last item's key, so a page stays right when others are added or removed. */
import { AwsError } from '../platform.ts';

export interface Page<T> {
  items: T[];
  /** Undefined on the last page. */
  next: string | undefined;
}

/**
 * The `limit` items that come after `token`. `items` must be sorted by `keyOf` in code unit order.
 * Throws AwsError with code `invalid` for a token that this did not make.
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  limit: number,
  token: string | undefined,
  invalid = 'InvalidNextToken',
): Page<T> {
  const start = token === undefined ? 0 : firstAfter(items, keyOf, decodeToken(token, invalid));
  const page = items.slice(start, start + limit);
  const last = page.at(-1);
  return {
    items: page,
    next: last !== undefined && start + limit < items.length ? encodeToken(keyOf(last)) : undefined,
  };
}

export const encodeToken = (key: string): string => Buffer.from(`1:${key}`).toString('base64url');

export function decodeToken(token: string, invalid: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('1:')) throw new AwsError(invalid, 'The specified token is not valid.');
  return text.slice(2);
}

/** The index of the first item whose key is greater. */
function firstAfter<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item !== undefined && keyOf(item) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Code unit order, which {@link pageOf} searches by. */
export const compareText = (left: string, right: string): number =>
  left < right ? -1 : left > right ? 1 : 0;
