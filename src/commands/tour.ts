import { existsSync } from 'node:fs';
import path from 'node:path';
import { SaasError } from '../model/error.ts';
import { configFileName, findConfig } from '../services/config/load.ts';
import { defaultServices, defaultTiers, writeProject } from '../services/config/write.ts';
import { tellingWhatGoesOn } from '../services/stopped.ts';
import { type Check, takeTour } from '../services/tour.ts';
import { duration, plural, table } from '../ui/table.ts';
import { Invocation } from './invocation.ts';

/** Shows the whole system on this machine. Makes a project of its own when there is none here. */
export async function tour(cli: Invocation, options: { dir?: string }): Promise<void> {
  const { output } = cli;
  const began = performance.now();
  const guide = await project(cli, options.dir);
  const { environment } = await guide.target();
  if (environment.target !== 'embedded')
    throw new SaasError(
      'tour_is_local',
      `the tour runs on an embedded cloud, and "${environment.name}" is an AWS account`,
      {
        hint: 'choose an embedded environment with --env, or take the tour in an empty directory',
      },
    );
  output.note(
    output.err.bold('A multi-tenant SaaS on Amazon ECS, live on this machine: no account, no Docker.'),
  );
  output.note();
  const show = (check: Check): void => {
    if (output.format !== 'text') return;
    const mark = check.ok ? output.err.green('✔') : output.err.red('✖');
    output.note(`${mark} ${check.name} ${output.err.dim(`(${check.detail})`)}`);
  };
  const report = await guide.run((context) =>
    tellingWhatGoesOn(context, { what: 'the tour', command: 'saas-ecs tour' }, () => takeTour(context, show)),
  );
  const failed = report.checks.filter((check) => !check.ok);
  const failure =
    failed.length === 0
      ? undefined
      : new SaasError(
          'checks_failed',
          `${plural(failed.length, 'check')} of ${report.checks.length} failed`,
          {
            detail: failed.map((check) => `${check.name}: ${check.detail}`).join('\n'),
          },
        );
  output.result(
    report,
    (colors) =>
      [
        '',
        table(colors, report.tenants, [
          { title: 'TENANT', value: (tenant) => tenant.name },
          { title: 'TIER', value: (tenant) => tenant.tier },
          { title: 'MODEL', value: (tenant) => tenant.model },
          {
            title: 'LIMITS',
            value: ({ throttle }) => `${throttle.rate}/s, ${throttle.quota.limit}/${throttle.quota.period}`,
          },
          { title: 'API', value: (tenant) => tenant.apiUrl ?? '' },
        ]),
        '',
        failure === undefined
          ? `${colors.green('✔')} all ${report.checks.length} checks hold (${duration(performance.now() - began)})`
          : colors.red(`✖ ${failure.message}:\n${failure.detail?.replace(/^/gm, '  ')}`),
      ].join('\n'),
    failure,
  );
  if (failure) {
    cli.exitCode = failure.exitCode;
    return;
  }
  const root = (await guide.config()).root;
  const enter = root === cli.cwd ? [] : [`cd ${path.relative(cli.cwd, root)}`];
  output.next(...enter, 'saas-ecs list-tenants', 'saas-ecs onboard', 'saas-ecs local status');
}

async function project(cli: Invocation, dir: string | undefined): Promise<Invocation> {
  if (cli.options.config !== undefined || (dir === undefined && findConfig(cli.cwd) !== undefined))
    return cli;
  const directory = path.resolve(cli.cwd, dir ?? 'saas-ecs-tour');
  if (!existsSync(path.join(directory, configFileName))) {
    const { mkdir } = await import('node:fs/promises');
    await mkdir(directory, { recursive: true });
    await writeProject(
      directory,
      { app: 'saas-ecs-tour', tiers: defaultTiers, services: defaultServices, routing: 'direct' },
      { force: false },
    );
  }
  return new Invocation(
    cli.output,
    { ...cli.options, config: path.join(directory, configFileName) },
    { cwd: cli.cwd, signal: cli.signal },
  );
}
