import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { SaasError } from '../../model/error.ts';
import { tenantOutputs, tenantParameters, tenantStackName } from '../../model/names.ts';
import type { StepReport } from '../../model/progress.ts';
import { operationReference, type TierItem } from '../../model/registry.ts';
import type { Tenant } from '../../model/tenant.ts';
import { isSilo, type Tier, tierPlan } from '../../model/tier.ts';
import { type Act, audited } from '../audit/audited.ts';
import { findRoom } from '../cells/growth.ts';
import type { Context } from '../context.ts';
import { announceStep, registerStep, reportFailure } from '../control-plane/steps.ts';
import { checkGatekeeper, Gatekeeper } from '../gatekeeper.ts';
import { Identity, type UserPool } from '../identity.ts';
import { released } from '../lease.ts';
import { runOperation, type Step } from '../operation.ts';
import type { ReleaseItem, TenantRecord } from '../registry/registry.ts';
import { openSession, ownerTags, type Session } from '../session.ts';
import { describeEvent } from '../stack-events.ts';
import { FailureWatch } from '../stack-failure.ts';
import { Stacks, type WatchOptions } from '../stacks.ts';
import type { ProviderDefinition } from '../users/provider-file.ts';
import { providerNote, providerStep } from './provider-step.ts';
import { checkRequest, type OnboardRequest, reserve } from './reservation.ts';
import { toTenant } from './view.ts';

export type Onboarded = Tenant & { operationId: string; durationMs: number; steps: StepReport[] };

/** What the steps leave for each other, and for a run that takes over. */
interface OnboardData {
  /** The release that the stack is being made from; chosen anew after a failure, which a newer one may mend. */
  release: string;
  pool: UserPool & { issuer: string };
  /** The address that an invitation may have gone to. */
  invited: string;
  /** Live limits of its tier, where they are not the configuration's. */
  tiers: TierItem[];
}

/**
 * Brings a tenant in: reserves the name, gives a silo its stack, invites the administrator, has the gatekeeper set the
 * limits and prove by a request that the tenant is served. Run again with the same name it takes up an unfinished onboarding.
 */
export async function onboard(context: Context, asked: OnboardRequest): Promise<Onboarded> {
  return audited(context, actOf(asked), (act) => bringIn(context, asked, act));
}

const actOf = ({ tier, name, registration, provider }: OnboardRequest): Act => ({
  action: 'onboard',
  tenant: name,
  parameters: { tier, registration: registration?.id, ...providerNote(provider) },
});

async function bringIn(context: Context, asked: OnboardRequest, act: Act): Promise<Onboarded> {
  const began = performance.now();
  const { tier, request } = checkRequest(context, asked);
  const session = await openSession(context);
  const newest = await checkDeployed(session, tier);
  const { tenant, held } = await reserve(context, session.registry, tier, request);
  act.tenant = tenant;
  const resumed = held === undefined;
  const ran = await runOperation<OnboardData>(context, session.registry, tenant, {
    kind: 'onboard',
    title: `Onboarding ${tenant.name} (${tier.name})`,
    begin: { status: 'provisioning', adminEmail: request.email },
    steps: (claimed) =>
      stepsFor(context, session, tier, claimed, {
        resumed,
        newest,
        invite: request.invite !== false,
        provider: request.provider,
      }),
    end: 'active',
    held,
    act,
  }).catch(async (error: unknown) => {
    // A job tells it with its log.
    if (!asked.registration) await failed(context, session, tenant, error);
    throw error;
  });
  return {
    ...toTenant(ran.tenant, context.config, ran.data.tiers ?? []),
    operationId: ran.operationId,
    durationMs: Math.round(performance.now() - began),
    steps: ran.steps,
  };
}

async function failed(
  context: Context,
  session: Session,
  { tenantId }: TenantRecord,
  error: unknown,
): Promise<void> {
  const tenant = await session.registry.tenant(tenantId).catch(() => undefined);
  await reportFailure(context, session, 'provisionFailure', tenant?.registrationId, error);
}

/**
 * Writes the tenant down and lets go of it, so that another process can take the onboarding up; the way of
 * `--no-wait`. Refuses what {@link onboard} would refuse.
 */
export async function beginOnboarding(
  context: Context,
  asked: OnboardRequest,
): Promise<Tenant & { operationId: string | null }> {
  const begun: Act = { ...actOf(asked), outcome: 'begun' };
  return audited(context, begun, (act) => writeDown(context, asked, act));
}

async function writeDown(
  context: Context,
  asked: OnboardRequest,
  act: Act,
): Promise<Tenant & { operationId: string | null }> {
  const { tier, request } = checkRequest(context, asked);
  const session = await openSession(context);
  await checkDeployed(session, tier);
  const { tenant, held } = await reserve(context, session.registry, tier, request);
  act.tenant = tenant;
  const { operation } = tenant;
  if (held !== undefined && operation)
    await session.registry.updateTenant(
      tenant.tenantId,
      { operation: { ...operation, leaseUntil: released } },
      held,
    );
  return {
    ...toTenant(tenant, context.config, await session.registry.tiers()),
    operationId: operation ? operationReference(tenant.tenantId, operation.id) : null,
  };
}

/**
 * A deployment that was stopped half-way can't take a tenant in: no name is taken and nothing is begun. Gives a silo's
 * release, the newest.
 */
