import type { Tenant, TenantStatus } from '../../model/tenant.ts';
import type { Context } from '../context.ts';
import type { TenantRecord } from '../registry/registry.ts';
import type { Page } from '../registry/table.ts';
import { openSession } from '../session.ts';
import { toTenant } from './view.ts';

export interface ListRequest {
  tier?: string;
  status?: TenantStatus;
  /** At most so many tenants; all when undefined. */
  limit?: number;
  nextToken?: string;
}

/** A page of the registry's index; DynamoDB cuts it at 1 MB anyway. */
const pageSize = 500;

/**
 * Tenants in order of creation. Offboarded ones are shown only when asked for by status. With a limit, `nextToken`
 * is where the next page begins, or null at the end.
 */
export async function listTenants(
  context: Context,
  request: ListRequest = {},
): Promise<{ tenants: Tenant[]; nextToken: string | null }> {
  const { registry } = await openSession(context);
  const tiers = await registry.tiers();
  const found: TenantRecord[] = [];
  let nextToken = request.nextToken;
  do {
    const missing = request.limit === undefined ? pageSize : request.limit - found.length;
    const page: Page<TenantRecord> = await registry.tenants({
      // A filter may drop what a page holds, so pages are as long as what is still missing and no longer: a token
      // must never point past a tenant that was not shown.
      limit: Math.min(missing, pageSize),
      offboarded: request.status === 'offboarded',
      ...(nextToken !== undefined && { nextToken }),
    });
    found.push(
      ...page.items.filter(
        (tenant) =>
          (request.tier === undefined || tenant.tier === request.tier) &&
          (request.status === undefined || tenant.status === request.status),
      ),
    );
    nextToken = page.nextToken;
  } while (nextToken !== undefined && (request.limit === undefined || found.length < request.limit));
  return {
    tenants: found.map((record) => toTenant(record, context.config, tiers)),
    nextToken: nextToken ?? null,
  };
}
