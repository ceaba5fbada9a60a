/**
 * Who changes what an environment's tenants share: one at a time, under a lease in the registry as operations on a
 * tenant have one. Where there is no registry yet, or none any more, CloudFormation alone keeps two from one stack.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SaasError } from '../model/error.ts';
import { registryKeys } from '../model/registry.ts';
import { toSaasError } from './aws-errors.ts';
import type { Context } from './context.ts';
import {
  holderWords,
  leaseFrom,
  type OperationProcess,
  observeMs,
  released,
  renewEveryMs,
  standing,
  surelyOverBefore,
  thisProcess,
} from './lease.ts';
import { isConditionFailure, RegistryTable, refusedWrites, type Write } from './registry/table.ts';
import { knownRegistryTable } from './shared-outputs.ts';

export type EnvironmentWork = 'deploy-shared' | 'destroy-shared' | 'add-cell';

interface LeaseItem {
  /** Unique to one run. */
  holder: string;
  what: EnvironmentWork;
  /** ISO 8601. */
  since: string;
  process: OperationProcess;
  /** ISO 8601; renewed while it is held. */
  leaseUntil: string;
}

/** How often to look whether the environment is free, in milliseconds. */
const lookEveryMs = 500;

/**
 * Does `work`, which claims the lease as soon as it knows the registry's table; lets go of it at the end, however that
 * is. Throws `environment_lease_lost` when another run has taken the environment over meanwhile.
 */
export async function holdingEnvironment<T>(
  context: Context,
  what: EnvironmentWork,
  work: (lease: EnvironmentLease) => Promise<T>,
): Promise<T> {
  const lease = new EnvironmentLease(context, what);
  try {
    return await work(lease);
  } catch (error) {
    lease.assertHeld();
    throw lease.explain(error);
  } finally {
    await lease.release();
  }
}

export class EnvironmentLease {
  readonly #context: Context;
  readonly #item: LeaseItem;
  readonly #lost = new AbortController();
  /** Aborted when the work is to stop: by its user, or because another run has the environment. */
  readonly signal: AbortSignal;
  #table: RegistryTable | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #writes: Promise<unknown> = Promise.resolve();

