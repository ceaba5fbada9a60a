import { SaasError } from '../model/error.ts';
import { leaseFrom, type Operation, released, renewEveryMs } from './lease.ts';
import {
  changed,
  type Ending,
  type Registry,
  type TenantChanges,
  type TenantRecord,
} from './registry/registry.ts';
import type { Write } from './registry/table.ts';

/**
 * Writes an operation down on its tenant's item. Writes go one after the other, the lease's renewals among them: an
 * older state of the operation can't arrive after a newer one, nor after its end. What is only noted goes with the
 * next of them, a renewal at the latest.
 */
export class Journal {
  readonly #registry: Registry;
  readonly #operation: Operation;
  readonly #now: () => Date;
  readonly #lost = new AbortController();
  #tenant: TenantRecord;
  #noted: TenantChanges = {};
  #writes: Promise<unknown> = Promise.resolve();
  #renewal: NodeJS.Timeout | undefined;
  #over = false;

  constructor(registry: Registry, tenant: TenantRecord, operation: Operation, now: () => Date) {
    this.#registry = registry;
    this.#tenant = tenant;
    this.#operation = operation;
    this.#now = now;
  }

  /** The tenant's item with what is noted. */
  get tenant(): TenantRecord {
    return changed(this.#tenant, this.#noted);
  }

  /** Aborted once another operator has taken the tenant over. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  assertHeld(): void {
    this.#lost.signal.throwIfAborted();
  }

  /** Renews the lease until the journal is closed. A renewal that fails to arrive is made up for by the next. */
  keepAlive(): void {
    this.#renewal = setInterval(() => void this.write().catch(() => {}), renewEveryMs);
    this.#renewal.unref();
  }

  /**
   * Notes changes to the tenant's item, and that the operation went on. A run that is killed before the next write
   * does again what it had noted.
   */
  note(changes: TenantChanges = {}): void {
    this.#noted = { ...this.#noted, ...changes };
  }

  /**
   * Writes the operation, what was noted, and changes to the tenant's item, with further writes all or nothing, and renews
   * the lease. Throws `lease_lost`.
   */
  write(changes: TenantChanges = {}, further: Write[] = []): Promise<void> {
    return this.#next(async () => {
      if (this.#over) return;
      this.#operation.leaseUntil = leaseFrom(this.#now());
      await this.#update(changes, further);
    });
  }

  /**
   * Takes the operation off the tenant and keeps it as history, in one write, which `along` may add to. Throws
   * `lease_lost`.
   */
  end(
    ending: Ending,
    along: (end: (writes: Write[]) => Promise<TenantRecord>) => Promise<TenantRecord> = (end) => end([]),
  ): Promise<TenantRecord> {
    return this.#next(async () => {
      const at = this.#now().toISOString();
      this.#tenant = await along((writes) =>
        this.#registry.endOperation(this.#tenant, this.#operation, {
          ending,
          at,
          changes: this.#noted,
          writes,
        }),
      );
      this.#over = true;
      return this.#tenant;
    });
  }

  /** Stops renewing. `release`: lets go of the tenant at once, so that the next run needn't wait for the lease. */
  async close({ release }: { release: boolean }): Promise<void> {
    clearInterval(this.#renewal);
    await this.#next(async () => {
      if (this.#over || !release) return;
      this.#operation.leaseUntil = released;
      await this.#update({}, []);
    }).catch(() => {});
    this.#over = true;
  }

  async #update(changes: TenantChanges, further: Write[]): Promise<void> {
    const noted = this.#noted;
    this.#noted = {};
    try {
      const { holder } = this.#operation;
      const all = { ...noted, ...changes, operation: this.#operation };
      this.#tenant =
        further.length === 0
          ? await this.#registry.updateTenant(this.#tenant.tenantId, all, holder)
          : await this.#registry.updateTenantWith(this.#tenant, all, holder, further);
    } catch (error) {
      this.#noted = { ...noted, ...this.#noted };
      throw error;
    }
  }

  #next<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#writes.then(write).catch((error: unknown) => {
      if (error instanceof SaasError && error.code === 'lease_lost') this.#lost.abort(error);
      throw error;
    });
    this.#writes = written.catch(() => {});
    return written;
  }
}
