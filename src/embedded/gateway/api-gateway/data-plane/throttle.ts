/** Token buckets: a steady rate and how much may come at once. */

/** What an account has in a Region by default ("Amazon API Gateway quotas"). */
export const accountThrottle = { rateLimit: 10_000, burstLimit: 5_000 } as const;

interface Bucket {
  tokens: number;
  /** Milliseconds since the epoch. */
  at: number;
  rate: number;
  burst: number;
}

/** Buckets kept before full ones are dropped: a full bucket is the same as a new one. */
const sweepAbove = 20_000;

export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes a token. A bucket starts full, and starts anew when its limits change. */
  take(key: string, rate: number, burst: number, now: number): boolean {
    let bucket = this.#buckets.get(key);
    if (!bucket || bucket.rate !== rate || bucket.burst !== burst) {
      if (this.#buckets.size > sweepAbove) this.#sweep(now);
      bucket = { tokens: burst, at: now, rate, burst };
      this.#buckets.set(key, bucket);
    }
    if (now > bucket.at) {
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * rate);
      bucket.at = now;
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #sweep(now: number): void {
    for (const [key, bucket] of this.#buckets)
      if (bucket.tokens + ((now - bucket.at) / 1000) * bucket.rate >= bucket.burst) this.#buckets.delete(key);
  }
}
