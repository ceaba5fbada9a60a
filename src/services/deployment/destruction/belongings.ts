/** What an environment owns beside its stacks, found by its tags alone; each kind in one object. */
import type { ClientOptions } from '../../environment.ts';
import { Buckets } from './buckets.ts';
import { KeySecrets } from './key-secrets.ts';
import { Keys } from './keys.ts';
import { ApiKeys, StrayPlans } from './limits.ts';
import { LogGroups } from './log-groups.ts';
import type { Ownership } from './ownership.ts';
import { Tables } from './tables.ts';
import { UserPools } from './user-pools.ts';

export interface Belonging {
  /** In words: `table`, `user pool`, … */
  kind: string;
  /** As its stack calls it: the physical id. */
  id: string;
  name: string;
  /** In words, e.g. `12 items`; what AWS counts lags behind by hours. */
  size?: string;
  /** The tenant that it is of. */
  tenantId?: string;
}

export interface Kind {
  readonly kind: string;
  find(ownership: Ownership): Promise<Belonging[]>;
  /** Idempotent. */
  remove(belonging: Pick<Belonging, 'id'>, signal: AbortSignal): Promise<void>;
}

export interface Kinds {
  /** What tenants and operations have stored: outlives its stack. */
  data: readonly Kind[];
  /** Made by operations, on the stages of the stacks: a stage is not deleted while a plan has it. */
  limits: readonly Kind[];
  logs: readonly Kind[];
}

export const kindsOf = (options: ClientOptions): Kinds => ({
  data: [
    new Tables(options),
    new UserPools(options),
    new Buckets(options),
    new KeySecrets(options),
    new Keys(options),
  ],
  limits: [new ApiKeys(options), new StrayPlans(options)],
  logs: [new LogGroups(options)],
});

/** `table registry-1 (12 items)`. */
export const told = ({ kind, name, size }: Pick<Belonging, 'kind' | 'name' | 'size'>): string =>
  `${kind} ${name}${size === undefined ? '' : ` (${size})`}`;
