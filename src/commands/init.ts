import path from 'node:path';
import type { ControlPlaneKind } from '../model/control-plane.ts';
import { ExitCode, SaasError } from '../model/error.ts';
import { emailProblem } from '../model/tenant.ts';
import { defaultServices, defaultTiers, type NewProject, writeProject } from '../services/config/write.ts';
import { checkEmail } from '../services/tenants/email.ts';
import type { Invocation } from './invocation.ts';

export interface InitOptions {
  app?: string;
  email?: string;
  account?: string;
  region?: string;
  envName?: string;
  tiers?: string[];
  services?: string[];
  /** `<tier>=<rate>/<burst>/<quota>`, e.g. `basic=20/40/5000/day`. */
  limits?: string[];
  routing?: 'direct' | 'proxy';
  controlPlane?: ControlPlaneKind;
  yes?: boolean;
  force?: boolean;
}

export async function init(
  cli: Invocation,
  directory: string | undefined,
  options: InitOptions,
): Promise<void> {
  const target = path.resolve(cli.cwd, directory ?? '.');
  const project = await ask(cli, target, options);
  const [file = ''] = await writeProject(target, project, { force: options.force ?? false });
  cli.output.result(
    { file, app: project.app },
    (colors) => `${colors.green('✔')} wrote ${path.relative(cli.cwd, file) || file}`,
  );
  const enter = target === cli.cwd ? [] : [`cd ${path.relative(cli.cwd, target)}`];
  cli.output.next(...enter, 'saas-ecs deploy-shared', 'saas-ecs onboard');
}

/** Asks what the flags left open; with --yes, or with nobody to ask, the defaults hold. */
async function ask(cli: Invocation, target: string, options: InitOptions): Promise<NewProject> {
  const { prompts } = cli;
  if (!prompts.interactive && !options.yes && options.app === undefined)
    throw new SaasError('missing_input', '--app is missing', {
      hint: 'give --app, take the defaults with --yes, or run in a terminal to be asked',
      exitCode: ExitCode.usage,
    });
  const asking = prompts.interactive && !options.yes;
  const app = asking
    ? await prompts.text(options.app, {
        flag: '--app',
        message: 'Name of the app',
        default: appName(target),
        validate: validApp,
      })
    : (options.app ?? appName(target));
  let adminEmail = options.email;
  if (asking && adminEmail === undefined) {
    const answer = await prompts.text(undefined, {
      flag: '--email',
      message: "The operator's e-mail address",
      default: 'ops@example.com',
      validate: (value) => emailProblem(value) ?? true,
    });
    adminEmail = answer;
  }
  if (adminEmail !== undefined) checkEmail(adminEmail);
  let where = options.account === undefined ? 'embedded' : 'aws';
  if (asking && options.account === undefined)
    where = await prompts.choose(undefined, {
      flag: '--target',
      message: 'Where will it run',
      choices: [
        {
          name: 'on this machine',
          value: 'embedded',
          description: 'the embedded cloud: no account, no Docker',
        },
        { name: 'on this machine and in an AWS account', value: 'aws' },
      ],
    });
  // --account says the same.
  const asked = prompts.answered.indexOf('--target');
  if (asked >= 0) prompts.answered.splice(asked, 2);
  const aws =
    where === 'aws'
      ? {
          name: options.envName ?? 'prod',
          account: await prompts.text(options.account, {
            flag: '--account',
            message: 'AWS account',
            validate: (value) => /^[0-9]{12}$/.test(value) || 'an account is twelve digits',
          }),
          region: asking
            ? await prompts.text(options.region, {
                flag: '--aws-region',
                message: 'Region',
                default: 'us-east-1',
              })
            : (options.region ?? 'us-east-1'),
          ...(options.controlPlane !== undefined && { controlPlane: options.controlPlane }),
        }
      : undefined;
  let tiers = chosen('--tiers', options.tiers, defaultTiers, (tier) => tier.name);
  if (asking && options.tiers === undefined) {
    const names = await prompts.chooseSome({
      flag: '--tiers',
      message: 'Tiers',
      choices: defaultTiers.map((tier) => ({
        name: `${tier.name}: ${tier.model}, ${tier.rate} requests/s, ${tier.quota}`,
        value: tier.name,
        checked: true,
      })),
    });
    tiers = chosen('--tiers', names, defaultTiers, (tier) => tier.name);
    if (options.limits === undefined) tiers = await askLimits(cli, tiers);
  }
  tiers = withLimits(tiers, options.limits ?? []);
  let services = chosen('--services', options.services, defaultServices, (service) => service);
  if (asking && options.services === undefined)
    services = chosen(
      '--services',
      await prompts.chooseSome({
        flag: '--services',
        message: 'Services to begin with',
        choices: defaultServices.map((service) => ({ name: service, value: service, checked: true })),
      }),
      defaultServices,
      (service) => service,
    );
  const directory = path.relative(cli.cwd, target);
  const command = ['saas-ecs init', directory, options.force ? '--force' : ''].filter(Boolean).join(' ');
  prompts.sayEquivalent(command, {
    '--app': options.app,
    '--email': options.email,
    '--account': options.account,
    '--aws-region': options.region,
    '--env-name': options.envName,
    '--tiers': options.tiers?.join(','),
    '--limits': options.limits?.join(','),
    '--services': options.services?.join(','),
    '--routing': options.routing,
  });
  return {
    app,
    ...(adminEmail !== undefined && { adminEmail }),
    ...(aws && { aws }),
    tiers,
    services,
    routing: options.routing ?? 'direct',
  };
}

