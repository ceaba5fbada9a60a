import type { TenantStatus } from '../model/tenant.ts';
import { listTenants as list } from '../services/tenants/list.ts';
import { table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface ListTenantsOptions {
  tier?: string;
  status?: TenantStatus;
  limit?: number;
  nextToken?: string;
}

export async function listTenants(cli: Invocation, options: ListTenantsOptions): Promise<void> {
  const { tier, status, limit, nextToken } = options;
  const page = await list(await cli.quietContext(), {
    ...(tier !== undefined && { tier }),
    ...(status !== undefined && { status }),
    ...(limit !== undefined && { limit }),
    ...(nextToken !== undefined && { nextToken }),
  });
  cli.output.result(page, (colors) =>
    page.tenants.length === 0
      ? 'No tenants.'
      : table(colors, page.tenants, [
          { title: 'NAME', value: (tenant) => tenant.name },
          { title: 'ID', value: (tenant) => tenant.tenantId },
          { title: 'TIER', value: (tenant) => tenant.tier },
          {
            title: 'STATUS',
            value: ({ status: text, suspension }) =>
              text === 'active'
                ? colors.green(text)
                : text === 'failed'
                  ? colors.red(text)
                  : colors.yellow(suspension?.reason ? `${text}: ${short(suspension.reason)}` : text),
          },
          { title: 'RATE', value: ({ throttle }) => `${throttle.rate}/s`, align: 'right' },
          {
            title: 'QUOTA',
            value: ({ throttle }) => `${throttle.quota.limit}/${throttle.quota.period}`,
            align: 'right',
          },
          { title: 'CREATED', value: (tenant) => tenant.createdAt.slice(0, 16).replace('T', ' ') },
        ]),
  );
  if (page.nextToken !== null && cli.output.format === 'text')
    cli.output.note(`more: --next-token ${page.nextToken}`);
  if (page.tenants.length === 0 && tier === undefined && status === undefined)
    cli.output.next('saas-ecs onboard --tier basic --name acme --email admin@acme.example');
}

/** What fits beside the other columns; describe-tenant has all of it. */
const short = (reason: string): string => (reason.length <= 32 ? reason : `${reason.slice(0, 31)}…`);
