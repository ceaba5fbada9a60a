import path from 'node:path';
import type { Tenant } from '../model/tenant.ts';
import { emailProblem, tenantNameProblem } from '../model/tenant.ts';
import { goOnInBackground } from '../services/background.ts';
import { beginOnboarding, onboard as onboardTenant } from '../services/tenants/onboard.ts';
import { failureOf } from '../services/verify/verdict.ts';
import type { Verification } from '../services/verify/verify.ts';
import { duration, facts } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface OnboardOptions {
  tier?: string;
  name?: string;
  email?: string;
  /** False with --no-wait. */
  wait?: boolean;
  verify?: boolean;
}

export async function onboard(cli: Invocation, options: OnboardOptions): Promise<void> {
  const { prompts, output } = cli;
  const config = await cli.config();
  const tier = await prompts.choose(options.tier, {
    flag: '--tier',
    message: 'Tier',
    choices: config.tiers.map(({ name, model, throttle }) => ({
      name,
      value: name,
      description: `${describeModel[model]}, ${throttle.rate} requests/s`,
    })),
  });
  const name = await prompts.text(options.name, {
    flag: '--name',
    message: 'Name of the tenant',
    validate: (value) => tenantNameProblem(value) ?? true,
  });
  const email = await prompts.text(options.email, {
    flag: '--email',
    message: "The administrator's e-mail address",
    validate: (value) => emailProblem(value) ?? true,
  });
  prompts.sayEquivalent(
    `saas-ecs onboard${options.wait === false ? ' --no-wait' : ''}${options.verify ? ' --verify' : ''}`,
    {
      '--env': cli.options.env,
      '--config': cli.options.config,
      '--profile': cli.options.profile,
      '--region': cli.options.region,
      '--tier': options.tier,
      '--name': options.name,
      '--email': options.email,
    },
  );

  if (options.wait === false) return begin(cli, { tier, name, email }, options.verify === true);
  const tenant = await cli.run((context) => onboardTenant(context, { tier, name, email }));
  const verification = options.verify ? await proveIsolation(cli, tenant.tenantId) : undefined;
  const failure = verification && failureOf(verification);
  const result = { ...tenant, ...(verification && { verification }) };
  output.result(
    result,
    (colors) =>
      [
        `${colors.green('✔')} tenant ${colors.bold(tenant.name)} is served (${duration(tenant.durationMs)})`,
        '',
        facts(colors, [
          ['id', tenant.tenantId],
          ['tier', `${tenant.tier} (${describeModel[tenant.model]})`],
          ['API', tenant.apiUrl ?? ''],
          ['administrator', `${tenant.adminEmail} (invited by mail)`],
          ...(verification
            ? [['isolation', failure?.message ?? `all ${verification.summary.attacks} attacks held`] as const]
            : []),
        ]),
      ].join('\n'),
    failure,
  );
  if (failure) {
    cli.exitCode = failure.exitCode;
    return;
  }
  output.next(`saas-ecs token --tenant ${tenant.name}`, `saas-ecs describe-tenant ${tenant.name}`);
}

async function proveIsolation(cli: Invocation, tenantId: string): Promise<Verification> {
  const { verifyTenant } = await import('../services/verify/verify.ts');
  return cli.run((context) => verifyTenant(context, tenantId));
}

/** Writes the tenant down and leaves the rest to a process in the background. */
async function begin(
  cli: Invocation,
  request: { tier: string; name: string; email: string },
  verify: boolean,
): Promise<void> {
  const context = await cli.quietContext();
  const tenant = await beginOnboarding(context, request);
  const { root } = context.config;
  const log = await goOnInBackground({
    root,
    name: tenant.tenantId,
    argv: [
      'onboard',
      ...(verify ? ['--verify'] : []),
      ...['--tier', request.tier, '--name', request.name, '--email', request.email],
      ...['--env', context.target.environment.name],
      ...(cli.options.config === undefined ? [] : ['--config', path.resolve(cli.cwd, cli.options.config)]),
      ...(cli.options.profile === undefined ? [] : ['--profile', cli.options.profile]),
      ...(cli.options.region === undefined ? [] : ['--region', cli.options.region]),
    ],
  });
  cli.output.result(
    { ...tenant, durationMs: 0, steps: [] },
    () => `tenant ${tenant.name} is being onboarded in the background (log: ${log})`,
  );
  cli.output.next(`saas-ecs describe-tenant ${tenant.name}`);
}

const describeModel: Record<Tenant['model'], string> = {
  pool: 'shared services',
  'shared-cluster': 'its own services in a shared cluster',
  'dedicated-cluster': 'its own cluster',
};
