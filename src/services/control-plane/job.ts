/** A lifecycle job: carries out what a registration asks for, as if an operator had typed it. */
import { jobLog, jobRegistration } from '../../model/control-plane.ts';
import { ExitCode, SaasError } from '../../model/error.ts';
import type { Context } from '../context.ts';
import { openSession, type Session } from '../session.ts';
import { type Offboarded, offboard } from '../tenants/offboard.ts';
import { type Onboarded, onboard } from '../tenants/onboard.ts';
import { controlPlaneOf } from './client.ts';
import { offboarded, reportFailure } from './steps.ts';

/** What the control plane asks for, and where the job's log can be read. */
export interface JobRequest {
  registrationId: string;
  tenantId: string;
  name: string;
  tier: string;
  email: string;
  log: string | undefined;
}

/** Nothing was left to do, or another run does it. */
interface JobOutcome {
  tenantId: string;
  name: string;
  underWay: boolean;
}

/** Reads the environment variables of a job. Throws `no_registration`. */
export function jobRequest(env: Readonly<Record<string, string | undefined>>): JobRequest {
  let detail: Record<string, unknown> = {};
  try {
    detail = JSON.parse(env[jobRegistration] ?? '') as Record<string, unknown>;
  } catch {
    // Told below.
  }
  const text = (name: string): string => (typeof detail[name] === 'string' ? detail[name] : '');
  const registrationId = text('tenantRegistrationId');
  if (registrationId === '')
    throw new SaasError('no_registration', `${jobRegistration} holds no registration`, {
      hint: "this is for the control plane's jobs; onboard a tenant with --tier, --name and --email",
      exitCode: ExitCode.usage,
    });
  return {
    registrationId,
    tenantId: text('tenantId'),
    name: text('tenantName'),
    tier: text('tier'),
    email: text('email'),
    log: env[jobLog],
  };
}

/** Onboards a registered tenant. An event may come twice: what another run does, or has done, is not done again. */
export async function onboardRegistered(
  context: Context,
  request: JobRequest,
): Promise<Onboarded | JobOutcome> {
  const session = await openSession(context);
  const { registry } = session;
  const { registrationId, tenantId, name, tier, email } = request;
  try {
    const id = await registry.tenantIdOf(name);
    const there = id === undefined ? undefined : await registry.tenant(id);
    if (there?.registrationId === registrationId && there.status === 'active')
      return { tenantId: there.tenantId, name, underWay: false };
    return await onboard(context, { tier, name, email, registration: { id: registrationId, tenantId } });
  } catch (error) {
    if (error instanceof SaasError && error.code === 'tenant_busy' && (await isOf(session, request)))
      return { tenantId, name, underWay: true };
    await reportFailure(context, session, 'provisionFailure', registrationId, error, request.log);
    throw error;
  }
}

/** Offboards the tenant of a registration; a registration that never came to one has nothing to take out. */
export async function offboardRegistered(
  context: Context,
  request: JobRequest,
): Promise<Offboarded | JobOutcome> {
  const session = await openSession(context);
  const { registrationId, name } = request;
  try {
    const tenantId = await session.registry.tenantIdOf(name);
    if (tenantId !== undefined && (await isOf(session, request)))
      return await offboard(context, { tenant: tenantId });
    await controlPlaneOf(context.target, session.shared)?.report(
      'deprovisionSuccess',
      registrationId,
      offboarded,
    );
    return { tenantId: request.tenantId, name, underWay: false };
  } catch (error) {
    if (error instanceof SaasError && error.code === 'tenant_busy')
      return { tenantId: request.tenantId, name, underWay: true };
    // With the log; the offboarding itself has told the reason.
    await reportFailure(context, session, 'deprovisionFailure', registrationId, error, request.log);
    throw error;
  }
}

/** Whether the tenant that has the name is this registration's. */
async function isOf({ registry }: Session, { registrationId, name }: JobRequest): Promise<boolean> {
  const id = await registry.tenantIdOf(name);
  const tenant = id === undefined ? undefined : await registry.tenant(id);
  return tenant?.registrationId === registrationId;
}
