/** The physical thing behind a record: taking it out, putting it back, comparing it. */
import { isDeepStrictEqual } from 'node:util';
import type { Properties, ResourceType } from '../../platform.ts';
import { specificationOf } from '../schema/specification.ts';
import type { Incarnation, ResourceRecord } from '../stack/records.ts';

/** What a record stands for now. */
export function incarnationOf(record: Incarnation): Incarnation {
  const { type, properties, suffix, needs, deletionPolicy, updateReplacePolicy } = record;
  const result: Incarnation = { type, properties, suffix, needs, deletionPolicy, updateReplacePolicy };
  if (record.physicalId !== undefined) result.physicalId = record.physicalId;
  if (record.attributes !== undefined) result.attributes = record.attributes;
  if (record.generatedNames !== undefined) result.generatedNames = record.generatedNames;
  if (record.metadata !== undefined) result.metadata = record.metadata;
  return result;
}

/** Makes a record stand for another physical thing. */
export function reincarnate(record: ResourceRecord, incarnation: Incarnation): void {
  delete record.physicalId;
  delete record.attributes;
  delete record.generatedNames;
  delete record.metadata;
  Object.assign(record, incarnation);
}

/** Top-level properties that differ. */
export function changedProperties(before: Properties, after: Properties): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Whether a change of these properties needs a new physical resource: by its handler, or by the specification. */
export function needsReplacement(
  type: string,
  handler: ResourceType | undefined,
  changed: readonly string[],
): boolean {
  if (changed.length === 0) return false;
  if (handler && !handler.update) return true;
  return replacementProperties(type, handler, changed).length > 0;
}

export function replacementProperties(
  type: string,
  handler: ResourceType | undefined,
  changed: readonly string[],
): string[] {
  if ((handler && !handler.update) || handler?.replaceOn?.includes('*')) return [...changed];
  const replacing = new Set([...(handler?.replaceOn ?? []), ...(specificationOf(type)?.replace ?? [])]);
  return changed.filter((name) => replacing.has(name));
}
