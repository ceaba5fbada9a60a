import type { Tenant, TenantStatus } from '../../model/tenant.ts';
import type { Context } from '../context.ts';
import { tokenOf } from '../registry/page-token.ts';
import type { TenantPage, TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import { toTenant } from './view.ts';

export interface ListRequest {
  tier?: string;
  status?: TenantStatus;
  /** At most so many tenants; all when undefined. */
  limit?: number;
  nextToken?: string;
}

/** Pages of the registry's index; DynamoDB cuts them at 1 MB anyway. */
const pageSize = { least: 100, most: 500 };

/**
 * Tenants in order of creation. Offboarded ones are shown only when asked for by status. With a limit, `nextToken`
 * is where the next page begins, or null at the end. Throws `bad_next_token`.
 */
export async function listTenants(
  context: Context,
  request: ListRequest = {},
): Promise<{ tenants: Tenant[]; nextToken: string | null }> {
  const { registry } = await openSession(context);
  const tiers = await registry.tiers();
  const { tier, status, limit = Number.POSITIVE_INFINITY } = request;
  const found: TenantRecord[] = [];
  let from = request.nextToken;
  do {
    // One more than is shown: only if there is one, there is a next page. Filters drop most of what is read.
    const wanted = limit + 1 - found.length;
    const filtered = tier !== undefined || status !== undefined;
    const page: TenantPage = await registry.tenants({
      limit: Math.min(filtered ? Math.max(wanted, pageSize.least) : wanted, pageSize.most),
      offboarded: status === 'offboarded',
      ...(from !== undefined && { nextToken: from }),
    });
    found.push(
      ...page.items.filter(
        (tenant) =>
          (tier === undefined || tenant.tier === tier) && (status === undefined || tenant.status === status),
      ),
    );
    from = page.nextToken;
  } while (from !== undefined && found.length <= limit);
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    tenants: shown.map((record) => toTenant(record, context.config, tiers)),
    // The token points behind the last tenant that was shown, wherever the index's own page ended.
    nextToken: found.length > shown.length && last ? tokenOf(last) : null,
  };
}
