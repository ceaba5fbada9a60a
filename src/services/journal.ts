import { SaasError } from '../model/error.ts';
import { leaseFrom, type Operation, released, renewEveryMs } from './lease.ts';
import type { Ending, Registry, TenantChanges, TenantRecord } from './registry/registry.ts';

/**
 * Writes an operation down on its tenant's item. Writes go one after the other, the lease's renewals among them: an
 * older state of the operation can't arrive after a newer one, nor after its end.
 */
export class Journal {
  readonly #registry: Registry;
  readonly #operation: Operation;
  readonly #now: () => Date;
  readonly #lost = new AbortController();
  #tenant: TenantRecord;
  #writes: Promise<unknown> = Promise.resolve();
  #renewal: NodeJS.Timeout | undefined;
  #over = false;

  constructor(registry: Registry, tenant: TenantRecord, operation: Operation, now: () => Date) {
    this.#registry = registry;
    this.#tenant = tenant;
    this.#operation = operation;
    this.#now = now;
  }

  /** The tenant's item as last written. */
  get tenant(): TenantRecord {
    return this.#tenant;
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

  /** Writes the operation and changes to the tenant's item, and renews the lease. Throws `lease_lost`. */
  write(changes: TenantChanges = {}): Promise<void> {
    return this.#next(async () => {
      if (this.#over) return;
      this.#operation.leaseUntil = leaseFrom(this.#now());
      this.#tenant = await this.#registry.updateTenant(
        this.#tenant.tenantId,
        { ...changes, operation: this.#operation },
        this.#operation.holder,
      );
    });
  }

  /** Takes the operation off the tenant and keeps it as history, in one write. Throws `lease_lost`. */
  end(ending: Ending): Promise<TenantRecord> {
    return this.#next(async () => {
      this.#tenant = await this.#registry.endOperation(
        this.#tenant,
        this.#operation,
        ending,
        this.#now().toISOString(),
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
      await this.#registry.updateTenant(
        this.#tenant.tenantId,
        { operation: this.#operation },
        this.#operation.holder,
      );
    }).catch(() => {});
    this.#over = true;
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
