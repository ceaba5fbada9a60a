import http from 'node:http';
import { badRequest, unavailable } from '../kit/http-error.ts';

/** The product service, reached by Service Connect with the order's caller's own token. */
export interface Catalog {
  /** Throws a 400 that names the products that don't exist for the caller, or a 503 when the service doesn't say. */
  requireProducts(ids: readonly string[], authorization: string): Promise<void>;
}

const attempts = 2;
/** How many products of one order are asked for at the same time. */
const parallel = 8;

/** `url`: the product service with its path, e.g. `http://products-api.<namespace>.sc:3010/products`. */
export function createCatalog(url: string): Catalog {
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/$/, '');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32, timeout: 20_000 });

  const statusOf = (id: string, authorization: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = http.get(
        {
          agent,
          hostname: base.hostname,
          port: base.port || 80,
          path: `${prefix}/${encodeURIComponent(id)}`,
          headers: { authorization },
          timeout: 2_000,
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
          response.on('error', reject);
        },
      );
      request.on('timeout', () => request.destroy(new Error('the product service did not answer in 2 s')));
      request.on('error', reject);
    });

  async function exists(id: string, authorization: string): Promise<boolean> {
    for (let tried = 1; ; tried++) {
      let cause: unknown;
      try {
        const status = await statusOf(id, authorization);
        if (status === 200) return true;
        if (status === 404) return false;
        cause = new Error(`the product service answered ${status}`);
      } catch (error) {
        cause = error;
      }
      if (tried === attempts) throw unavailable("products can't be looked up at the moment", cause);
    }
  }

  return {
    async requireProducts(ids, authorization) {
      const waiting = [...new Set(ids)];
      const missing: string[] = [];
      const worker = async (): Promise<void> => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
          if (!(await exists(id, authorization))) missing.push(id);
      };
      await Promise.all(Array.from({ length: Math.min(parallel, waiting.length) }, worker));
      if (missing.length === 0) return;
      const details = ids.flatMap((id, index) =>
        missing.includes(id)
          ? [{ field: `orderProducts[${index}].productId`, message: `there is no product "${id}"` }]
          : [],
      );
      throw badRequest(`the order names products that don't exist: ${missing.join(', ')}`, details);
    },
  };
}
