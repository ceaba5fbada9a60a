/** What became of a request: told on the bus by whoever provisioned, written into the registration. */
import {
  type JobOutput,
  type Outcome,
  type OutcomeDetail,
  outcomes,
  registrationStatuses,
} from '../../../model/control-plane.ts';
import { isObject } from './http.ts';
import type { Registrations } from './store.ts';

export interface OutcomeEvent {
  'detail-type': string;
  detail: Partial<OutcomeDetail>;
}

export const isOutcome = (event: unknown): event is OutcomeEvent =>
  isObject(event) && outcomes.includes(event['detail-type'] as Outcome) && isObject(event['detail']);

/** Idempotent, since events may come twice. One for a registration that is not there, or is history, changes nothing. */
export async function record(registrations: Registrations, event: OutcomeEvent, now: string): Promise<void> {
  const { tenantRegistrationId: id, jobOutput } = event.detail;
  if (typeof id !== 'string' || id === '') return;
  const part = (name: keyof JobOutput): Record<string, unknown> => {
    const given: unknown = isObject(jobOutput) ? jobOutput[name] : undefined;
    return isObject(given) ? given : {};
  };
  const output = (registrationStatus: string): JobOutput => ({
    tenantData: part('tenantData'),
    tenantRegistrationData: { registrationStatus, ...part('tenantRegistrationData') },
  });
  switch (event['detail-type'] as Outcome) {
    case 'provisionSuccess':
      await registrations.merge(id, output(registrationStatuses.onboarded), now);
      return;
    case 'deprovisionSuccess':
      await registrations.retire(id, output(registrationStatuses.offboarded), now);
      return;
    case 'provisionFailure':
    case 'deprovisionFailure':
      await registrations.merge(id, output(registrationStatuses.failed), now);
  }
}
