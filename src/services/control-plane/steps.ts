/** What an operation on a tenant does about its registration. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type FailureReport,
  type JobOutput,
  type Outcome,
  provisionedBy,
  registrationStatuses,
  type TenantConfig,
} from '../../model/control-plane.ts';
import { SaasError } from '../../model/error.ts';
import type { Context } from '../context.ts';
import type { UserPool } from '../identity.ts';
import type { Step } from '../operation.ts';
import type { TenantRecord } from '../registry/registry.ts';
import type { Session } from '../session.ts';
import { controlPlaneOf } from './client.ts';

type Issued = UserPool & { issuer: string };

/**
 * Registers the tenant, unless it is already or came from a registration. `resumed`: an earlier run may have done so
 * without having written it down; the toolkit would make a second registration of it.
 */
export function registerStep<Data>(context: Context, session: Session, resumed: boolean): Step<Data>[] {
  const controlPlane = controlPlaneOf(context.target, session.shared);
  if (!controlPlane) return [];
  return [
    {
      name: 'register',
      title: 'Register it with the control plane',
      async run(_data, tools) {
        const { registrationId, tenantId, name, adminEmail, tier } = tools.tenant();
        if (registrationId !== undefined) return;
        let found: string | undefined;
        if (resumed)
          for await (const registered of controlPlane.tenants())
            if (registered.data['registryTenantId'] === tenantId || registered.tenantId === tenantId)
              found = registered.registrationId;
        tools.change({
          registrationId:
            found ??
            (await patiently(tools.signal, () =>
              controlPlane.register({
                tenantName: name,
                email: adminEmail,
                tier,
                registryTenantId: tenantId,
                [provisionedBy.attribute]: provisionedBy.cli,
              }),
            )),
        });
      },
    },
  ];
}

/** Milliseconds between attempts: the name's last tenant has just gone, and the control plane hears of it by an event. */
const patience = [250, 500, 1_000, 2_000, 4_000];

async function patiently<T>(signal: AbortSignal, register: () => Promise<T>): Promise<T> {
  for (const wait of patience) {
    try {
      return await register();
    } catch (error) {
      if (!(error instanceof SaasError) || error.code !== 'registration_conflict') throw error;
      await delay(wait, undefined, { signal });
    }
  }
  return register();
}

/** Tells what became of a tenant, where there is a control plane and a registration of his. */
function reportStep<Data>(
  { target }: Context,
  { shared }: Session,
  name: string,
  outcome: Outcome,
  output: (tenant: TenantRecord, data: Partial<Data>) => JobOutput,
): Step<Data>[] {
  const controlPlane = controlPlaneOf(target, shared);
  if (!controlPlane) return [];
  return [
    {
      name,
      title: 'Tell the control plane',
      async run(data, tools) {
        const tenant = tools.tenant();
        if (tenant.registrationId !== undefined)
          await controlPlane.report(outcome, tenant.registrationId, output(tenant, data));
      },
    },
  ];
}

/** Tells the control plane that the tenant is served. */
export const announceStep = <Data>(
  context: Context,
  session: Session,
  poolOf: (data: Partial<Data>) => Issued,
): Step<Data>[] =>
  reportStep(context, session, 'announce', 'provisionSuccess', (tenant, data) =>
    onboarded(tenant, poolOf(data)),
  );

/** What a registration says of a tenant that is served. */
export function onboarded(tenant: TenantRecord, pool: Issued): JobOutput {
  return {
    tenantData: {
      registryTenantId: tenant.tenantId,
      tenantStatus: tenant.status === 'suspended' ? 'suspended' : 'active',
      apiUrl: tenant.apiUrl ?? '',
      tenantConfig: tenantConfig(tenant.apiUrl ?? '', pool),
    },
    tenantRegistrationData: { registrationStatus: registrationStatuses.onboarded, ...noFailure },
  };
}

/** Tells the control plane whether the tenant is served; nothing else of its registration changes. */
export const standingStep = <Data>(
  context: Context,
  session: Session,
  tenantStatus: 'active' | 'suspended',
): Step<Data>[] =>
  reportStep(context, session, 'announce', 'provisionSuccess', () => ({ tenantData: { tenantStatus } }));

/** JSON; the same for all tenants who share a pool. */
export const tenantConfig = (apiUrl: string, { userPoolId, clientId, issuer }: Issued): string =>
  JSON.stringify({ apiGatewayUrl: apiUrl, userPoolId, appClientId: clientId, issuer } satisfies TenantConfig);

const noFailure = { failureReason: null, failureLog: null, jobError: null };

/** Tells the control plane that the tenant is gone. */
export const deregisterStep = <Data>(context: Context, session: Session): Step<Data>[] =>
  reportStep(context, session, 'deregister', 'deprovisionSuccess', () => offboarded);

/** What a registration says of a tenant that is gone; the toolkit's own deletion sets the same mark. */
export const offboarded: JobOutput = {
  tenantData: { tenantStatus: 'offboarded', sbtaws_active: false },
  tenantRegistrationData: {
    registrationStatus: registrationStatuses.offboarded,
    sbtaws_active: false,
    ...noFailure,
  },
};

/** Codes of errors after which the operation goes on: here later, or elsewhere now. */
const goesOn: ReadonlySet<string> = new Set(['interrupted', 'tenant_busy', 'lease_lost']);

/** Tells the control plane why an operation failed. What can't be told there must not hide the error itself. */
export async function reportFailure(
  context: Context,
  session: Session,
  outcome: Extract<Outcome, `${string}Failure`>,
  registrationId: string | undefined,
  error: unknown,
  log?: string,
): Promise<void> {
  if (registrationId === undefined || context.signal.aborted) return;
  if (error instanceof SaasError && goesOn.has(error.code)) return;
  const { message, detail } = error as SaasError;
  const report: FailureReport = {
    registrationStatus: registrationStatuses.failed,
    failureReason: [message, detail].filter(Boolean).join(': ').slice(0, 2_000),
    ...(log !== undefined && { failureLog: log }),
  };
  await controlPlaneOf(context.target, session.shared)
    ?.report(outcome, registrationId, { tenantRegistrationData: { ...report } })
    .catch(() => {});
}
