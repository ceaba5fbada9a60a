/**
 * How much of its quota each key has used. Counted in memory and written to the store every second and at the end: a
 * `kill -9` may forget the last second's requests, never a limit.
 */
import type { QuotaSettings } from '@aws-sdk/client-api-gateway';
import type { Cloud } from '../../platform.ts';

interface UsageRecord {
  planId: string;
  keyId: string;
  /** First day of the current period, `2026-11-23`. */
  period: string;
  /** Requests in the current period. */
  used: number;
  /** Requests that UpdateUsage granted on top of the limit (or took from it) in the current period. */
  extra: number;
  /** By day: requests of that day, and what was left of the period's quota after them. */
  days: Record<string, [used: number, remaining: number]>;
}

export interface UsageCounters {
  /** Counts a request; false: the quota is used up, and the request does not count. */
  take(planId: string, keyId: string, quota: QuotaSettings): boolean;
  /** Sets what is left in the current period. */
  setRemaining(planId: string, keyId: string, quota: QuotaSettings, remaining: number): void;
  /** `[used, remaining]` for each day from `start` to `end`, both included. */
  days(
    planId: string,
    keyId: string,
    quota: QuotaSettings | undefined,
    start: string,
    end: string,
  ): [number, number][];
  /** A plan or a key is gone, and with it what was counted for it. */
  forget(gone: { planId: string } | { keyId: string }): void;
  stop(): void;
}

const dayMs = 86_400_000;
/** Days that GetUsage can still tell. */
const keptDays = 90;
const writeEveryMs = 1000;

export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** The first day (UTC) of the period that a time falls into; the offset is the day on which a week or month starts. */
export function periodStart(time: number, quota: QuotaSettings): string {
  const offset = quota.offset ?? 0;
  const midnight = Math.floor(time / dayMs) * dayMs;
  const date = new Date(midnight);
  if (quota.period === 'WEEK') return dayOf(midnight - ((date.getUTCDay() - offset + 7) % 7) * dayMs);
  if (quota.period === 'MONTH') {
    const start = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1 + offset));
    if (start.getTime() > midnight) start.setUTCMonth(start.getUTCMonth() - 1);
    return dayOf(start.getTime());
  }
  return dayOf(midnight);
}

export function openUsage(cloud: Cloud): UsageCounters {
  const collection = cloud.store.collection<UsageRecord>('apigateway.usage');
  const counters = new Map<string, UsageRecord>();
  const dirty = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let today = '';
  let todayEnds = 0;
  const starts = new Map<string, string>();

  const flush = (): void => {
    timer = undefined;
    for (const key of dirty) {
      const record = counters.get(key);
      if (record) collection.put(key, record);
    }
    dirty.clear();
  };
  const touch = (key: string): void => {
    dirty.add(key);
    if (timer) return;
    timer = setTimeout(flush, writeEveryMs);
    timer.unref();
  };
  const recordOf = (planId: string, keyId: string): UsageRecord => {
    const key = `${planId}/${keyId}`;
    let record = counters.get(key);
    if (!record) {
      record = collection.get(key) ?? { planId, keyId, period: '', used: 0, extra: 0, days: {} };
      counters.set(key, record);
    }
    return record;
  };
  /** Worked out once a day, not once a request. */
  const startOf = (quota: QuotaSettings, now: number): string => {
    if (now >= todayEnds || now < todayEnds - dayMs) {
      today = dayOf(now);
      todayEnds = Math.floor(now / dayMs) * dayMs + dayMs;
      starts.clear();
    }
    const key = `${quota.period}/${quota.offset ?? 0}`;
    let start = starts.get(key);
    if (start === undefined) {
      start = periodStart(now, quota);
      starts.set(key, start);
    }
    return start;
  };
  const turnOver = (record: UsageRecord, quota: QuotaSettings, now: number): void => {
    const period = startOf(quota, now);
    if (record.period === period) return;
    record.period = period;
    record.used = 0;
    record.extra = 0;
    const oldest = dayOf(now - keptDays * dayMs);
    for (const day of Object.keys(record.days)) if (day < oldest) delete record.days[day];
  };

  return {
    take(planId, keyId, quota) {
      const now = cloud.clock.now();
      const record = recordOf(planId, keyId);
      turnOver(record, quota, now);
      const left = (quota.limit ?? 0) + record.extra - record.used;
      if (left <= 0) return false;
      record.used++;
      const day = record.days[today];
      if (day) {
        day[0]++;
        day[1] = left - 1;
      } else record.days[today] = [1, left - 1];
      touch(`${planId}/${keyId}`);
      return true;
    },

    setRemaining(planId, keyId, quota, remaining) {
      const now = cloud.clock.now();
      const record = recordOf(planId, keyId);
      turnOver(record, quota, now);
      record.extra = remaining - ((quota.limit ?? 0) - record.used);
      const day = record.days[dayOf(now)] ?? [0, remaining];
      record.days[dayOf(now)] = [day[0], remaining];
      // An operator's change is no counter: it is kept at once.
      collection.put(`${planId}/${keyId}`, record);
    },

    days(planId, keyId, quota, start, end) {
      const record = counters.get(`${planId}/${keyId}`) ?? collection.get(`${planId}/${keyId}`);
      const result: [number, number][] = [];
      let remaining = quota?.limit ?? 0;
      let period = '';
      for (let time = Date.parse(start); time <= Date.parse(end); time += dayMs) {
        const current = quota ? periodStart(time, quota) : '';
        if (current !== period) {
          period = current;
          remaining = quota?.limit ?? 0;
        }
        const [used, left] = record?.days[dayOf(time)] ?? [0, remaining];
        // In the period that still runs a new limit holds at once.
        remaining =
          quota && record?.period === current && time + dayMs > cloud.clock.now()
            ? Math.max(0, (quota.limit ?? 0) + record.extra - record.used)
            : left;
        result.push([used, remaining]);
      }
      return result;
    },

    forget(gone) {
      for (const key of new Set([...counters.keys(), ...collection.keys()])) {
        if (!('planId' in gone ? key.startsWith(`${gone.planId}/`) : key.endsWith(`/${gone.keyId}`)))
          continue;
        counters.delete(key);
        dirty.delete(key);
        collection.delete(key);
      }
    },

    stop() {
      clearTimeout(timer);
      flush();
    },
  };
}
