import type { Reason } from './compare.ts';
export const reasons: readonly Reason[] = [];
