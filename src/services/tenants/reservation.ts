import { ExitCode, SaasError } from '../../model/error.ts';
import { tenantNameProblem } from '../../model/tenant.ts';
import { isTenantId, newTenantId } from '../../model/tenant-id.ts';
import type { Tier } from '../../model/tier.ts';
import type { Context } from '../context.ts';
import { explainTakenDown, unlessTakenDown } from '../environment-lease.ts';
import { newOperation } from '../lease.ts';
import type { Registry, TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import type { ProviderDefinition } from '../users/provider-file.ts';
import { checkHostedSignIn, checkOwnPool } from '../users/tenant-providers.ts';
import { checkEmail } from './email.ts';
import { providerNote } from './provider-step.ts';
import { tierOf } from './view.ts';

export interface OnboardRequest {
  tier: string;
  name: string;
  email: string;
  /** Where the wish came from, when it was registered before: the registration and the id that it gave the tenant. */
  registration?: { id: string; tenantId: string };
  /** False: the administrator gets no mail; for tenants that nobody will use. */
  invite?: boolean;
  /** An identity provider for the users of a silo; its secret is in it, so it is written down nowhere. */
  provider?: ProviderDefinition;
}

/** Refuses what can't be onboarded, before anything is asked of AWS. */
export function checkRequest(
  context: Context,
  asked: OnboardRequest,
): { tier: Tier; request: OnboardRequest } {
  const tier = tierOf(context.config, asked.tier);
  checkName(asked.name);
  checkEmail(asked.email);
  if (asked.provider) {
    checkOwnPool({ name: asked.name, model: tier.model });
    checkHostedSignIn(context);
  }
  // User pools don't tell addresses apart by case; neither does the record.
  return { tier, request: { ...asked, email: asked.email.toLowerCase() } };
}

function checkName(name: string): void {
  const problem = tenantNameProblem(name);
  if (problem === undefined) return;
  throw new SaasError('bad_tenant_name', `"${name}" can't be a tenant's name: ${problem}`, {
    hint: 'for example: --name acme-corp',
    exitCode: ExitCode.usage,
  });
}

/**
 * What an unfinished onboarding was asked for, as the registry remembers it. Throws `nothing_to_resume` when the
 * tenant's onboarding is over.
 */
export async function unfinishedRequest(context: Context, reference: string): Promise<OnboardRequest> {
  const { registry } = await openSession(context);
  const tenant = await registry.findTenant(reference);
  if (!isUnfinished(tenant))
    throw new SaasError('nothing_to_resume', `tenant "${tenant.name}" is not being onboarded`, {
      detail: `it is ${tenant.status}`,
      hint: `look at it: saas-ecs describe-tenant ${tenant.name}`,
    });
  // An invitation that may have gone out binds the onboarding to its address.
  const invited = tenant.operation?.data['invited'];
  return {
    tier: tenant.tier,
    name: tenant.name,
    email: typeof invited === 'string' ? invited : tenant.adminEmail,
  };
}

const isUnfinished = ({ status, operation }: TenantRecord): boolean =>
  status === 'provisioning' ||
  (status === 'failed' && (operation === undefined || operation.kind === 'onboard'));

/**
 * Takes the name and writes the tenant's item in one, or finds the unfinished one that has the name. Throws
 * `environment_busy` while the environment is being taken down.
 */
export async function reserve(
  context: Pick<Context, 'now' | 'target'>,
  registry: Registry,
  tier: Tier,
  request: OnboardRequest,
): Promise<{ tenant: TenantRecord; held?: string }> {
  const { registration } = request;
  // The toolkit's ids fit no AWS name.
  const fresh = registration && isTenantId(registration.tenantId) ? registration.tenantId : newTenantId();
  const now = context.now();
  const operation = newOperation('onboard', now, providerNote(request.provider));
  for (let tenantId = fresh; ; ) {
    const item = {
      tenantId,
      name: request.name,
      tier: tier.name,
      model: tier.model,
      status: 'provisioning' as const,
      adminEmail: request.email,
      createdAt: now.toISOString(),
      updatedAt: now.toISOString(),
      ...(registration && { registrationId: registration.id }),
      operation,
    };
    const made = await registry.createTenant(item, [unlessTakenDown(now)]).catch(async (error: unknown) => {
      throw await explainTakenDown(context, error);
    });
    if (made) return { tenant: made, held: operation.holder };
    const holder = (await registry.tenantIdOf(request.name)) ?? tenantId;
    const existing = await registry.tenant(holder);
    if (existing && existing.status !== 'offboarded') return { tenant: resumable(existing, tier, request) };
    // A name whose tenant is gone is free; one that never got its tenant gets this one.
    if (existing) await registry.releaseName(request.name, holder);
    tenantId = existing ? newTenantId() : holder;
  }
}

function resumable(tenant: TenantRecord, tier: Tier, request: OnboardRequest): TenantRecord {
  const { operation } = tenant;
  if (request.registration && tenant.registrationId !== request.registration.id)
    throw new SaasError('tenant_exists', `the name "${request.name}" is taken`, {
      detail: `tenant ${tenant.tenantId} has it (${tenant.tier}, ${tenant.status}), which another registration or an operator brought in`,
      hint: 'delete this registration, or register another name',
    });
  if (!isUnfinished(tenant))
    throw new SaasError('tenant_exists', `the name "${request.name}" is taken`, {
      detail: `tenant ${tenant.tenantId} has it (${tenant.tier}, ${tenant.status})`,
      hint:
        operation?.kind === 'offboard'
          ? `choose another name, or finish its offboarding: saas-ecs offboard ${request.name} --confirm ${request.name}`
          : tenant.status === 'suspended'
            ? `choose another name, or let it in again: saas-ecs resume ${request.name}`
            : `choose another name, or look at it: saas-ecs describe-tenant ${request.name}`,
    });
  if (tenant.tier !== tier.name)
    throw new SaasError(
      'tier_differs',
      `tenant "${request.name}" is being onboarded on the tier "${tenant.tier}", not "${tier.name}"`,
      {
        hint: `go on with --tier ${tenant.tier}, or remove it first: saas-ecs offboard ${request.name} --confirm ${request.name}`,
      },
    );
  const invited = operation?.data['invited'];
  if (invited !== undefined && invited !== request.email)
    throw new SaasError(
      'email_differs',
      `the administrator of "${request.name}" was invited at another address`,
      {
        hint: `go on with --email ${String(invited)}`,
      },
    );
  return tenant;
}
