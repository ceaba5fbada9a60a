/** What an environment's block `security` says, and what the templates make of it. */
import type { Tier } from './tier.ts';

export const encryptions = ['aws-owned', 'customer-managed'] as const;
export type Encryption = (typeof encryptions)[number];

export interface InternalTls {
  /** In AWS Certificate Manager, in the environment's account and Region. */
  certificateArn: string;
  /** The domain name that the certificate is for. */
  serverName: string;
}

export interface SecuritySettings {
  encryption: Encryption;
  waf: 'on' | 'off';
  /** Requests in five minutes from one address. */
  rateLimit?: number;
  tls?: InternalTls;
}

/** The same with what follows from it; plain JSON. */
export interface SecurityDeployment {
  encryption: Encryption;
  waf?: { rateLimit: number };
  tls?: InternalTls;
}

/** Seconds over which a rate rule counts (AWS WAF's default). */
const rateWindow = 300;

/** The least limit that is set by itself: a browser's pages stay well below. */
const leastRateLimit = 2000;

/**
 * Whoever uses a tenant's rate to the full from one address must not be taken for an attacker: unless set, the limit is
 * twice what the fastest tier lets a tenant send.
 */
const defaultRateLimit = (tiers: readonly Tier[]): number =>
  Math.max(leastRateLimit, ...tiers.map(({ throttle }) => Math.ceil(2 * throttle.rate * rateWindow)));

export const securityOf = (
  { encryption, waf, rateLimit, tls }: SecuritySettings,
  tiers: readonly Tier[],
): SecurityDeployment => ({
  encryption,
  ...(waf === 'on' && { waf: { rateLimit: rateLimit ?? defaultRateLimit(tiers) } }),
  ...(tls && { tls }),
});
