import { describeTenant as describe } from '../services/tenants/describe.ts';
import { facts, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export async function describeTenant(cli: Invocation, reference: string): Promise<void> {
  const tenant = await describe(await cli.quietContext(), reference);
  cli.output.result(tenant, (colors) => {
    const { throttle, resources, operation } = tenant;
    const own = throttle.source === 'tenant' ? ' (its own)' : '';
    return [
      facts(colors, [
        ['name', colors.bold(tenant.name)],
        ['id', tenant.tenantId],
        ['tier', `${tenant.tier} (${tenant.model})`],
        ['status', tenant.status],
        ...(tenant.suspension === null
          ? []
          : [
              [
                'suspended',
                `since ${tenant.suspension.since}${tenant.suspension.reason === null ? '' : `: ${tenant.suspension.reason}`}`,
              ] as const,
            ]),
        ...(tenant.lastError === null ? [] : [['last error', colors.red(tenant.lastError)] as const]),
        ...(operation === null
          ? []
          : [
              [
                'operation',
                `${operation.id}: ${operation.kind}, at ${operation.step ?? 'its first step'}, by ${operation.by} since ${operation.startedAt}`,
              ] as const,
            ]),
        ['administrator', tenant.adminEmail],
        ['API', tenant.apiUrl ?? '-'],
        [
          'limits',
          `${throttle.rate} requests/s, burst ${throttle.burst}, ${throttle.quota.limit} a ${throttle.quota.period}${own}`,
        ],
        ['cell', tenant.cell ?? '-'],
        ['release', tenant.release ?? '-'],
        ['stack', resources.stackName ?? '-'],
        ['user pool', resources.userPoolId ?? '-'],
        ['app client', resources.clientId ?? '-'],
        ['sign-in', resources.signIn?.url ?? '-'],
        ['tables', resources.tables.join('\n') || '-'],
        ['created', tenant.createdAt],
        ['updated', tenant.updatedAt],
      ]),
      '',
      resources.services.length === 0
        ? 'No services.'
        : table(colors, resources.services, [
            { title: 'SERVICE', value: (service) => service.name },
            { title: 'RUNNING', value: (service) => `${service.running}/${service.desired}`, align: 'right' },
            {
              title: 'HEALTH',
              value: (service) => (service.healthy ? colors.green('healthy') : colors.red('unhealthy')),
            },
          ]),
    ].join('\n');
  });
}