async function checkDeployed(session: Session, tier: Tier): Promise<ReleaseItem | undefined> {
  tierPlan(session.shared.cell, tier.name);
  checkGatekeeper(session.shared);
  if (isSilo(tier.model)) return newestRelease(session);
  poolShared(session);
  return undefined;
}

function poolShared({ shared }: Session): NonNullable<Session['shared']['pool']> {
  if (shared.pool) return shared.pool;
  throw new SaasError('pool_not_deployed', 'the pool is not deployed', {
    hint: 'deploy it: saas-ecs deploy-shared',
  });
}

function stepsFor(
  context: Context,
  session: Session,
  tier: Tier,
  tenant: TenantRecord,
  options: {
    resumed: boolean;
    newest: ReleaseItem | undefined;
    invite: boolean;
    provider: ProviderDefinition | undefined;
  },
): Step<OnboardData>[] {
  const { registry, shared } = session;
  const { resumed, newest, invite, provider } = options;
  const { target } = context;
  const { tenantId } = tenant;
  const identity = new Identity(target.client);
  const gatekeeper = new Gatekeeper(target.client, shared);
  const tags = { ...ownerTags(context), 'saas-ecs:tenant': tenantId };

  const infrastructure: Step<OnboardData> = {
    name: 'infrastructure',
    title: 'Create the stack',
    async run(data, tools) {
      // One that an interrupted run began on comes first: its stack is that release's.
      const begun = data.release === undefined ? undefined : await registry.release(data.release);
      const release = begun ?? newest ?? (await newestRelease(session));
      const template = release.templates[tier.name];
      if (template === undefined)
        throw new SaasError('tier_not_released', `the release has no template for the tier "${tier.name}"`, {
          hint: 'publish it: saas-ecs deploy-shared',
        });
      const showing = (onEvent?: (event: StackEvent) => void): WatchOptions => ({
        signal: tools.signal,
        onDetail: tools.detail,
        onEvent(event) {
          onEvent?.(event);
          const text = describeEvent(event);
          if (text !== undefined) tools.detail(text);
        },
      });
      const { cell, slots } = await findRoom(context, session, tenant, release, showing());
      data.release = release.release;
      await tools.save({
        cell: cell.name,
        release: release.release,
        apiUrl: target.apiUrl(cell.restApiId, cell.stage),
      });
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
            express: true,
            ...(shared.tenantStackRoleArn !== undefined && { roleArn: shared.tenantStackRoleArn }),
          },
          showing((event) => failures.see(event)),
        )
        .catch((error: unknown) => {
          if (!tools.signal.aborted) delete data.release;
          return failures.explain(error);
        });
      const output = (key: string): string => outputs[key] ?? '';
      data.pool = {
        userPoolId: output(tenantOutputs.userPoolId),
        clientId: output(tenantOutputs.clientId),
        issuer: output(tenantOutputs.issuer),
      };
      const tables = JSON.parse(outputs[tenantOutputs.tables] ?? '{}') as Record<string, string>;
      const encryptionKey = outputs[tenantOutputs.encryptionKey];
      tools.change({
        holdings: { pool: data.pool, tables, ...(encryptionKey !== undefined && { encryptionKey }) },
      });
    },
  };

  const pooled: Step<OnboardData> = {
    name: 'placement',
    title: 'Place it in the pool',
    async run(data, tools) {
      const { userPoolId, clientId, issuer } = poolShared(session);
      data.pool = { userPoolId, clientId, issuer };
      tools.change({
        cell: shared.cell.name,
        apiUrl: target.apiUrl(shared.cell.restApiId, shared.cell.stage),
      });
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
    ...registerStep<OnboardData>(context, session, resumed),
    isSilo(tier.model) ? infrastructure : pooled,
    {
      name: 'identity',
      title: 'Invite the administrator',
      async run(data, tools) {
        const pool = poolOf(data);
        // From here on the address stands: a second administrator must not come in by a corrected one.
        data.invited = tenant.adminEmail;
        const issuer = { issuer: pool.issuer, clientId: pool.clientId, tenantId };
        await tools.save({}, isSilo(tier.model) ? [registry.trusting(issuer)] : []);
        await identity.ensureGroup(pool, tenantId);
        try {
          const administrator = { email: tenant.adminEmail, role: 'TenantAdmin' } as const;
          await identity.ensureUser(pool, tenant, administrator, { invite });
        } catch (error) {
          if (error instanceof SaasError && error.code === 'user_exists') delete data.invited;
          throw error;
        }
      },
    },
    ...providerStep<OnboardData>(context, tenant, provider, poolOf),
    {
      name: 'admission',
      title: 'Set the limits, and prove that it is served',
      always: true,
      async run(data, tools) {
        const { cell = '' } = tools.tenant();
        await gatekeeper.letIn({ tenantId, cell }, poolOf(data).issuer, {
          signal: tools.signal,
          onKey({ tier: live, ...key }) {
            tools.change(key);
            data.tiers = live ? [live] : [];
          },
        });
      },
    },
    ...announceStep<OnboardData>(context, session, poolOf),
  ];
}

async function newestRelease({ registry }: Session): Promise<ReleaseItem> {
  const [newest] = await registry.releases();
  if (newest) return newest;
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
