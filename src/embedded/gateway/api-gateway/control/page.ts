/** Pages of the get operations: position and limit in, position out. */
import { badRequest } from '../definition.ts';

/** Source: "limit: the default value is 25 and the maximum value is 500" in the API reference. */
export function pageOf<T>(
  all: readonly T[],
  input: { position?: string | undefined; limit?: number | undefined },
  size = 25,
): { items: T[]; position: string | undefined } {
  const limit = input.limit ?? size;
  if (limit < 1 || limit > 500) throw badRequest('Invalid limit: it must be between 1 and 500');
  const from = input.position === undefined ? 0 : Number(Buffer.from(input.position, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0) throw badRequest('Invalid position parameter specified');
  const to = from + limit;
  return {
    items: all.slice(from, to),
    position: to < all.length ? Buffer.from(String(to)).toString('base64url') : undefined,
  };
}
