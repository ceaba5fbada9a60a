/** Which of a caller's headers go on to an integration. */
import { hopByHop } from '../../load-balancer/proxy.ts';
import type { Exchange } from './exchange.ts';

/** Headers of which a message has one; of several the last counts, for the gateway and for the target alike. */
const single: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'etag',
  'expires',
  'from',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);

/**
 * The caller's headers without those of one connection, those that only the gateway may set, and those that a mapping
 * sets (in any spelling, also when the mapping then has no value).
 */
export function outgoingHeaders(
  exchange: Exchange,
  host: string,
  mapped: ReadonlySet<string>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { host };
  const named = exchange.header('connection')?.toLowerCase();
  for (const [name, values] of exchange.headers) {
    if (
      hopByHop.has(name) ||
      mapped.has(name) ||
      name === 'host' ||
      name === 'content-length' ||
      name === 'expect' ||
      name === 'x-forwarded-for' ||
      name.startsWith('x-amzn-') ||
      (named !== undefined &&
        named !== 'keep-alive' &&
        named !== 'close' &&
        named.split(/\s*,\s*/).includes(name))
    )
      continue;
    const last = values.at(-1);
    if (last !== undefined) headers[name] = values.length === 1 || single.has(name) ? last : [...values];
  }
  const chain = exchange.headers.get('x-forwarded-for');
  headers['x-forwarded-for'] = chain ? `${chain.join(', ')}, ${exchange.sourceIp}` : exchange.sourceIp;
  headers['x-amzn-trace-id'] = exchange.traceId;
  headers['x-amzn-apigateway-api-id'] = exchange.stage.apiId;
  return headers;
}
