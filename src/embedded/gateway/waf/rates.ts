/** Counts of a rate-based rule: requests of one aggregate in a window that slides. */

/** Parts of a window; a request leaves the count with its part. */
const parts = 30;
/** Aggregates that are counted at the same time; the one that was longest silent gives way. */
const mostAggregates = 10_000;

export class Rates {
  readonly #limit: number;
  readonly #partMs: number;
  /** In the order in which they were last heard of. */
  readonly #counts = new Map<string, Map<number, number>>();

  /** @param limit requests in `windowSeconds` that are let through */
  constructor(limit: number, windowSeconds: number) {
    this.#limit = limit;
    this.#partMs = (windowSeconds * 1000) / parts;
  }

  /** Counts one request; true when there are more in the window than the limit, this one included. */
  exceeded(aggregate: string, now: number): boolean {
    const part = Math.floor(now / this.#partMs);
    const counts = this.#counts.get(aggregate) ?? new Map<number, number>();
    this.#counts.delete(aggregate);
    this.#counts.set(aggregate, counts);
    counts.set(part, (counts.get(part) ?? 0) + 1);
    let total = 0;
    for (const [at, count] of counts) {
      if (at <= part - parts) counts.delete(at);
      else total += count;
    }
    if (this.#counts.size > mostAggregates) {
      const [silent] = this.#counts.keys();
      if (silent !== undefined) this.#counts.delete(silent);
    }
    return total > this.#limit;
  }
}
