import type { Properties } from '../../../platform.ts';

/** A template's properties in the form that the specification, by which they were checked, says they have. */
export const read = <T>(properties: Properties): T => properties as unknown as T;
