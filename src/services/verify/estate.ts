/** What is attacked: tenants with a user of each role, what they have stored, and where their services run. */
import { tenantOutputs } from '../../model/names.ts';
import type { Service } from '../../model/service.ts';
import { poolTenantPath } from '../../model/tenant.ts';
import { isSilo, type TierModel } from '../../model/tier.ts';
import type { Context } from '../context.ts';
import type { UserPool } from '../identity.ts';
import type { TenantRecord } from '../registry/registry.ts';
import type { Session } from '../session.ts';
import { outputsOf, Stacks } from '../stacks.ts';
import { findHoldings } from '../tenants/holdings.ts';
import { liveThrottle } from '../tenants/view.ts';
import { UsagePlans } from '../usage-plans.ts';
import { pace, unthrottled } from './pace.ts';
import { type RawRequest, type Reply, rawRequest } from './request.ts';
import { addressOf, type VerifyUser, type VerifyUsers } from './users.ts';

/** A tenant in the role of attacker or victim. */
export interface Subject {
  tenantId: string;
  name: string;
  tier: string;
  model: TierModel;
  apiUrl: string;
  pool: UserPool & { issuer: string };
  /** Service name -> table. */
  tables: Readonly<Record<string, string>>;
  cluster: string;
  /** Service name -> ECS service. */
  services: Readonly<Record<string, string>>;
  /** Value of the header by which the load balancer finds its services. */
  tenantPath: string;
  /** Made for the run, so it may be written to, burdened and ended. */
  disposable: boolean;
  admin: VerifyUser;
  user: VerifyUser;
  /** Something that it has stored: service name -> id. */
  stored: Readonly<Record<string, string>>;
  /** Texts that only an answer to this tenant may hold. */
  traces: readonly string[];
  throttle: { rate: number; burst: number };
  /** Waits until the tenant's own limits admit one more request. */
  turn(signal: AbortSignal): Promise<void>;
}

/** The services of the configuration that attacks know how to speak to. */
export interface Catalog {
  /** A built-in service that keeps items: products, else orders. */
  items: Service | undefined;
  orders: Service | undefined;
  users: Service | undefined;
  /** Services of which a task can be run, built-in ones first. */
  of(access: 'data' | 'identity'): Service | undefined;
}

export interface Estate {
  context: Context;
  session: Session;
  catalog: Catalog;
  users: VerifyUsers;
  /** Ends a tenant that was made for the run, before the others. */
  retire(subject: Subject): Promise<void>;
}

export function catalogOf(services: readonly Service[]): Catalog {
  const builtin = (image: string) => services.find((service) => service.image === `builtin:${image}`);
  return {
    items: builtin('product') ?? builtin('order'),
    orders: builtin('order'),
    users: builtin('user'),
    of: (access) =>
      services
        .filter((service) => service.access === access && (access !== 'data' || service.table))
        .sort((a, b) => Number(b.image.startsWith('builtin:')) - Number(a.image.startsWith('builtin:')))[0],
  };
}

export const productOf = (name: string) => ({
  name: `secret of ${name}`,
  price: 19.5,
  sku: 'V-1',
  category: 'verify',
});
export const orderOf = (name: string, productId: string) => ({
  orderName: `secret of ${name}`,
  orderProducts: [{ productId, price: 19.5, quantity: 1 }],
});

