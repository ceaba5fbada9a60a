/** What is deployed, and whether it is what the configuration says. */
import type { Config } from '../../model/config.ts';
import { SaasError } from '../../model/error.ts';
import { configurationDigest } from '../deployment/release.ts';
import type { Target } from '../environment.ts';
import { openSession, type Session } from '../session.ts';
import { environmentFlag } from '../stopped.ts';
import { type Check, pass, warn } from './check.ts';

/** Undefined when nothing is deployed. */
export async function sessionOf(target: Target): Promise<Session | undefined> {
  try {
    return await openSession({ target });
  } catch (error) {
    if (error instanceof SaasError && error.code === 'not_deployed') return undefined;
    throw error;
  }
}

export async function checkDeployed(
  config: Config,
  target: Target,
  session: Session | undefined,
): Promise<Check> {
  const deploy = `saas-ecs deploy-shared${environmentFlag({ config, target })}`;
  if (!session) return pass('deployed', 'nothing is deployed yet', deploy);
  const [newest] = await session.registry.releases();
  if (!newest) return warn('deployed', 'the stacks are there, but no release', `finish it: ${deploy}`);
  return newest.configuration === configurationDigest(config, target)
    ? pass('deployed', `release ${newest.release} is the configuration's`)
    : warn(
        'deployed',
        `release ${newest.release} is not of this configuration, or of another version of saas-ecs`,
        `see what would change: ${deploy} --dry-run`,
      );
}

/** Tenants by tier, whatever their state: each holds what it has until it is offboarded. */
export async function tenantsByTier(session: Session | undefined): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let nextToken: string | undefined;
  do {
    if (!session) break;
    const page = await session.registry.tenants(nextToken === undefined ? {} : { nextToken });
    for (const { tier } of page.items) counts[tier] = (counts[tier] ?? 0) + 1;
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return counts;
}
