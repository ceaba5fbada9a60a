import { ExitCode, SaasError } from '../model/error.ts';
import type { QuotaPeriod } from '../model/tier.ts';
import { describeTenant } from '../services/tenants/describe.ts';
import {
  burstLimit,
  type Limits,
  sendBurst,
  showLimits,
  type ThrottleChange,
  tenantLimits,
  throttleTenant,
  throttleTier,
} from '../services/throttling.ts';
import { issueToken } from '../services/tokens.ts';
import { duration, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface ThrottleOptions {
  tier?: string;
  tenant?: string;
  rate?: number;
  burst?: number;
  quota?: { limit: number; period: QuotaPeriod };
  reset?: boolean;
  test?: boolean;
  requests?: number;
}

export async function throttle(cli: Invocation, options: ThrottleOptions): Promise<void> {
  const { tier, tenant, rate, burst, quota, reset, test } = options;
  const changes = rate !== undefined || burst !== undefined || quota !== undefined;
  if (tier !== undefined && tenant !== undefined)
    throw usage('--tier and --tenant exclude each other', 'give one of them');
  if (reset && changes)
    throw usage('--reset excludes --rate, --burst and --quota', 'reset first, or set new limits');
  if (test) return testLimits(cli, options);
  if ((changes || reset) && tier === undefined && tenant === undefined)
    throw usage(
      '--tier or --tenant is missing',
      'say whose limits to change, for example: --tier basic --rate 20',
    );

  if (!changes && !reset) return show(cli, options);
  const change: ThrottleChange | 'reset' = reset
    ? 'reset'
    : {
        ...(rate !== undefined && { rate }),
        ...(burst !== undefined && { burst }),
        ...(quota !== undefined && { quota }),
      };
  const limits = await cli.run((context) =>
    tenant === undefined
      ? throttleTier(context, tier ?? '', change)
      : throttleTenant(context, tenant, change),
  );
  cli.output.result(
    limits,
    (colors) =>
      `${colors.green('✔')} ${limits.scope} ${colors.bold(limits.name)}: ${limits.rate} requests/s, burst ${limits.burst}, ${limits.quota.limit} a ${limits.quota.period}${reset ? ' (reset)' : ''}`,
  );
  cli.output.next(tenant === undefined ? 'saas-ecs throttle' : `saas-ecs throttle --tenant ${tenant} --test`);
}

async function show(cli: Invocation, { tier, tenant }: ThrottleOptions): Promise<void> {
  const context = await cli.quietContext();
  const limits = tenant === undefined ? await showLimits(context) : [await tenantLimits(context, tenant)];
  const shown = limits.filter(
    (limit) => tier === undefined || (limit.scope === 'tier' && limit.name === tier),
  );
  cli.output.result(
    tier === undefined && tenant === undefined ? { limits: shown } : (shown[0] ?? null),
    (colors) =>
      table<Limits>(colors, shown, [
        { title: 'SCOPE', value: (limit) => limit.scope },
        { title: 'NAME', value: (limit) => limit.name },
        { title: 'RATE', value: (limit) => `${limit.rate}/s`, align: 'right' },
        { title: 'BURST', value: (limit) => String(limit.burst), align: 'right' },
        { title: 'QUOTA', value: (limit) => `${limit.quota.limit}/${limit.quota.period}`, align: 'right' },
      ]),
  );
}

/** A burst of twice the tenant's bucket unless told: enough to see where the limit is. */
async function testLimits(cli: Invocation, options: ThrottleOptions): Promise<void> {
  if (options.tenant === undefined)
    throw usage('--tenant is missing', 'a burst is sent as one tenant: --tenant NAME --test');
  const context = await cli.quietContext();
  const tenant = await describeTenant(context, options.tenant);
  const { token } = await issueToken(context, {
    tenant: tenant.tenantId,
    ...(!context.target.mailbox && {
      password: () =>
        cli.prompts.secret({ flag: 'SAAS_ECS_PASSWORD', message: `Password of ${tenant.adminEmail}` }),
    }),
  });
  const count = Math.min(options.requests ?? tenant.throttle.burst * 2, burstLimit);
  const path = context.config.services[0]?.path ?? '/';
  cli.output.note(`sending ${count} requests as ${tenant.name} to ${path}`);
  const burst = await sendBurst(`${tenant.apiUrl}${path}`, token, count, cli.signal);
  cli.output.result({ tenantId: tenant.tenantId, name: tenant.name, ...burst }, (colors) =>
    [
      `${burst.sent} sent in ${duration(burst.durationMs)}: ${colors.green(`${burst.passed} passed`)}, ${colors.yellow(`${burst.throttled} throttled (429)`)}`,
      ...Object.entries(burst.other).map(([status, times]) =>
        colors.red(`  ${times} answered ${status === '0' ? 'nothing' : status}`),
      ),
    ].join('\n'),
  );
}

const usage = (message: string, hint: string): SaasError =>
  new SaasError('bad_usage', message, { hint, exitCode: ExitCode.usage });
