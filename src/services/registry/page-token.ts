import { ExitCode, SaasError } from '../../model/error.ts';
import type { TenantRecord } from './records.ts';

/** Where a list of tenants goes on after this one. */
export const tokenOf = ({ pk, sk, gsi1pk, gsi1sk }: TenantRecord): string =>
  Buffer.from(JSON.stringify({ pk, sk, gsi1pk, gsi1sk })).toString('base64url');

/** The index key that a token stands for. Throws `bad_next_token` for what this list of tenants did not give. */
export function positionOf(token: string, list: string): Record<string, string> {
  try {
    const key: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    const { pk, sk, gsi1pk, gsi1sk } = key as Record<string, unknown>;
    if (
      typeof pk === 'string' &&
      pk.startsWith('TENANT#') &&
      typeof sk === 'string' &&
      typeof gsi1sk === 'string' &&
      gsi1pk === list
    )
      return { pk, sk, gsi1pk: list, gsi1sk };
  } catch {
    // Neither base64url nor JSON, or JSON of another shape: said below.
  }
  throw new SaasError('bad_next_token', `"${token}" is not a token that this list of tenants gave`, {
    hint: 'use the nextToken of the previous page with the same filters, or leave it out',
    exitCode: ExitCode.usage,
  });
}
