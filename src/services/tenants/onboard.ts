import { ExitCode, SaasError } from '../../model/error.ts';
import { tenantOutputs, tenantParameters, tenantStackName } from '../../model/names.ts';
import type { StepReport } from '../../model/progress.ts';
import { type Tenant, tenantNameProblem } from '../../model/tenant.ts';
import type { Tier } from '../../model/tier.ts';
import { place } from '../cells.ts';
import type { Context } from '../context.ts';
import { Identity, type UserPool } from '../identity.ts';
import { newOperation, runOperation, type Step } from '../operation.ts';
import { untilServed } from '../probe.ts';
import { newTenantId, type ReleaseItem, type TenantRecord } from '../registry/registry.ts';
import { openSession, ownerTags, type Session } from '../session.ts';
import { describeEvent } from '../stack-events.ts';
import { FailureWatch } from '../stack-failure.ts';
import { Stacks } from '../stacks.ts';
import { UsagePlans } from '../usage-plans.ts';
import { checkEmail } from './email.ts';
import { tierOf, toTenant } from './view.ts';

export interface OnboardRequest {
  tier: string;
  name: string;
  email: string;
}

export type Onboarded = Tenant & { durationMs: number; steps: StepReport[] };

/** What the steps leave for each other, and for a run that takes over. */
interface OnboardData {
  pool: UserPool & { issuer: string };
  keyId: string;
}

/**
 * Brings a tenant in: reserves the name, gives a silo its stack, invites the administrator, sets the limits, and
 * proves by a request that the tenant is served. Run again with the same name it takes up an unfinished onboarding.
 */
export async function onboard(context: Context, request: OnboardRequest): Promise<Onboarded> {
  const tier = tierOf(context.config, request.tier);
  checkName(request.name);
  checkEmail(request.email);
  const session = await openSession(context);
  const began = performance.now();
  const { tenant, held } = await reserve(context, session, tier, request);
  const ran = await runOperation<OnboardData>(context, session.registry, tenant, {
    kind: 'onboard',
    title: `Onboarding ${tenant.name} (${tier.name})`,
    status: 'provisioning',
    steps: stepsFor(context, session, tier, tenant),
    ...(held && { held }),
  });
  const now = context.now().toISOString();
  const active = await session.registry.updateTenant(
    tenant.tenantId,
    { status: 'active', updatedAt: now, ...({ operation: undefined, lastError: undefined } as object) },
    ran.holder,
  );
  return {
    ...toTenant(active, context.config, await session.registry.tiers()),
    durationMs: Math.round(performance.now() - began),
    steps: ran.steps,
  };
}

/**
 * Writes the tenant down and lets go of it, so that another process can take the onboarding up; the way of
 * `--no-wait`. Refuses what {@link onboard} would refuse.
 */
export async function beginOnboarding(context: Context, request: OnboardRequest): Promise<Tenant> {
  const tier = tierOf(context.config, request.tier);
  checkName(request.name);
  checkEmail(request.email);
  const session = await openSession(context);
  const { tenant, held } = await reserve(context, session, tier, request);
  const { operation } = tenant;
  if (held !== undefined && operation)
    await session.registry.updateTenant(
      tenant.tenantId,
      { operation: { ...operation, leaseUntil: context.now().toISOString() } },
      held,
    );
  return toTenant(tenant, context.config, await session.registry.tiers());
}

function checkName(name: string): void {
  const problem = tenantNameProblem(name);
  if (problem === undefined) return;
  throw new SaasError('bad_tenant_name', `"${name}" can't be a tenant's name: ${problem}`, {
    hint: 'for example: --name acme-corp',
    exitCode: ExitCode.usage,
  });
}

/** Takes the name and writes the tenant's item, or finds the unfinished one that has the name. */
async function reserve(
  context: Context,
  { registry }: Session,
  tier: Tier,
  request: OnboardRequest,
): Promise<{ tenant: TenantRecord; held?: string }> {
  const fresh = newTenantId();
  const tenantId = await registry.lockName(request.name, fresh);
  const now = context.now();
  if (tenantId !== fresh) {
    const existing = await registry.tenant(tenantId);
    if (existing) return { tenant: resumable(existing, tier, request) };
  }
  const operation = newOperation('onboard', now);
  const made = await registry.createTenant({
    tenantId,
    name: request.name,
    tier: tier.name,
    model: tier.model,
    status: 'provisioning',
    adminEmail: request.email,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    operation,
  });
  return { tenant: resumable(made, tier, request), held: operation.holder };
}

function resumable(tenant: TenantRecord, tier: Tier, request: OnboardRequest): TenantRecord {
  const unfinished =
    tenant.status === 'provisioning' || (tenant.status === 'failed' && tenant.operation?.kind !== 'offboard');
  if (!unfinished)
    throw new SaasError('tenant_exists', `the name "${request.name}" is taken`, {
      detail: `tenant ${tenant.tenantId} has it (${tenant.tier}, ${tenant.status})`,
      hint: `choose another name, or look at it: saas-ecs describe-tenant ${request.name}`,
    });
  if (tenant.tier !== tier.name)
    throw new SaasError(
      'tier_differs',
      `tenant "${request.name}" is being onboarded on the tier "${tenant.tier}", not "${tier.name}"`,
      {
        hint: `go on with --tier ${tenant.tier}, or remove it first: saas-ecs offboard ${request.name} --confirm ${request.name}`,
      },
    );
  if (tenant.adminEmail !== request.email && tenant.operation?.done.includes('identity'))
    throw new SaasError(
      'email_differs',
      `the administrator of "${request.name}" was invited at another address`,
      {
        hint: `go on with --email ${tenant.adminEmail}`,
      },
    );
  return tenant;
}

