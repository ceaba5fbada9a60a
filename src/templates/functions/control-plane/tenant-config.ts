/** `/tenant-config`: what a sign-in page needs to know of a tenant. Public, so it must not tell who is a tenant. */
import { registrationStatuses } from '../../../model/control-plane.ts';
import { tenantNameProblem } from '../../../model/tenant.ts';
import { answer, badRequest, type HttpAnswer, HttpError, type HttpEvent } from './http.ts';
import type { Registrations } from './store.ts';

/**
 * The configuration of a tenant by its name. Every name that has none of its own, be it a pool tenant's or nobody's, gets
 * the pool's: whether such a tenant exists, signing in tells, and there Cognito guards it.
 */
export async function get(registrations: Registrations, event: HttpEvent): Promise<HttpAnswer> {
  const name = event.pathParameters?.['tenantName'] ?? event.queryStringParameters?.['tenantName'] ?? '';
  if (tenantNameProblem(name) !== undefined)
    throw badRequest('tenantName is missing, or no name of a tenant');
  // Both at once, so that neither answer comes sooner.
  const [registration, shared] = await Promise.all([
    registrations.ofName(name),
    registrations.sharedConfig(),
  ]);
  const own = registration?.tenantData['tenantConfig'];
  const served = registration?.registrationData.registrationStatus === registrationStatuses.onboarded;
  if (served && typeof own === 'string') return answer(200, own);
  if (shared) return answer(200, shared);
  throw new HttpError(404, 'no configuration for this name');
}
