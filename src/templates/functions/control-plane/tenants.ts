/** `/tenants`: the registrations, seen from their tenants. Read only: tenants come and go by their registrations. */
import {
  answer,
  type HttpAnswer,
  HttpError,
  type HttpEvent,
  limitOf,
  nextTokenOf,
  parameter,
} from './http.ts';
import type { Registration, Registrations } from './store.ts';

export const tenantView = ({ registrationId, tenantId, active, tenantData }: Registration): object => ({
  ...tenantData,
  tenantId,
  tenantRegistrationId: registrationId,
  sbtaws_active: active,
});

export async function list(registrations: Registrations, event: HttpEvent): Promise<HttpAnswer> {
  const { items, nextToken } = await registrations.list(limitOf(event, 100), nextTokenOf(event));
  return answer(200, { data: items.map(tenantView), next_token: nextToken });
}

export async function get(registrations: Registrations, event: HttpEvent): Promise<HttpAnswer> {
  const id = parameter(event, 'tenantId');
  const found = await registrations.ofTenant(id);
  if (found) return answer(200, { data: tenantView(found) });
  throw new HttpError(404, `Tenant not found for id ${id}`);
}