function stepsFor(context: Context, session: Session, tier: Tier, tenant: TenantRecord): Step<OnboardData>[] {
  const { registry, shared } = session;
  const { target, signal } = context;
  const { tenantId } = tenant;
  const identity = new Identity(target.client);
  const plans = new UsagePlans(target.client);
  const tags = { ...ownerTags(context), 'saas-ecs:tenant': tenantId };
  let record = tenant;
  const write = async (changes: Partial<TenantRecord>, holder: string): Promise<void> => {
    record = await registry.updateTenant(tenantId, changes, holder);
  };

  const infrastructure: Step<OnboardData> = {
    name: 'infrastructure',
    title: 'Create the stack',
    async run(data, tools) {
      const release = await releaseFor(session, record);
      const template = release.templates[tier.name];
      if (template === undefined)
        throw new SaasError('tier_not_released', `the release has no template for the tier "${tier.name}"`, {
          hint: 'publish it: saas-ecs deploy-shared',
        });
      const { cell, slots } = await place(registry, tenantId, release.routed);
      await write(
        { cell: cell.name, release: release.release, apiUrl: target.apiUrl(cell.restApiId, cell.stage) },
        tools.holder,
      );
      const name = tenantStackName(target.prefix, tenantId);
      const stacks = new Stacks(target.client);
      const failures = new FailureWatch(target.client);
      const outputs = await stacks
        .ensure(
          {
            name,
            templateUrl: target.objectUrl(shared.artifactsBucket, template),
            parameters: {
              [tenantParameters.tenantId]: tenantId,
              [tenantParameters.tierName]: tier.name,
              [tenantParameters.listenerArn]: cell.listenerArn,
              [tenantParameters.loadBalancerSecurityGroupId]: cell.loadBalancerSecurityGroupId,
              ...mapEntries(release.images, (service, uri) => [tenantParameters.image(service), uri]),
              ...mapEntries(slots, (service, slot) => [tenantParameters.rulePriority(service), String(slot)]),
            },
            tags,
          },
          {
            signal,
            onEvent(event) {
              failures.see(event);
              const text = describeEvent(event);
              if (text !== undefined) tools.detail(text);
            },
          },
        )
        .catch((error: unknown) => failures.explain(error));
      const output = (key: string): string => outputs[key] ?? '';
      data.pool = {
        userPoolId: output(tenantOutputs.userPoolId),
        clientId: output(tenantOutputs.clientId),
        issuer: output(tenantOutputs.issuer),
      };
    },
  };

  const pooled: Step<OnboardData> = {
    name: 'placement',
    title: 'Place it in the pool',
    async run(data, tools) {
      if (!shared.pool)
        throw new SaasError('pool_not_deployed', 'the pool is not deployed', {
          hint: 'deploy it: saas-ecs deploy-shared',
        });
      const { userPoolId, clientId, issuer } = shared.pool;
      data.pool = { userPoolId, clientId, issuer };
      await write(
        { cell: shared.cell.name, apiUrl: target.apiUrl(shared.cell.restApiId, shared.cell.stage) },
        tools.holder,
      );
    },
  };

  const poolOf = (data: Partial<OnboardData>): UserPool & { issuer: string } => {
    if (data.pool) return data.pool;
    throw new SaasError(
      'operation_damaged',
      `the record of the onboarding of "${tenant.name}" is incomplete`,
      {
        hint: `remove the tenant, then begin anew: saas-ecs offboard ${tenant.name} --confirm ${tenant.name}`,
      },
    );
  };

  return [
    tier.model === 'pool' ? pooled : infrastructure,
    {
      name: 'identity',
      title: 'Invite the administrator',
      async run(data) {
        const pool = poolOf(data);
        if (tier.model !== 'pool')
          await registry.putIssuer({ issuer: pool.issuer, clientId: pool.clientId, tenantId });
        await identity.ensureGroup(pool, tenantId);
        await identity.ensureUser(pool, tenant, { email: tenant.adminEmail, role: 'TenantAdmin' });
      },
    },
    {
      name: 'limits',
      title: 'Set the limits',
      async run(data, tools) {
        const planId = shared.usagePlans[tier.name];
        if (planId === undefined)
          throw new SaasError('tier_not_deployed', `the tier "${tier.name}" has no usage plan yet`, {
            hint: 'deploy it: saas-ecs deploy-shared',
          });
        data.keyId = await plans.ensureKey(tenantId, shared.apiKeySecretArn, tags);
        await plans.addKey(planId, data.keyId);
        await write({ apiKeyId: data.keyId, usagePlanId: planId }, tools.holder);
      },
    },
    {
      name: 'verify',
      title: 'Prove that it is served',
      always: true,
      async run(data) {
        const service = context.config.services[0];
        const url = `${record.apiUrl ?? ''}${service?.path ?? '/'}`;
        await identity.withProbe(poolOf(data), tenant, (token) =>
          untilServed(url, token, { signal, withinMs: 60_000 }),
        );
      },
    },
  ];
}

/** The release that an interrupted onboarding began on; the newest for a first run, and after a failure that a newer one may mend. */
async function releaseFor({ registry }: Session, tenant: TenantRecord): Promise<ReleaseItem> {
  const release =
    tenant.release && !tenant.lastError
      ? await registry.release(tenant.release)
      : (await registry.releases())[0];
  if (release) return release;
  throw new SaasError('no_release', 'no release has been published', {
    hint: 'publish one: saas-ecs deploy-shared',
  });
}

function mapEntries<T>(
  record: Record<string, T>,
  map: (key: string, value: T) => [string, string],
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => map(key, value)));
}
