import path from 'node:path';
import { ExitCode, SaasError } from '../model/error.ts';
import type { Tenant } from '../model/tenant.ts';
import { emailProblem, tenantNameProblem } from '../model/tenant.ts';
import { goOnInBackground } from '../services/background.ts';
import { beginOnboarding, onboard as onboardTenant } from '../services/tenants/onboard.ts';
import { type OnboardRequest, unfinishedRequest } from '../services/tenants/reservation.ts';
import { readProviderFile } from '../services/users/provider-file.ts';
import { failureOf } from '../services/verify/verdict.ts';
import type { Verification } from '../services/verify/verify.ts';
import { duration, facts } from '../ui/table.ts';
import { type Invocation, waiting } from './invocation.ts';

export interface OnboardOptions {
  tier?: string;
  name?: string;
  email?: string;
  /** Of the onboarding to go on with: a tenant, or true with --name. */
  resume?: string | boolean;
  /** False with --no-wait. */
  wait?: boolean;
  /** Milliseconds. */
  waitTimeout?: number;
  verify?: boolean;
  /** File of an identity provider. */
  idp?: string;
}

export async function onboard(cli: Invocation, options: OnboardOptions): Promise<void> {
  const { output } = cli;
  const provider =
    options.idp === undefined
      ? undefined
      : await readProviderFile(options.idp, { cwd: cli.cwd, env: output.terminal.env });
  const request = {
    ...(options.resume ? await unfinished(cli, options) : await ask(cli, options)),
    ...(provider && { provider }),
  };
  if (options.wait === false) return begin(cli, request, options);
  const tenant = await cli.run((context) => onboardTenant(context, request), waiting(options));
  const verification = options.verify ? await proveIsolation(cli, tenant.tenantId) : undefined;
  const failure = verification && failureOf(verification);
  output.result(
    { ...tenant, ...(verification && { verification }) },
    (colors) =>
      [
        `${colors.green('✔')} tenant ${colors.bold(tenant.name)} is served (${duration(tenant.durationMs)})`,
        '',
        facts(colors, [
          ['id', tenant.tenantId],
          ['tier', `${tenant.tier} (${describeModel[tenant.model]})`],
          ['API', tenant.apiUrl ?? ''],
          ['administrator', `${tenant.adminEmail} (invited by mail)`],
          ['operation', tenant.operationId],
          ...(verification
            ? [['isolation', failure?.message ?? `all ${verification.summary.attacks} attacks held`] as const]
            : []),
        ]),
      ].join('\n'),
    failure,
  );
  if (failure) cli.exitCode = failure.exitCode;
  else if (provider) output.next(`saas-ecs users idp show ${provider.name} --tenant ${tenant.name}`);
  else output.next(`saas-ecs token --tenant ${tenant.name}`, `saas-ecs describe-tenant ${tenant.name}`);
}

/** What an earlier onboarding was asked for; a flag that is given as well must agree with it. */
async function unfinished(cli: Invocation, options: OnboardOptions): Promise<OnboardRequest> {
  const reference = typeof options.resume === 'string' ? options.resume : options.name;
  if (reference === undefined)
    throw new SaasError('missing_input', 'which onboarding is to be resumed?', {
      hint: 'name the tenant: saas-ecs onboard --resume NAME',
      exitCode: ExitCode.usage,
    });
  const remembered = await unfinishedRequest(await cli.quietContext(), reference);
  return {
    ...remembered,
    ...(options.tier !== undefined && { tier: options.tier }),
    ...(options.email !== undefined && { email: options.email }),
  };
}

async function ask(cli: Invocation, options: OnboardOptions): Promise<OnboardRequest> {
  const { prompts } = cli;
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
      '--idp': options.idp,
    },
  );
  return { tier, name, email };
}

async function proveIsolation(cli: Invocation, tenantId: string): Promise<Verification> {
  const { verifyTenant } = await import('../services/verify/verify.ts');
  return cli.run((context) => verifyTenant(context, tenantId));
}

/** Writes the tenant down and leaves the rest to a process in the background. */
async function begin(
  cli: Invocation,
  request: OnboardRequest,
  { verify, idp }: OnboardOptions,
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
      // The file, not what is in it: its secret comes from the environment again, or from a file.
      ...(idp === undefined ? [] : ['--idp', path.resolve(cli.cwd, idp)]),
      ...(cli.options.config === undefined ? [] : ['--config', path.resolve(cli.cwd, cli.options.config)]),
      ...(cli.options.profile === undefined ? [] : ['--profile', cli.options.profile]),
      ...(cli.options.region === undefined ? [] : ['--region', cli.options.region]),
    ],
  });
  cli.output.result(
    { ...tenant, durationMs: 0, steps: [] },
    () => `tenant ${tenant.name} is being onboarded in the background (log: ${log})`,
  );
  cli.output.next(`saas-ecs watch ${tenant.name}`);
}

const describeModel: Record<Tenant['model'], string> = {
  pool: 'shared services',
  'shared-cluster': 'its own services in a shared cluster',
  'dedicated-cluster': 'its own cluster',
};