/** Sends as one of the subject's users, or as whoever `token` says; waits its turn within the tenant's limits. */
export async function send(
  subject: Subject,
  path: string,
  options: RawRequest & { token?: string } = {},
  signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<Reply> {
  const { token = subject.admin.idToken, headers = [], ...rest } = options;
  const request = {
    ...rest,
    signal,
    headers: [...headers, ...(token === '' ? [] : ['authorization', `Bearer ${token}`])],
  };
  return unthrottled(signal, async () => {
    await subject.turn(signal);
    return rawRequest(subject.apiUrl, path, request);
  });
}

/**
 * Brings a tenant into the estate: makes its users of the run, and what attackers will be after. In a probe and in a
 * tenant that is new something is stored; in one that lives, what is there is looked up.
 */
export async function enter(
  context: Context,
  session: Session,
  users: VerifyUsers,
  tenant: TenantRecord,
  standing: 'probe' | 'new' | 'living',
): Promise<Subject> {
  const holdings = await findHoldings(context, session, tenant, new UsagePlans(context.target.client));
  if (!holdings.pool) throw new Error(`tenant "${tenant.name}" has no user pool`);
  const { tenantId, name, tier, model } = tenant;
  const { pool } = holdings;
  const running = await whereItRuns(context, session, tenant, holdings.stack);
  const throttle = tenant.throttle ?? liveThrottle(context.config, await session.registry.tiers(), tier);
  // Tenants that live keep half of their limits for themselves.
  const share = standing === 'living' ? 0.4 : 0.9;
  const user = (what: string, role: 'TenantAdmin' | 'TenantUser') =>
    users.make(
      pool,
      { email: addressOf(what, tenantId), tenantId, role, tier, tenantName: name },
      { group: true },
    );
  const subject: Subject = {
    tenantId,
    name,
    tier,
    model,
    apiUrl: tenant.apiUrl ?? '',
    pool,
    tables: holdings.tables,
    ...running,
    tenantPath: isSilo(model) ? tenantId : poolTenantPath,
    disposable: standing === 'probe',
    admin: await user('admin', 'TenantAdmin'),
    user: await user('user', 'TenantUser'),
    stored: {},
    traces: [],
    throttle,
    turn: pace(throttle.rate * share, throttle.burst * share),
  };
  subject.stored = await stored(context, subject, standing !== 'living');
  subject.traces = [
    tenantId,
    `secret of ${name}`,
    subject.admin.email,
    subject.user.email,
    ...Object.values(subject.stored),
  ];
  return subject;
}

async function whereItRuns(
  context: Context,
  { shared }: Session,
  tenant: TenantRecord,
  stack: string | undefined,
): Promise<Pick<Subject, 'cluster' | 'services'>> {
  if (tenant.model === 'pool')
    return { cluster: shared.pool?.clusterName ?? '', services: shared.pool?.services ?? {} };
  const described = await new Stacks(context.target.client).describe(stack ?? '');
  const outputs = described ? outputsOf(described) : {};
  return {
    cluster: outputs[tenantOutputs.clusterName] ?? '',
    services: JSON.parse(outputs[tenantOutputs.services] ?? '{}') as Record<string, string>,
  };
}

/** Stores a product and an order, or finds what is there. */
async function stored(context: Context, subject: Subject, make: boolean): Promise<Record<string, string>> {
  const { items, orders } = catalogOf(context.config.services);
  const found: Record<string, string> = {};
  for (const service of [items, orders]) {
    if (!service?.table || found[service.name] !== undefined) continue;
    const id = make
      ? await store(subject, service, items && found[items.name])
      : await firstOf(subject, service);
    if (id !== undefined) found[service.name] = id;
  }
  return found;
}

async function store(subject: Subject, service: Service, productId: string | undefined): Promise<string> {
  const body =
    service.image === 'builtin:order' ? orderOf(subject.name, productId ?? 'none') : productOf(subject.name);
  const reply = await send(subject, service.path, { method: 'POST', body });
  if (reply.status !== 201)
    throw new Error(
      `${service.path} of ${subject.name} answered ${reply.status}: ${reply.body.slice(0, 200)}`,
    );
  return String(reply.headers.location).split('/').at(-1) ?? '';
}

async function firstOf(subject: Subject, service: Service): Promise<string | undefined> {
  const reply = await send(subject, `${service.path}?limit=1`);
  if (reply.status !== 200)
    throw new Error(
      `${service.path} of ${subject.name} answered ${reply.status}: ${reply.body.slice(0, 200)}`,
    );
  const item = (JSON.parse(reply.body) as { items: Record<string, string>[] }).items[0];
  return item?.[service.table?.sortKey ?? ''];
}

/** Takes away what was stored in a tenant that stays. */
export async function clear(context: Context, subject: Subject): Promise<void> {
  for (const service of context.config.services) {
    const id = subject.stored[service.name];
    if (id !== undefined) await send(subject, `${service.path}/${id}`, { method: 'DELETE' });
  }
}
