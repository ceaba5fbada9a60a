/** Pages of the list operations: NextToken and MaxResults (a number in text) in, Items and NextToken out. */
import { pageOf } from '../../api-gateway/control/page.ts';

export function itemsPage<T>(
  all: readonly T[],
  input: { NextToken?: string | undefined; MaxResults?: string | undefined },
): { Items: T[]; NextToken: string | undefined } {
  const { items, position } = pageOf(all, {
    position: input.NextToken,
    limit: input.MaxResults === undefined ? undefined : Number(input.MaxResults),
  });
  return { Items: items, NextToken: position };
}
