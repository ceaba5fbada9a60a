/** Tenants that exist for a verification alone: two a tier, made at once, removed whatever happens. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { processIdentity } from '../../model/process.ts';
import type { Tier } from '../../model/tier.ts';
import type { Context } from '../context.ts';
import type { Registry, TenantRecord } from '../registry/registry.ts';
import { offboard } from '../tenants/offboard.ts';
import { onboard } from '../tenants/onboard.ts';

const named = /^probe-[0-9a-f]{8}-[ab]$/;
/** Longer than a run takes: probes of another machine that are older belong to nobody. */
const abandonedAfterMs = 60 * 60_000;
/** Stacks at a time; CloudFormation and ECS bear more, a laptop does not. */
const atOnce = 6;

/** Says in a probe's address whose process made it, so that another run knows whether it is still wanted. */
const owner = (): string =>
  `${process.pid}.${Buffer.from(`${hostname()}`).toString('hex').slice(0, 16)}.${Buffer.from(
    processIdentity(process.pid) ?? '',
  )
    .toString('hex')
    .slice(-16)}`;
const addressFor = (name: string): string => `${owner()}@${name}.invalid`;

function isAbandoned({ adminEmail, createdAt }: TenantRecord, now: Date): boolean {
  const [pid = '', host, identity] = (adminEmail.split('@')[0] ?? '').split('.');
  if (host !== owner().split('.')[1]) return now.getTime() - Date.parse(createdAt) > abandonedAfterMs;
  const runs = processIdentity(Number(pid));
  return runs === undefined || Buffer.from(runs).toString('hex').slice(-16) !== identity;
}

/** By its name, and by an address that no person has: a tenant that happens to be called so is nobody's to remove. */
export const isProbe = ({ name, adminEmail }: Pick<TenantRecord, 'name' | 'adminEmail'>): boolean =>
  named.test(name) && adminEmail.endsWith(`@${name}.invalid`);

/** Probes that a run which is no longer there has left. */
export async function abandonedProbes(registry: Registry, now: Date): Promise<TenantRecord[]> {
  const found: TenantRecord[] = [];
  let nextToken: string | undefined;
  do {
    const page = await registry.tenants({ limit: 500, ...(nextToken !== undefined && { nextToken }) });
    found.push(...page.items.filter((tenant) => isProbe(tenant) && isAbandoned(tenant, now)));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

export interface ProbePair {
  tier: Tier;
  a: string;
  b: string;
}

/** Names for two probes on each of these tiers. */
export function probeNames(tiers: readonly Tier[]): ProbePair[] {
  return tiers.map((tier) => {
    const run = randomBytes(4).toString('hex');
    return { tier, a: `probe-${run}-a`, b: `probe-${run}-b` };
  });
}

const quiet = (context: Context, signal: AbortSignal): Context => ({ ...context, watch: () => {}, signal });

/** Onboards probes; nobody is invited. When one fails the others are let finish, and the first failure is thrown. */
export async function makeProbes(
  context: Context,
  wanted: readonly { tier: Tier; name: string }[],
  onMade: (name: string) => void,
): Promise<void> {
  await inTurn(wanted, async ({ tier, name }) => {
    await onboard(quiet(context, context.signal), {
      tier: tier.name,
      name,
      email: addressFor(name),
      invite: false,
    });
    onMade(name);
  });
}

/** Offboards probes, those that were never made among them; goes on after a failure and throws it at the end. */
export async function removeProbes(
  context: Context,
  registry: Registry,
  names: readonly string[],
): Promise<void> {
  // Also when the run was stopped: what it made must go.
  const stubborn = quiet(context, AbortSignal.timeout(10 * 60_000));
  await inTurn(names, async (name) => {
    const tenantId = await registry.tenantIdOf(name);
    const tenant = tenantId === undefined ? undefined : await registry.tenant(tenantId);
    if (!tenant || tenant.status === 'offboarded') {
      if (tenantId !== undefined) await registry.releaseName(name, tenantId);
      return;
    }
    await offboard(stubborn, { tenant: tenant.tenantId });
  });
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await work(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
