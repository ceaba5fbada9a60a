/** Attacks an environment as a hostile tenant would, and says what held. */
import { randomUUID } from 'node:crypto';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { ExitCode, SaasError } from '../../model/error.ts';
import type { Tier } from '../../model/tier.ts';
import { type Act, audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { openSession, type Session } from '../session.ts';
import { watched } from '../watched.ts';
import type { Attack, AttackClass, AttackResult, Outcome, Suite } from './attack.ts';
import { attackClasses } from './attack.ts';
import { attacks } from './attacks/index.ts';
import { attackAll, estateOf, type Pair, scenesOf, whyNot } from './campaign.ts';
import { clear, enter, type Subject } from './estate.ts';
import { abandonedProbes, makeProbes, probeNames, removeProbes } from './probes.ts';
import type { Planned } from './runner.ts';
import { VerifyUsers } from './users.ts';
import { failureOf } from './verdict.ts';

export interface VerifyRequest {
  suite?: Suite | 'all';
  /** Two tenants that live, by id or name: attacked by reading only. Probes are made when absent. */
  tenants?: readonly [string, string];
}

export interface Skipped {
  name: string;
  tier: string;
  why: string;
}

export interface Verification {
  id: string;
  /** ISO 8601. */
  startedAt: string;
  /** ARN of who ran it, as STS says. */
  by: string;
  app: string;
  environment: string;
  account: string;
  region: string;
  routing: string;
  suites: Suite[];
  subjects: { name: string; tenantId: string; tier: string; model: string; disposable: boolean }[];
  summary: { attacks: number; held: number; succeeded: number; inconclusive: number; durationMs: number };
  attacks: AttackResult[];
  skipped: Skipped[];
}

export async function verify(context: Context, request: VerifyRequest = {}): Promise<Verification> {
  const { tenants, suite = 'all' } = request;
  return proving(context, { action: 'verify', parameters: { suite, tenants } }, () =>
    tenants ? verifyTenants(context, tenants, suite) : verifyTiers(context, suite),
  );
}

/** In the audit a run whose attacks did not all hold has failed. */
const proving = (
  context: Context,
  asked: Act,
  run: (act: Act) => Promise<Verification>,
): Promise<Verification> =>
  audited(context, asked, async (act) => {
    const verification = await run(act);
    act.failure = failureOf(verification);
    return verification;
  });

/** With two probes on each tier. */
async function verifyTiers(context: Context, suite: Suite | 'all' = 'all'): Promise<Verification> {
  const run = await begin(context, suite);
  const { tiers } = context.config;
  return withProbes(context, run, tiers, async (pairs) => {
    for (const { attacker, neighbour, victims } of scenesOf(pairs)) run.plan(attacker, neighbour, victims);
    return run.attack(pairs.flat());
  });
}

/** Between two tenants that live: nothing of theirs is written, and neither is burdened. */
async function verifyTenants(
  context: Context,
  [one, other]: readonly [string, string],
  suite: Suite | 'all' = 'all',
): Promise<Verification> {
  const run = await begin(context, suite);
  const records = await Promise.all(
    [one, other].map((reference) => run.session.registry.findTenant(reference)),
  );
  for (const { name, status } of records)
    if (status !== 'active')
      throw new SaasError(
        'tenant_not_active',
        `tenant "${name}" is ${status}, so nothing can be learned from it`,
        {
          hint: `see it: saas-ecs describe-tenant ${name}`,
        },
      );
  const [first, second] = records;
  if (!first || !second || first.tenantId === second.tenantId)
    throw new SaasError('bad_usage', 'a verification takes two tenants that differ', {
      hint: 'for example: --tenants acme,globex',
      exitCode: ExitCode.usage,
    });
  try {
    const a = await enter(context, run.session, run.users, first, 'living');
    const b = await enter(context, run.session, run.users, second, 'living');
    run.plan(a, b, [b]);
    run.plan(b, a, [a]);
    return await run.attack([a, b]);
  } finally {
    await run.users.deleteMade();
  }
}

/** The isolation of one tenant that was just onboarded, against a probe of the pool, or of its own tier without one. */
export async function verifyTenant(context: Context, reference: string): Promise<Verification> {
  return proving(
    context,
    { action: 'verify', tenant: reference, parameters: { suite: 'isolation' } },
    (act) => verifyNew(context, reference, act),
  );
}

async function verifyNew(context: Context, reference: string, act: Act): Promise<Verification> {
  const run = await begin(context, 'isolation');
  const record = await run.session.registry.findTenant(reference);
  act.tenant = record;
  const tier =
    context.config.tiers.find(({ model }) => model === 'pool') ??
    context.config.tiers.find(({ name }) => name === record.tier);
  return withProbes(
    context,
    run,
    tier ? [tier] : [],
    async ([pair]) => {
      const probe = pair?.[0];
      if (!probe) throw new SaasError('no_probe', 'there is no tier to make a probe on');
      const tenant = await enter(context, run.session, run.users, record, 'new');
      try {
        run.plan(tenant, probe, [probe]);
        run.plan(probe, tenant, [tenant]);
        return await run.attack([tenant, probe]);
      } finally {
        await clear(context, tenant);
      }
    },
    1,
  );
}

/** Makes probes, runs `use` with them, and removes them whatever happens, those of killed runs as well. */
async function withProbes<T>(
  context: Context,
  run: Run,
  tiers: readonly Tier[],
  use: (pairs: Pair[]) => Promise<T>,
  each: 1 | 2 = 2,
): Promise<T> {
  const { registry } = run.session;
  const named = probeNames(tiers);
  const wanted = named.flatMap(({ tier, a, b }) =>
    (each === 2 ? [a, b] : [a]).map((name) => ({ tier, name })),
  );
  const leftovers = (await abandonedProbes(registry, context.now())).map(({ name }) => name);
  let failed = true;
  try {
    const pairs = await watched(context.watch, 'probes', `Make ${wanted.length} probe tenants`, async () => {
      let made = 0;
      const [, removed] = await Promise.allSettled([
        makeProbes(context, wanted, () => {
          made++;
          context.watch({ type: 'detail', step: 'probes', text: `${made} of ${wanted.length}` });
        }),
        removeProbes(context, registry, leftovers),
      ]).then((both) => {
        if (both[0].status === 'rejected') throw both[0].reason;
        return both;
      });
      if (removed?.status === 'rejected')
        context.watch({
          type: 'note',
          text: `probes of an earlier run are still there: ${String(removed.reason)}`,
        });
      const subjects = new Map<string, Subject>();
      for (const { name } of wanted) {
        const record = await registry.findTenant(name);
        subjects.set(name, await enter(context, run.session, run.users, record, 'probe'));
      }
      return named.map(
        ({ a, b }) => [subjects.get(a), subjects.get(b) ?? subjects.get(a)] as unknown as Pair,
      );
    });
    const result = await use(pairs);
    failed = false;
    return result;
  } finally {
    await watched(context.watch, 'removal', 'Remove the probe tenants', async () => {
      await run.users.deleteMade();
      await removeProbes(
        context,
        registry,
        wanted.map(({ name }) => name),
      );
    }).catch((error: unknown) => {
      // The reason for which the run ends is told; this one with it.
      if (!failed) throw error;
      context.watch({
        type: 'note',
        text: `not all probe tenants are gone, the next run removes them: ${String(error)}`,
      });
    });
  }
}

interface Run {
  session: Session;
  users: VerifyUsers;
  plan(attacker: Subject, neighbour: Subject, victims: readonly Subject[]): void;
  attack(subjects: readonly Subject[]): Promise<Verification>;
}

async function begin(context: Context, suite: Suite | 'all'): Promise<Run> {
  const began = performance.now();
  const session = await openSession(context);
  const { client } = context.target;
  const users = new VerifyUsers(client);
  const identity = await new STSClient(client).send(new GetCallerIdentityCommand({}));
  if (session.shared.pool)
    await users.deleteLeftovers(session.shared.pool.userPoolId, context.now(), leftoverMs);
  const startedAt = context.now().toISOString();
  const wanted = suitesOf(suite);
  const planned: Planned[] = [];
  const skipped: Skipped[] = [];
  const estate = estateOf(context, session, users);
  return {
    session,
    users,
    plan(attacker, neighbour, victims) {
      const scene = { estate, attacker, neighbour, victims };
      for (const [each, list] of Object.entries(attacks) as [AttackClass, readonly Attack[]][]) {
        if (!wanted.includes(attackClasses[each].suite)) continue;
        for (const attack of list) {
          const why = whyNot(attack, scene);
          if (why === undefined) planned.push({ attack, class: each, scene });
          else if (why !== '') skipped.push({ name: attack.name, tier: attacker.tier, why });
        }
      }
    },
    async attack(subjects) {
      const results = await attackAll(context, planned);
      const count = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length;
      const { app, environment, region } = context.target;
      return {
        id: randomUUID(),
        startedAt,
        by: identity.Arn ?? 'unknown',
        app,
        environment: environment.name,
        account: identity.Account ?? '',
        region,
        routing: context.config.routing,
        suites: wanted,
        subjects: subjects.map(({ name, tenantId, tier, model, disposable }) => ({
          name,
          tenantId,
          tier,
          model,
          disposable,
        })),
        summary: {
          attacks: results.length,
          held: count('held'),
          succeeded: count('succeeded'),
          inconclusive: count('inconclusive'),
          durationMs: Math.round(performance.now() - began),
        },
        attacks: results,
        skipped,
      };
    },
  };
}

/** Users of runs that may still be under way are younger. */
const leftoverMs = 30 * 60_000;

const suitesOf = (suite: Suite | 'all'): Suite[] =>
  suite === 'all' ? ['isolation', 'auth', 'throttle'] : [suite];
