/** The newcomer's tour: three tenants on three tiers, and proof that each is served and none reaches another. */
import { randomUUID } from 'node:crypto';
import type { Tenant } from '../model/tenant.ts';
import { isSilo } from '../model/tier.ts';
import type { Context } from './context.ts';
import { deployShared } from './deployment/deploy-shared.ts';
import { listTenants } from './tenants/list.ts';
import { onboard } from './tenants/onboard.ts';
import { sendBurst } from './throttling.ts';
import { issueToken } from './tokens.ts';

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Tour {
  tenants: Tenant[];
  checks: Check[];
}

const names = ['acorn', 'birch', 'cedar', 'dogwood', 'elm'];

interface Guest {
  tenant: Tenant;
  token: string;
}

/** Deploys, onboards one tenant a tier and runs the checks. What is there already is used. */
export async function takeTour(context: Context, onCheck: (check: Check) => void): Promise<Tour> {
  await deployShared(context);
  const tenants: Tenant[] = [];
  for (const [index, tier] of context.config.tiers.entries()) {
    const name = names[index] ?? `tenant-${index + 1}`;
    const there = (await listTenants(context)).tenants.find((tenant) => tenant.name === name);
    tenants.push(
      there?.status === 'active'
        ? there
        : await onboard(context, { tier: tier.name, name, email: `admin@${name}.example` }),
    );
  }
  const guests: Guest[] = [];
  for (const tenant of tenants)
    guests.push({ tenant, token: (await issueToken(context, { tenant: tenant.tenantId })).token });

  const checks: Check[] = [];
  const check = async (name: string, work: () => Promise<{ ok: boolean; detail: string }>): Promise<void> => {
    const found = await work().catch((error: unknown) => ({
      ok: false,
      detail: error instanceof Error ? error.message : String(error),
    }));
    const result = { name, ...found };
    checks.push(result);
    onCheck(result);
  };

  const made = new Map<string, string>();
  for (const guest of guests) {
    await check(`${guest.tenant.name} (${guest.tenant.tier}) stores an order and reads it back`, async () => {
      const product = await request(guest, 'POST', '/products', {
        name: `Lamp ${guest.tenant.name}`,
        price: 19.5,
        sku: randomUUID().slice(0, 8),
        category: 'light',
      });
      const productId = String(product.json['productId'] ?? product.json['id']);
      const order = await request(guest, 'POST', '/orders', {
        orderName: `Order of ${guest.tenant.name}`,
        orderProducts: [{ productId, price: 19.5, quantity: 2 }],
      });
      const id = order.headers.get('location')?.split('/').at(-1) ?? '';
      const read = await request(guest, 'GET', `/orders/${id}`);
      if (read.status === 200) made.set(guest.tenant.tenantId, id);
      return {
        ok: order.status === 201 && read.status === 200,
        detail: `POST /orders ${order.status}, GET /orders/${id.slice(0, 8)} ${read.status}`,
      };
    });
  }
  await checkIsolation(guests, made, check);
  await checkLimits(context, guests, check);
  return { tenants, checks };
}

type Checker = (name: string, work: () => Promise<{ ok: boolean; detail: string }>) => Promise<void>;

async function checkIsolation(
  guests: readonly Guest[],
  made: ReadonlyMap<string, string>,
  check: Checker,
): Promise<void> {
  for (const guest of guests) {
    for (const other of guests.filter((candidate) => candidate !== guest)) {
      await check(`${guest.tenant.name} can't read an order of ${other.tenant.name}`, async () => {
        const id = made.get(other.tenant.tenantId) ?? '';
        const forged = { tenantPath: isSilo(other.tenant.model) ? other.tenant.tenantId : 'basic' };
        const plain = await request(guest, 'GET', `/orders/${id}`);
        const withHeader = await request(guest, 'GET', `/orders/${id}`, undefined, forged);
        return {
          ok: id !== '' && plain.status === 404 && withHeader.status === 404,
          detail: `by its id ${plain.status}, with the forged routing header ${withHeader.status}`,
        };
      });
    }
  }
  const [first] = guests;
  if (!first) return;
  await check('nobody gets in without a token, or with a changed one', async () => {
    const none = await request({ ...first, token: '' }, 'GET', '/orders');
    const [header, payload, signature = ''] = first.token.split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    const changed = Buffer.from(
      JSON.stringify({ ...claims, 'custom:tenantId': guests[1]?.tenant.tenantId ?? 'x' }),
    ).toString('base64url');
    const tampered = await request(
      { ...first, token: [header, changed, signature].join('.') },
      'GET',
      '/orders',
    );
    return {
      ok: none.status === 401 && tampered.status === 401,
      detail: `no token ${none.status}, another tenant's id in it ${tampered.status}`,
    };
  });
}

async function checkLimits(context: Context, guests: readonly Guest[], check: Checker): Promise<void> {
  const slow = [...guests].sort((a, b) => a.tenant.throttle.burst - b.tenant.throttle.burst)[0];
  const neighbour = guests.find((guest) => guest !== slow);
  if (!slow || !neighbour) return;
  const { burst } = slow.tenant.throttle;
  await check(
    `a burst of ${slow.tenant.name} is throttled, and ${neighbour.tenant.name} does not notice`,
    async () => {
      const [sent, other] = await Promise.all([
        sendBurst(`${slow.tenant.apiUrl}/orders`, slow.token, burst * 3, context.signal),
        sendBurst(`${neighbour.tenant.apiUrl}/orders`, neighbour.token, 5, context.signal, 1),
      ]);
      return {
        ok: sent.throttled > 0 && sent.passed >= 1 && other.throttled === 0 && other.passed === other.sent,
        detail: `${sent.sent} sent: ${sent.passed} passed, ${sent.throttled} got 429; of ${neighbour.tenant.name}'s ${other.sent}, ${other.throttled} got 429`,
      };
    },
  );
}

interface Reply {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

async function request(
  { tenant, token }: Guest,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(`${tenant.apiUrl}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not every answer is JSON; the status is what counts.
  }
  return { status: response.status, headers: response.headers, json };
}
