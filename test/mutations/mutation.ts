import type { TierModel } from '../../src/model/tier.ts';
import type { ControlName } from '../../src/services/verify/controls.ts';
import type { Restore, World } from './world.ts';

/** How to take one control away from a deployed environment, and nothing else. */
export interface Mutation {
  control: ControlName;
  /** What is done, for the table. */
  how: string;
  /** Whose attacks are looked at; all when absent. */
  models?: readonly TierModel[];
  attacks?: readonly string[];
  /**
   * Where another control stops the same attacks first: it is taken away before, which must not be enough, and only
   * then the one that is looked at.
   */
  behind?: { what: string; apply(world: World): Promise<Restore> };
  apply(world: World): Promise<Restore>;
}
