/** Ids and generated physical names. */
import { randomBytes } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** Twelve random characters, as CloudFormation puts at the end of the names that it makes. */
export function randomSuffix(length = 12): string {
  return Array.from(randomBytes(length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/** `<stack>-<logicalId>-<suffix>` within `max` characters: the suffix stays whole, the other two are cut. */
export function generatedName(stackName: string, logicalId: string, suffix: string, max: number): string {
  const room = max - suffix.length - 2;
  if (room < 2) return suffix.slice(0, max);
  const logical = logicalId.slice(0, Math.max(room - stackName.length, Math.floor(room / 2)));
  const stack = stackName.slice(0, room - logical.length).replace(/-+$/, '');
  return `${stack}-${logical}-${suffix}`;
}
