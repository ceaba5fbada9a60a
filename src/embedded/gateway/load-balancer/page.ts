/** Pages of the describe operations: PageSize and Marker in, NextMarker out. */
import { AwsError } from '../../platform.ts';

export interface Page<T> {
  items: T[];
  next: string | undefined;
}

/** The marker is the position of the next item. Throws AwsError ValidationError for one that we did not give out. */
export function pageOf<T>(
  all: readonly T[],
  { Marker, PageSize }: { Marker?: string | undefined; PageSize?: number | undefined },
  size: number,
): Page<T> {
  const from = Marker === undefined ? 0 : Number(Buffer.from(Marker, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0) throw new AwsError('ValidationError', 'The marker is not valid');
  const to = from + Math.min(PageSize ?? size, size);
  return {
    items: all.slice(from, to),
    next: to < all.length ? Buffer.from(String(to)).toString('base64url') : undefined,
  };
}
