/** `/tenant-registrations`: the wish to have a tenant, from its request to its end. */
import { randomUUID } from 'node:crypto';
import { type JobOutput, registrationEvents, registrationStatuses } from '../../../model/control-plane.ts';
import { emailProblem, tenantNameProblem } from '../../../model/tenant.ts';
import { isTenantId, newTenantId } from '../../../model/tenant-id.ts';
import type { Publish } from './bus.ts';
import {
  answer,
  badRequest,
  bodyOf,
  type HttpAnswer,
  HttpError,
  type HttpEvent,
  limitOf,
  nextTokenOf,
  parameter,
  partOf,
  textOf,
} from './http.ts';
import type { Registration, Registrations } from './store.ts';
import { tenantView } from './tenants.ts';

export interface RegistrationRoutes {
  registrations: Registrations;
  publish: Publish;
  now: () => string;
}

export const registrationView = ({
  registrationId,
  tenantId,
  active,
  registrationData,
  createdAt,
}: Registration): object => ({
  ...registrationData,
  createdAt,
  tenantRegistrationId: registrationId,
  tenantId,
  sbtaws_active: active,
});

/** What a request's event says: as the toolkit has it, the data of both parts in one. */
const requestDetail = (registration: Registration): object => ({
  ...registrationView(registration),
  ...tenantView(registration),
});

const initiated = ({ registrationId, tenantId }: Registration, message: string): object => ({
  data: { tenantRegistrationId: registrationId, tenantId, message },
});

/**
 * Registers a tenant and requests its onboarding. Asked again for the same tenant it answers with the registration that
 * is there (and requests anew what has failed); never is there a second one of a name.
 */
export async function create(routes: RegistrationRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const { registrations, now } = routes;
  const body = bodyOf(event);
  const tenantData = partOf(body, 'tenantData');
  const tenantName = textOf(tenantData, 'tenantName', 'tenantData.');
  const problem = tenantNameProblem(tenantName);
  if (problem !== undefined) throw badRequest(`tenantData.tenantName: ${problem}`);
  const email = textOf(tenantData, 'email', 'tenantData.');
  const badEmail = emailProblem(email);
  if (badEmail !== undefined) throw badRequest(`tenantData.email: ${badEmail}`);
  textOf(tenantData, 'tier', 'tenantData.');
  const { registryTenantId: given, ...data } = tenantData;
  if (given !== undefined && !(typeof given === 'string' && isTenantId(given)))
    throw badRequest('tenantData.registryTenantId is not the id of a tenant');

  const at = now();
  const registration: Registration = {
    registrationId: randomUUID(),
    tenantId: given ?? newTenantId(),
    active: true,
    tenantData: { ...withoutIds(data), tenantName, email: email.toLowerCase() },
    registrationData: {
      registrationStatus: registrationStatuses.onboarding,
      ...withoutIds(partOf(body, 'tenantRegistrationData')),
    },
    createdAt: at,
    updatedAt: at,
  };
  if (await registrations.create(registration)) {
    await request(routes, registration);
    return answer(201, initiated(registration, 'Tenant registration initiated'));
  }
  const known =
    (await registrations.ofName(tenantName)) ?? (await registrations.ofTenant(registration.tenantId));
  // It was retired between the two look-ups.
  if (!known) throw new HttpError(409, 'the registration has just changed: try again');
  return repeated(routes, known, registration, given !== undefined);
}

async function repeated(
  routes: RegistrationRoutes,
  known: Registration,
  asked: Registration,
  ownTenant: boolean,
): Promise<HttpAnswer> {
  const { registrationStatus } = known.registrationData;
  const same =
    known.tenantData.tenantName === asked.tenantData.tenantName &&
    (ownTenant
      ? known.tenantId === asked.tenantId
      : known.tenantData['email'] === asked.tenantData['email'] &&
        known.tenantData['tier'] === asked.tenantData['tier']);
  const open =
    registrationStatus === registrationStatuses.onboarding ||
    (registrationStatus === registrationStatuses.failed && known.active);
  if (!same || !open)
    throw new HttpError(409, `the name "${asked.tenantData.tenantName}" is taken`, {
      tenantRegistrationId: known.registrationId,
    });
  if (registrationStatus === registrationStatuses.failed || ownTenant) {
    const begun = await routes.registrations.merge(
      known.registrationId,
      { tenantData: asked.tenantData, tenantRegistrationData: asked.registrationData },
      routes.now(),
    );
    if (begun && registrationStatus === registrationStatuses.failed) await request(routes, begun);
  }
  return answer(200, initiated(known, 'Tenant registration exists'));
}

/** Without its event nobody would ever take the registration up, so it has failed. */
async function request(routes: RegistrationRoutes, registration: Registration): Promise<void> {
  try {
    await routes.publish(registrationEvents.onboardingRequest, requestDetail(registration));
  } catch (error) {
    const failed = {
      registrationStatus: registrationStatuses.failed,
      failureReason: 'the request for its onboarding could not be sent',
    };
    await routes.registrations.merge(
      registration.registrationId,
      { tenantRegistrationData: failed },
      routes.now(),
    );
    throw error;
  }
}

const withoutIds = (data: Record<string, unknown>): Record<string, unknown> => {
  const { tenantId: _, tenantRegistrationId: __, sbtaws_active: ___, ...rest } = data;
  return rest;
};

async function existing({ registrations }: RegistrationRoutes, event: HttpEvent): Promise<Registration> {
  const id = parameter(event, 'tenantRegistrationId');
  const found = await registrations.find(id);
  if (found) return found;
  throw new HttpError(404, `Tenant registration not found for id ${id}`);
}

export async function list({ registrations }: RegistrationRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const { items, nextToken } = await registrations.list(limitOf(event, 100), nextTokenOf(event));
  return answer(200, { data: items.map(registrationView), next_token: nextToken });
}

export async function get(routes: RegistrationRoutes, event: HttpEvent): Promise<HttpAnswer> {
  return answer(200, { data: registrationView(await existing(routes, event)) });
}

export async function update(routes: RegistrationRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const body = bodyOf(event);
  const output: JobOutput = {
    tenantData: partOf(body, 'tenantData'),
    tenantRegistrationData: partOf(body, 'tenantRegistrationData'),
  };
  const { registrationId } = await existing(routes, event);
  const updated = await routes.registrations.merge(registrationId, output, routes.now());
  if (!updated) throw new HttpError(409, 'the registration is history');
  return answer(200, {
    data: {
      tenantRegistration: registrationView(updated),
      tenant: tenantView(updated),
      message: 'Tenant registration updated successfully',
    },
  });
}

/** Requests the offboarding. Asked again it requests again: a job that finds its tenant gone says so. */
export async function remove(routes: RegistrationRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const { registrationId } = await existing(routes, event);
  const leaving = await routes.registrations.merge(
    registrationId,
    { tenantRegistrationData: { registrationStatus: registrationStatuses.offboarding } },
    routes.now(),
    false,
  );
  if (!leaving) throw new HttpError(404, `the tenant of registration ${registrationId} is gone`);
  await routes.publish(registrationEvents.offboardingRequest, requestDetail(leaving));
  return answer(200, { data: { message: 'Tenant registration deletion initiated' } });
}
