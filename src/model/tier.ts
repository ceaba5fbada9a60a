import { SaasError } from './error.ts';
import type { CellOutputs } from './names.ts';

/** How a tier's tenants share: pool (shared services), shared-cluster (own services), dedicated-cluster (own cluster). */
export const tierModels = ['pool', 'shared-cluster', 'dedicated-cluster'] as const;
export type TierModel = (typeof tierModels)[number];

export const quotaPeriods = ['day', 'week', 'month'] as const;
export type QuotaPeriod = (typeof quotaPeriods)[number];

export interface Quota {
  /** Requests a period. */
  limit: number;
  period: QuotaPeriod;
}

/** What one tenant may ask of the API. API Gateway holds a usage plan's limits for each key, so for each tenant. */
export interface Throttle {
  /** Requests a second, steady state. */
  rate: number;
  /** Requests that may come at once: the token bucket's size. */
  burst: number;
  quota: Quota;
}

/** Whether a tenant's users sign in with a second factor, a code of an authenticator app (TOTP, RFC 6238). */
export const mfaModes = ['off', 'optional', 'required'] as const;
export type MfaMode = (typeof mfaModes)[number];

export interface Tier {
  name: string;
  model: TierModel;
  throttle: Throttle;
  /** Where a silo tier's tasks run. */
  capacity: 'fargate' | 'ec2';
  /** Of the tier's user pools; all tiers of the pool have one in common, so they agree. */
  mfa: MfaMode;
}

/** What the pool's one user pool asks for. */
export const poolMfa = (tiers: readonly Tier[]): MfaMode =>
  tiers.find(({ model }) => model === 'pool')?.mfa ?? 'optional';

export const isSilo = (model: TierModel): boolean => model !== 'pool';

/** The usage plan of a tier in a cell. Throws `tier_not_deployed`. */
export function tierPlan(cell: Pick<CellOutputs, 'name' | 'usagePlans'>, tier: string): string {
  const planId = cell.usagePlans[tier];
  if (planId !== undefined) return planId;
  throw new SaasError('tier_not_deployed', `the tier "${tier}" has no usage plan in ${cell.name} yet`, {
    hint: 'deploy it: saas-ecs deploy-shared',
  });
}
