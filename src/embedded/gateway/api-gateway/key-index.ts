/** API keys by value and plans by key, kept in step with the store: the data plane looks both up on every request. */
import type { Collection } from '../../store.ts';
import type { ApiKeyRecord, PlanKeyRecord } from './state.ts';

export interface KeyIndex {
  readonly size: number;
  byValue(value: string): ApiKeyRecord | undefined;
  put(key: ApiKeyRecord): void;
  delete(keyId: string): void;
  plansOf(keyId: string): ReadonlySet<string>;
  keysOf(planId: string): ReadonlySet<string>;
  link(planId: string, keyId: string): void;
  /** False when it was not linked. */
  unlink(planId: string, keyId: string): boolean;
}

const none: ReadonlySet<string> = new Set();

export function openKeyIndex(keys: Collection<ApiKeyRecord>, planKeys: Collection<PlanKeyRecord>): KeyIndex {
  const values = new Map<string, string>();
  const plans = new Map<string, Set<string>>();
  const members = new Map<string, Set<string>>();
  const add = (map: Map<string, Set<string>>, key: string, value: string): void => {
    const set = map.get(key);
    if (set) set.add(value);
    else map.set(key, new Set([value]));
  };
  for (const key of keys.values()) values.set(key.value, key.id);
  for (const { planId, keyId } of planKeys.values()) {
    add(plans, keyId, planId);
    add(members, planId, keyId);
  }
  const index: KeyIndex = {
    get size() {
      return values.size;
    },
    byValue(value) {
      const id = values.get(value);
      return id === undefined ? undefined : keys.get(id);
    },
    put(key) {
      keys.put(key.id, key);
      values.set(key.value, key.id);
    },
    delete(keyId) {
      const key = keys.get(keyId);
      if (!key) return;
      for (const planId of [...(plans.get(keyId) ?? [])]) index.unlink(planId, keyId);
      values.delete(key.value);
      keys.delete(keyId);
    },
    plansOf: (keyId) => plans.get(keyId) ?? none,
    keysOf: (planId) => members.get(planId) ?? none,
    link(planId, keyId) {
      planKeys.put(`${planId}/${keyId}`, { planId, keyId });
      add(plans, keyId, planId);
      add(members, planId, keyId);
    },
    unlink(planId, keyId) {
      plans.get(keyId)?.delete(planId);
      members.get(planId)?.delete(keyId);
      return planKeys.delete(`${planId}/${keyId}`);
    },
  };
  return index;
}
