import type { FastifyRequest } from 'fastify';
import { decodePageToken, encodePageToken } from './page-token.ts';

const largest = 100;

export interface PageQuery {
  limit?: string;
  nextToken?: string;
}

/** JSON schema of a list's query. Query values are text; nothing is coerced. */
export const pageQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'string', pattern: '^([1-9]|[1-9][0-9]|100)$' },
    nextToken: { type: 'string', minLength: 1, maxLength: 4_096 },
  },
} as const;

/** JSON schema of a list's answer. */
export const pageSchema = (item: object) => ({
  type: 'object',
  properties: { items: { type: 'array', items: item }, nextToken: { type: ['string', 'null'] } },
});

/** Which page is asked for: 100 items from the beginning unless told. */
export function pageOf(
  request: FastifyRequest<{ Querystring: PageQuery }>,
  tenantId: string,
): { limit: number; after: string | undefined } {
  const { limit, nextToken } = request.query;
  return {
    limit: limit === undefined ? largest : Number(limit),
    after: nextToken === undefined ? undefined : decodePageToken(tenantId, nextToken),
  };
}

export const toPage = <Item>(tenantId: string, items: Item[], last: string | undefined) => ({
  items,
  nextToken: last === undefined ? null : encodePageToken(tenantId, last),
});
