/** Registrations of the control plane against the registry's tenants. */
import { provisionedBy, registrationStatuses } from '../../model/control-plane.ts';
import { offboarded, onboarded } from '../control-plane/steps.ts';
import type { TenantRecord } from '../registry/registry.ts';
import type { Difference } from './finding.ts';
import type { Registration, World } from './world.ts';

/** A job that has not said anything for as long never will: longer than a job may take, and wait. */
const silentMs = 12 * 60 * 60_000;

export function registrationDifferences(world: World): Difference[] {
  const { controlPlane, registrations, tenants } = world;
  if (!controlPlane) return [];
  const byId = new Map(registrations.map((registration) => [registration.registrationId, registration]));
  const byTenant = new Map(registrations.map((known) => [registryIdOf(known), known]));
  const linked = new Set<string>();
  const found: Difference[] = [];
  for (const tenant of tenants.values()) {
    const registration = byId.get(tenant.registrationId ?? '') ?? byTenant.get(tenant.tenantId);
    if (registration) linked.add(registration.registrationId);
    if (world.underWay(tenant.tenantId)) continue;
    const difference = registration ? ofTenant(world, tenant, registration) : unregistered(world, tenant);
    if (difference) found.push(difference);
  }
  for (const registration of registrations)
    if (!linked.has(registration.registrationId)) {
      const difference = withoutTenant(world, registration);
      if (difference) found.push(difference);
    }
  return found;
}

/** The tenant's id in the registry; the toolkit has one of its own beside it. */
const registryIdOf = ({ tenantId, data }: Registration): string => {
  const id = data['registryTenantId'];
  return typeof id === 'string' ? id : tenantId;
};

function unregistered(world: World, tenant: TenantRecord): Difference | undefined {
  const { controlPlane, session } = world;
  // What is half-made is registered when it is taken up.
  if (!controlPlane || tenant.status === 'provisioning' || tenant.status === 'failed') return undefined;
  return {
    kind: 'unregistered-tenant',
    subject: world.subject(tenant),
    tenant: { id: tenant.tenantId, name: tenant.name },
    detail: 'the control plane does not know the tenant',
    repair: 'register it, and say that it is served',
    async mend() {
      const { tenantId, name, adminEmail: email, tier } = tenant;
      const registrationId = await controlPlane.register({
        tenantName: name,
        email,
        tier,
        registryTenantId: tenantId,
        [provisionedBy.attribute]: provisionedBy.cli,
      });
      await session.registry.updateTenant(tenantId, { registrationId });
      await tellServed(world, { ...tenant, registrationId });
    },
  };
}

async function tellServed(world: World, tenant: TenantRecord): Promise<void> {
  const pool = tenant.holdings?.pool ?? world.session.shared.pool;
  if (pool && tenant.registrationId !== undefined)
    await world.controlPlane?.report('provisionSuccess', tenant.registrationId, onboarded(tenant, pool));
}

/** The statuses of a tenant that is served, or would be if it were not suspended. */
const settled: ReadonlySet<string> = new Set(['active', 'suspended', 'updating']);

function ofTenant(world: World, tenant: TenantRecord, registration: Registration): Difference | undefined {
  const { controlPlane, session } = world;
  const { registrationId, status, active } = registration;
  const base = {
    subject: world.subject(tenant),
    tenant: { id: tenant.tenantId, name: tenant.name },
  };
  const link = async (): Promise<void> => {
    if (tenant.registrationId !== registrationId)
      await session.registry.updateTenant(tenant.tenantId, { registrationId });
  };
  if (settled.has(tenant.status)) {
    if (!active)
      return {
        ...base,
        kind: 'tenant-of-deleted-registration',
        detail: `the control plane wants it gone (${status}), but it is ${tenant.status}`,
        repair: `saas-ecs offboard ${tenant.name} --confirm ${tenant.name}`,
      };
    if (status === registrationStatuses.onboarded && tenant.registrationId === registrationId)
      return undefined;
    return {
      ...base,
      kind: 'registration-out-of-date',
      detail: `the registration says "${status}", but the tenant is ${tenant.status}`,
      repair: 'say that it is served',
      async mend() {
        await link();
        await tellServed(world, { ...tenant, registrationId });
      },
    };
  }
  if (tenant.status !== 'failed' || status === registrationStatuses.failed) return undefined;
  const leaving = tenant.operation?.kind === 'offboard';
  return {
    ...base,
    kind: 'registration-out-of-date',
    detail: `the registration says "${status}", but the tenant has failed: ${tenant.lastError ?? ''}`,
    repair: 'say that it has failed, and why',
    async mend() {
      await link();
      await controlPlane?.report(leaving ? 'deprovisionFailure' : 'provisionFailure', registrationId, {
        tenantRegistrationData: {
          registrationStatus: registrationStatuses.failed,
          failureReason: tenant.lastError ?? 'unknown',
        },
      });
    },
  };
}

function withoutTenant(world: World, registration: Registration): Difference | undefined {
  const { controlPlane, context } = world;
  const { registrationId, name, status, active, createdAt } = registration;
  const age = createdAt === undefined ? 0 : context.now().getTime() - Date.parse(createdAt);
  // Its job has not come so far yet.
  if (status === registrationStatuses.onboarding && active && age < silentMs) return undefined;
  // The toolkit keeps what is gone.
  if (status === registrationStatuses.offboarded) return undefined;
  return {
    kind: 'registration-without-tenant',
    subject: `${name} (registration ${registrationId})`,
    tenant: { id: registryIdOf(registration), name },
    detail: `the registration says "${status}", but there is no such tenant`,
    repair: 'close the registration, which frees its name',
    mend: async () => controlPlane?.report('deprovisionSuccess', registrationId, offboarded),
  };
}