/** Limits are asked tier by tier only of those who want to change them; the file can be edited at any time. */
async function askLimits(cli: Invocation, tiers: NewProject['tiers']): Promise<NewProject['tiers']> {
  const keep = await cli.prompts.choose(undefined, {
    flag: '--limits',
    message: 'Limits of the tiers',
    choices: [
      { name: 'as shown', value: 'default' },
      { name: 'set them now', value: 'ask' },
    ],
  });
  // What --limits takes is told once all are known.
  cli.prompts.answered.splice(-2);
  if (keep === 'default') return tiers;
  const number = (value: string): true | string =>
    /^[1-9][0-9]*$/.test(value) ? true : 'a whole number above 0';
  const asked: NewProject['tiers'] = [];
  for (const tier of tiers) {
    const text = (
      what: string,
      fallback: string,
      validate: (value: string) => true | string,
    ): Promise<string> =>
      cli.prompts.text(undefined, {
        flag: '--limits',
        message: `${tier.name}: ${what}`,
        default: fallback,
        validate,
      });
    asked.push({
      ...tier,
      rate: Number(await text('requests a second', String(tier.rate), number)),
      burst: Number(await text('requests at once', String(tier.burst), number)),
      quota: await text(
        'quota',
        tier.quota,
        (value) => /^[1-9][0-9]*\/(day|week|month)$/.test(value) || 'for example 1000/day',
      ),
    });
    cli.prompts.answered.splice(-6);
  }
  cli.prompts.answered.push(
    '--limits',
    asked.map(({ name, rate, burst, quota }) => `${name}=${rate}/${burst}/${quota}`).join(','),
  );
  return asked;
}

/** The tiers with the limits that --limits gave: `basic=20/40/5000/day`. */
function withLimits(tiers: NewProject['tiers'], limits: readonly string[]): NewProject['tiers'] {
  const given = new Map(
    limits.map((text) => {
      const [, name = '', rate, burst, quota = ''] =
        /^([^=]+)=([1-9][0-9]*)\/([1-9][0-9]*)\/([1-9][0-9]*\/(?:day|week|month))$/.exec(text) ?? [];
      if (tiers.some((tier) => tier.name === name))
        return [name, { rate: Number(rate), burst: Number(burst), quota }];
      throw new SaasError('bad_usage', `--limits: "${text}" is not a tier with its limits`, {
        hint: `for example: --limits ${tiers[0]?.name ?? 'basic'}=20/40/5000/day (requests a second, at once, quota)`,
        exitCode: ExitCode.usage,
      });
    }),
  );
  return tiers.map((tier) => ({ ...tier, ...given.get(tier.name) }));
}

function chosen<T>(
  flag: string,
  names: readonly string[] | undefined,
  all: readonly T[],
  nameOf: (item: T) => string,
): T[] {
  if (names === undefined) return [...all];
  return names.map((name) => {
    const found = all.find((item) => nameOf(item) === name);
    if (found !== undefined) return found;
    throw new SaasError('bad_usage', `${flag}: "${name}" is unknown`, {
      hint: `choose from: ${all.map(nameOf).join(', ')}; others are added in saas-ecs.yaml`,
      exitCode: ExitCode.usage,
    });
  });
}

const validApp = (value: string): true | string =>
  /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/.test(value) || '2 to 32 lower-case letters, digits and inner dashes';

/** The directory's name, made to fit. */
function appName(directory: string): string {
  const name = path
    .basename(directory)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 32);
  return validApp(name) === true ? name : 'my-saas';
}
