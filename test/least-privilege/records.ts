/** The record that the embedded cloud keeps of calls, by the roles' names in the templates. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RecordedCall } from '../../src/embedded/iam/call-record.ts';
import type { Call } from './compare.ts';
import { rolesTemplate, withoutHash } from './grants.ts';
import type { RoleOrigin } from './system.ts';

export async function readRecords(directory: string): Promise<RecordedCall[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.ndjson'));
  const texts = await Promise.all(files.map((name) => readFile(path.join(directory, name), 'utf8')));
  return texts
    .flatMap((text) => text.split('\n').filter(Boolean))
    .map((line) => JSON.parse(line) as RecordedCall);
}

/** Calls that were allowed to roles of our stacks; those of the CDK's bootstrap stack are its own. */
export function callsOf(records: readonly RecordedCall[], origins: ReadonlyMap<string, RoleOrigin>): Call[] {
  return records.flatMap(({ role, action, outcome }) => {
    const origin = origins.get(role.split('/').at(-1) ?? '');
    if (!origin || origin.stack === 'CDKToolkit' || outcome !== 'allowed') return [];
    return [{ role: `${rolesTemplate(origin.stack)}/${withoutHash(origin.logicalId)}`, action }];
  });
}

/** What roles of our stacks asked for and did not get. Their code should not ask for it. */
export const refusedOf = (
  records: readonly RecordedCall[],
  origins: ReadonlyMap<string, RoleOrigin>,
): string[] =>
  records.flatMap(({ role, action, resource, outcome }) => {
    const origin = origins.get(role.split('/').at(-1) ?? '');
    return origin && outcome === 'denied'
      ? [`${origin.stack}/${origin.logicalId} ${action} ${resource}`]
      : [];
  });
