import { SaasError } from '../../model/error.ts';
import type { Verification } from './verify.ts';

/** Exit code 1 also when it is not known: an attack that was not made has not been stopped. */
export function failureOf({ summary }: Verification): SaasError | undefined {
  const { attacks, succeeded, inconclusive } = summary;
  if (attacks > 0 && succeeded === 0 && inconclusive === 0) return undefined;
  const parts = [
    ...(succeeded > 0 ? [`${count(succeeded)} succeeded`] : []),
    ...(inconclusive > 0 ? [`${count(inconclusive)} could not be made`] : []),
  ];
  return new SaasError(
    succeeded > 0 ? 'attack_succeeded' : 'attack_inconclusive',
    parts.join(', ') || 'no attack was made',
  );
}

const count = (attacks: number): string => `${attacks} ${attacks === 1 ? 'attack' : 'attacks'}`;
