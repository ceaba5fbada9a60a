import path from 'node:path';
import { SaasError } from '../model/error.ts';
import { offboard as offboardTenant, planOffboarding } from '../services/tenants/offboard.ts';
import { plural } from '../ui/table.ts';
import { type Invocation, waiting } from './invocation.ts';

export interface OffboardOptions {
  confirm?: string;
  export?: string;
  /** Milliseconds. */
  waitTimeout?: number;
}

export async function offboard(cli: Invocation, reference: string, options: OffboardOptions): Promise<void> {
  const { prompts, output } = cli;
  const { tenant, holdings } = await planOffboarding(await cli.quietContext(), reference);
  if (tenant.status === 'offboarded')
    throw new SaasError('tenant_gone', `tenant "${tenant.name}" is offboarded already`, {
      detail: `at ${tenant.updatedAt}`,
      exitCode: 4,
    });
  if (options.confirm === undefined) {
    output.note(`Offboarding ${output.err.bold(tenant.name)} (${tenant.tier}) deletes for good:`);
    for (const line of whatGoes(holdings)) output.note(`  - ${line}`);
    output.note(
      options.export === undefined
        ? 'Nothing is exported; --export DIR would.'
        : `First everything is exported to ${options.export}.`,
    );
  }
  await prompts.confirmName(options.confirm, tenant.name, { message: `Type ${tenant.name} to delete it` });

  const done = await cli.run(
    (context) =>
      offboardTenant(context, {
        tenant: tenant.tenantId,
        ...(options.export !== undefined && { exportTo: path.resolve(cli.cwd, options.export) }),
      }),
    waiting(options),
  );
  output.result(done, (colors) => {
    const { deleted } = done;
    const counts = [
      plural(deleted.users, 'user'),
      plural(deleted.items, 'item'),
      plural(deleted.tables, 'table'),
      plural(deleted.userPools, 'user pool'),
      plural(deleted.stacks, 'stack'),
      plural(deleted.apiKeys, 'API key'),
    ].filter((text) => !text.startsWith('0 '));
    return [
      `${colors.green('✔')} tenant ${colors.bold(done.name)} is gone`,
      counts.length > 0 ? `  deleted: ${counts.join(', ')}` : '  nothing was left to delete',
      done.export ? `  exported to ${done.export.directory}` : '',
    ]
      .filter(Boolean)
      .join('\n');
  });
}

function whatGoes(holdings: Awaited<ReturnType<typeof planOffboarding>>['holdings']): string[] {
  const tables = Object.keys(holdings.tables).join(', ');
  return holdings.ownPool
    ? [
        ...(holdings.stack ? [`the stack ${holdings.stack} with its services`] : []),
        ...(tables ? [`its tables with all items: ${tables}`] : []),
        ...(holdings.pool ? ['its user pool with all users'] : []),
        'its API key and its place in the cell',
      ]
    : [`its items in the shared tables: ${tables}`, 'its users in the shared user pool', 'its API key'];
}
