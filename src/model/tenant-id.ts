import { randomInt } from 'node:crypto';

const tenantIdAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Ten characters, the first a letter: fits every AWS name that it becomes part of, and says nothing about the tenant. */
export function newTenantId(): string {
  const pick = (count: number): string => tenantIdAlphabet[randomInt(count)] ?? 'a';
  return pick(24) + Array.from({ length: 9 }, () => pick(tenantIdAlphabet.length)).join('');
}

/** Whether a text has the form of a tenant's id. */
export const isTenantId = (text: string): boolean => /^[a-km-np-z][a-km-np-z2-9]{9}$/.test(text);
