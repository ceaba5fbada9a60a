import type { Config } from '../../model/config.ts';
import { chooseEnvironment, type ResolveOptions, resolveEnvironment, type Target } from '../environment.ts';
import { localCloudStatus } from '../local-cloud.ts';
import type { Session } from '../session.ts';
import { checkBootstrap, checkRegion } from './account.ts';
import { checkCertificate } from './certificate.ts';
import { type Check, look, pass, problem } from './check.ts';
import { checkDeployed, sessionOf, tenantsByTier } from './deployment.ts';
import { checkImages } from './images.ts';
import { checkDocker, checkEmbedded, checkNode, checkOptional } from './machine.ts';
import { needsOf } from './needs.ts';
import { checkQuotas } from './quotas.ts';

export interface DiagnoseRequest extends ResolveOptions {
  /** Reads the configuration; what it throws is a finding. */
  load: () => Promise<Config>;
  /** Called with each finding as it comes, in no order. */
  onCheck?: (check: Check) => void;
}

/**
 * Looks at everything that a deployment needs, all at once, and changes nothing. What rests on something that is
 * missing (an account without credentials) is left out. Gives the findings in a fixed order.
 */
export async function diagnose(request: DiagnoseRequest): Promise<Check[]> {
  const { onCheck = () => {} } = request;
  const report = async (found: Promise<Check | Check[]>): Promise<Check[]> => {
    const checks = [await found].flat();
    for (const check of checks) onCheck(check);
    return checks;
  };
  const node = report(Promise.resolve(checkNode()));
  let config: Config;
  try {
    config = await request.load();
    // An environment that is not there is the configuration's fault too.
    chooseEnvironment(config, request.name);
  } catch (error) {
    return [...(await node), ...(await report(Promise.resolve(problem('configuration', error))))];
  }
  const environment = chooseEnvironment(config, request.name);
  const { tiers, services } = config;
  const configuration = report(
    Promise.resolve(
      pass('configuration', `valid: ${tiers.length} tiers, ${services.length} services, ${environment.name}`),
    ),
  );
  const rest =
    environment.target === 'aws'
      ? [report(checkDocker()), report(checkImages(config)), inAccount(config, request, report)]
      : [report(checkEmbedded(config)), report(checkOptional()), report(inEmbedded(config, request))];
  return (await Promise.all([node, configuration, ...rest])).flat();
}

type Report = (found: Promise<Check | Check[]>) => Promise<Check[]>;

/** Whoever signs is asked first: without that, nothing else can be. */
async function inAccount(config: Config, request: ResolveOptions, report: Report): Promise<Check[]> {
  let target: Target;
  let who: Check[];
  try {
    target = await resolveEnvironment(config, request);
    const { account, arn } = await target.verify();
    who = await report(Promise.resolve(pass('credentials', `account ${account}, as ${arn}`)));
  } catch (error) {
    return report(Promise.resolve(problem('credentials', error, 'sts:GetCallerIdentity')));
  }
  const opened = sessionOf(target);
  const { tls } = target.environment.security;
  const checks = await Promise.all([
    report(look('region', 'ec2:DescribeAvailabilityZones', () => checkRegion(target))),
    report(look('bootstrap', 'ssm:GetParameter', () => checkBootstrap(config, target))),
    ...(tls
      ? [report(look('certificate', 'acm:DescribeCertificate', () => checkCertificate(target, tls)))]
      : []),
    report(
      look('deployed', 'ssm:GetParameters and dynamodb:Query on the registry', async () =>
        checkDeployed(config, target, await opened),
      ),
    ),
    report(quotas(config, target, opened)),
  ]);
  return [...who, ...checks.flat()];
}

/** For the tenants that there are, and one more of each tier that has its own. */
async function quotas(
  config: Config,
  target: Target,
  opened: Promise<Session | undefined>,
): Promise<Check[]> {
  // Without the registry, the need is that of the first tenants.
  const tenants = await opened.then(tenantsByTier).catch((): Record<string, number> => ({}));
  const planned = Object.fromEntries(config.tiers.map(({ name }) => [name, (tenants[name] ?? 0) + 1]));
  return checkQuotas(target, needsOf(config, planned, target.environment.controlPlane));
}

/** Nothing is started for it: a cloud that does not run has nothing to tell. */
async function inEmbedded(config: Config, request: ResolveOptions): Promise<Check[]> {
  const { running } = await localCloudStatus({ root: config.root });
  if (!running) return [];
  const target = await resolveEnvironment(config, request);
  return look('deployed', 'dynamodb:Query', async () =>
    checkDeployed(config, target, await sessionOf(target)),
  );
}
