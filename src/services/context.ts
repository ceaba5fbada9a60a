import type { Config } from '../model/config.ts';
import type { Watch } from '../model/progress.ts';
import type { Target } from './environment.ts';

/** What every operation is given: the product's configuration, where it acts, who watches, and when to stop. */
export interface Context {
  readonly config: Config;
  readonly target: Target;
  readonly watch: Watch;
  /** Aborted by Ctrl-C and SIGTERM: an operation stops between two calls and leaves what it did for the next run. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
}