  constructor(context: Context, what: EnvironmentWork) {
    this.#context = context;
    this.signal = AbortSignal.any([context.signal, this.#lost.signal]);
    const since = context.now().toISOString();
    this.#item = { holder: randomUUID(), what, since, process: thisProcess(), leaseUntil: since };
  }

  /**
   * Takes the lease in that table; does nothing without a table, or when it is held already. Throws `environment_busy`
   * while another run holds it. With `waiting`, waits for the other one's end, and calls that when it begins to wait;
   * one who takes the environment down is not waited for.
   */
  async claim(tableName: string | undefined, waiting?: (holder: string) => void): Promise<void> {
    if (tableName === undefined || this.#table) return;
    const table = new RegistryTable(this.#context.target.client, tableName);
    let told = false;
    for (;;) {
      const other = await this.#attempt(table);
      if (other === undefined) break;
      if (!waiting || other.what === 'destroy-shared') throw this.#busy(other);
      if (!told) waiting(holderWords(other.process, other.since));
      told = true;
      await delay(lookEveryMs, undefined, { signal: this.#context.signal });
    }
  }

  /**
   * What work failed with, in the words for two at once where that is why: before there is a registry, CloudFormation
   * refuses the second one and can't say who the first one is.
   */
  explain(error: unknown): unknown {
    const known = toSaasError(error);
    if (this.#table || known.code !== 'stack_busy') return error;
    return new SaasError(
      'environment_busy',
      `another run is making the shared stacks of the environment "${this.#name}"`,
      {
        detail: `CloudFormation refused a second one: ${known.detail ?? known.message}`,
        hint: 'wait for it to end, then run the command again',
        cause: error,
      },
    );
  }

  /** Throws `environment_lease_lost`. */
  assertHeld(): void {
    this.#lost.signal.throwIfAborted();
  }

  /** Lets go at once, so that the next run needn't wait. */
  async release(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#write(released).catch(() => {});
    this.#table = undefined;
  }

  /** Gives the one who holds it, or undefined once this run does. */
  async #attempt(table: RegistryTable): Promise<LeaseItem | undefined> {
    const key = registryKeys.environmentLease();
    const seen = await table.get<LeaseItem>(key).catch((error: unknown) => {
      if (isGone(error)) return 'gone' as const;
      throw error;
    });
    // A stack whose creation failed has named a table and taken it back.
    if (seen === 'gone') return undefined;
    if (seen) {
      const state = standing(seen, this.#context.now());
      if (state === 'held') return seen;
      // A holder that lives renews its lease in this time, and the write below fails. No two clocks are compared.
      if (state === 'silent') await delay(observeMs, undefined, { signal: this.#context.signal });
    }
    this.#item.leaseUntil = leaseFrom(this.#context.now());
    try {
      await table.put(
        { ...key, ...this.#item },
        seen
          ? {
              expression: '(#holder = :holder AND leaseUntil = :until) OR #holder = :me',
              values: { ':holder': seen.holder, ':until': seen.leaseUntil, ':me': this.#item.holder },
            }
          : {
              expression: 'attribute_not_exists(pk) OR #holder = :me',
              values: { ':me': this.#item.holder },
            },
      );
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      return (await table.get<LeaseItem>(key)) ?? this.#attempt(table);
    }
    this.#table = table;
    this.#renewal = setInterval(() => {
      // A renewal that fails to arrive is made up for by the next.
      this.#write(leaseFrom(this.#context.now())).catch(() => {});
    }, renewEveryMs);
    this.#renewal.unref();
    return undefined;
  }

  /** One after the other: a renewal can't arrive after the release. */
  #write(leaseUntil: string): Promise<void> {
    const written = this.#writes.then(async () => {
      const { holder } = this.#item;
      await this.#table
        ?.update(
          registryKeys.environmentLease(),
          { leaseUntil },
          { expression: '#holder = :holder', values: { ':holder': holder } },
        )
        .catch((error: unknown) => {
          if (isConditionFailure(error)) this.#lost.abort(this.#taken(error));
          // The registry went with the data.
          else if (!isGone(error)) throw error;
        });
    });
    this.#writes = written.catch(() => {});
    return written;
  }

  #busy({ what, process: by, since }: LeaseItem): SaasError {
    return busy(`the environment "${this.#name}" is ${gerund[what]} already`, holderWords(by, since));
  }

  #taken(cause: unknown): SaasError {
    return new SaasError(
      'environment_lease_lost',
      `another run has taken over the work on the environment "${this.#name}"`,
      { hint: 'this one had fallen silent; run the command again to see who works on it', cause },
    );
  }

  get #name(): string {
    return this.#context.target.environment.name;
  }
}

/** Goes with a write that is to be refused while a run takes the environment down. */
export const unlessTakenDown = (now: Date): Write => ({
  check: registryKeys.environmentLease(),
  condition: {
    expression: 'attribute_not_exists(pk) OR #what <> :destroying OR leaseUntil < :over',
    values: { ':destroying': 'destroy-shared' satisfies EnvironmentWork, ':over': surelyOverBefore(now) },
  },
});

/** What a transaction with {@link unlessTakenDown} failed with, in the words for that where it is why. */
export async function explainTakenDown(
  { target }: Pick<Context, 'target'>,
  error: unknown,
): Promise<unknown> {
  if (refusedWrites(error).length === 0) return error;
  const table = knownRegistryTable(target);
  const holder =
    table === undefined
      ? undefined
      : await new RegistryTable(target.client, table)
          .get<LeaseItem>(registryKeys.environmentLease())
          .catch(() => undefined);
  return busy(
    `the environment "${target.environment.name}" is being taken down`,
    holder && holderWords(holder.process, holder.since),
    'wait for it to end; if it was stopped, run destroy-shared again, or deploy-shared to keep the environment',
  );
}

const busy = (
  message: string,
  detail: string | undefined,
  hint = 'wait for it to end, then run the command again',
): SaasError => new SaasError('environment_busy', message, { ...(detail !== undefined && { detail }), hint });

const gerund: Record<EnvironmentWork, string> = {
  'deploy-shared': 'being deployed',
  'destroy-shared': 'being taken down',
  'add-cell': 'being given a further cell',
};

const isGone = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ResourceNotFoundException';
