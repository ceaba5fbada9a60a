/** Usage plans, the keys on them, and what the keys have used. */
import {
  CreateUsagePlan$,
  CreateUsagePlanKey$,
  type CreateUsagePlanKeyRequest,
  type CreateUsagePlanRequest,
  DeleteUsagePlan$,
  DeleteUsagePlanKey$,
  type DeleteUsagePlanKeyRequest,
  type DeleteUsagePlanRequest,
  GetUsage$,
  GetUsagePlan$,
  GetUsagePlanKey$,
  type GetUsagePlanKeyRequest,
  GetUsagePlanKeys$,
  type GetUsagePlanKeysRequest,
  type GetUsagePlanRequest,
  GetUsagePlans$,
  type GetUsagePlansRequest,
  type GetUsageRequest,
  type QuotaSettings,
  UpdateUsage$,
  UpdateUsagePlan$,
  type UpdateUsagePlanRequest,
  type UpdateUsageRequest,
  type UsagePlanKey,
} from '@aws-sdk/client-api-gateway';
import type { Operation } from '../../../platform.ts';
import { badRequest, conflict, limitExceeded, newId, notFound } from '../definition.ts';
import { type ApiGatewayState, stageKey, type UsagePlanRecord } from '../state.ts';
import { dayOf, type UsageCounters } from '../usage.ts';
import { pageOf } from './page.ts';
import { applyPatches, numberOf } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';
import { planPatches, stageText } from './usage-plan-patches.ts';

/** Quotas of an account and Region ("Amazon API Gateway quotas"). */
export const maxPlans = 300;
export const maxPlansPerKey = 10;

export interface UsagePlans {
  create(input: CreateUsagePlanRequest): UsagePlanRecord;
  update(input: UpdateUsagePlanRequest): UsagePlanRecord;
  /** Checks and stores a plan as it is to be from now on. */
  put(plan: UsagePlanRecord): void;
  delete(id: string): void;
  addKey(planId: string, keyId: string): UsagePlanKey;
  removeKey(planId: string, keyId: string): void;
  /** Takes a stage that is going out of every plan. */
  removeStage(apiId: string, stage: string): void;
  readonly operations: readonly Operation[];
}

function checkQuota(quota: QuotaSettings): void {
  const { limit, period, offset = 0 } = quota;
  if (period === undefined || !['DAY', 'WEEK', 'MONTH'].includes(period))
    throw badRequest(
      `Invalid Usage Plan quota period '${String(period)}'. Must be one of: [DAY, WEEK, MONTH]`,
    );
  if (limit === undefined || !Number.isInteger(limit) || limit < 0)
    throw badRequest('Usage Plan quota limit must be a whole number and not negative');
  const most = { DAY: 0, WEEK: 6, MONTH: 27 }[period];
  if (!Number.isInteger(offset) || offset < 0 || offset > most)
    throw badRequest(
      period === 'DAY'
        ? 'Usage Plan quota offset must be zero in the DAY period'
        : `Usage Plan quota offset must be between 0 and ${most}, inclusive, in the ${period} period`,
    );
}

export function createUsagePlans(
  state: ApiGatewayState,
  usage: UsageCounters,
  operation: MakeOperation,
  now: () => number,
): UsagePlans {
  /** A key may be on one plan only for each stage, else no one could say which limits hold. */
  const checkKey = (keyId: string, plan: UsagePlanRecord): void => {
    const stages = new Set((plan.apiStages ?? []).map(stageText));
    for (const otherId of state.keyIndex.plansOf(keyId)) {
      if (otherId === plan.id) continue;
      const shared = (state.plans.get(otherId)?.apiStages ?? [])
        .map(stageText)
        .filter((each) => stages.has(each));
      if (shared.length > 0)
        throw conflict(
          `API Key ${keyId} cannot be on Usage Plan ${plan.id} and on Usage Plan ${otherId} for the same API stages: ${shared.join(', ')}`,
        );
    }
  };

  const check = (plan: UsagePlanRecord): void => {
    if (!plan.name) throw badRequest('Usage Plan name must be specified');
    const { rateLimit, burstLimit } = plan.throttle ?? {};
    if ((rateLimit ?? 0) < 0 || (burstLimit ?? 0) < 0)
      throw badRequest('Usage Plan throttle rate limit and burst limit must not be negative');
    if (plan.quota) checkQuota(plan.quota);
    const seen = new Set<string>();
    for (const stage of plan.apiStages ?? []) {
      const text = stageText(stage);
      if (!state.stages.has(stageKey(stage.apiId ?? '', stage.stage ?? '')))
        throw badRequest(
          `Invalid API Stage {api: ${stage.apiId}, stage: ${stage.stage}} specified for usageplan ${plan.id}`,
        );
      if (seen.has(text)) throw conflict(`API Stage ${text} is on the Usage Plan already`);
      seen.add(text);
    }
    for (const keyId of state.keyIndex.keysOf(plan.id)) checkKey(keyId, plan);
  };

  const planKey = (keyId: string): UsagePlanKey => {
    const { id, value, name } = state.key(keyId);
    return { id, type: 'API_KEY', value, name };
  };
  const linked = (planId: string, keyId: string): void => {
    if (!state.keyIndex.keysOf(state.plan(planId).id).has(keyId))
      throw notFound('Invalid Usage Plan Key identifier specified');
  };

  const plans: Omit<UsagePlans, 'operations'> = {
    create(input) {
      const plan: UsagePlanRecord = {
        id: newId(6),
        name: input.name,
        apiStages: input.apiStages ?? [],
        ...(input.description !== undefined && { description: input.description }),
        ...(input.throttle && { throttle: input.throttle }),
        ...(input.quota && { quota: { ...input.quota, offset: input.quota.offset ?? 0 } }),
        ...(input.tags && { tags: input.tags }),
      };
      if (state.plans.keys().length >= maxPlans)
        throw limitExceeded(`Maximum number of usage plans has been reached: ${maxPlans}`);
      plans.put(plan);
      return plan;
    },

    update(input) {
      const plan = structuredClone(state.plan(input.usagePlanId));
      applyPatches(input.patchOperations, planPatches(plan));
      plans.put(plan);
      return plan;
    },

    put(plan) {
      check(plan);
      state.plans.put(plan.id, plan);
    },

    delete(id) {
      const plan = state.plans.get(id);
      if (!plan) return;
      if (plan.apiStages?.length)
        throw badRequest(
          `Cannot delete Usage Plan '${id}' while API Stages are associated with it: ${plan.apiStages.map(stageText).join(', ')}`,
        );
      for (const keyId of [...state.keyIndex.keysOf(id)]) plans.removeKey(id, keyId);
      state.plans.delete(id);
      usage.forget({ planId: id });
    },

    addKey(planId, keyId) {
      const plan = state.plan(planId);
      const key = planKey(keyId);
      const on = state.keyIndex.plansOf(keyId);
      if (on.has(planId)) throw conflict(`Usage Plan ${planId} already has the API Key ${keyId}`);
      if (on.size >= maxPlansPerKey)
        throw limitExceeded(
          `Maximum number of usage plans for an API key has been reached: ${maxPlansPerKey}`,
        );
      checkKey(keyId, plan);
      state.keyIndex.link(planId, keyId);
      return key;
    },

    removeKey(planId, keyId) {
      // What the key has used stays: taken off and put back, it has no new quota.
      state.keyIndex.unlink(planId, keyId);
    },

    removeStage(apiId, stage) {
      for (const plan of state.plans.values()) {
        const left = (plan.apiStages ?? []).filter((each) => each.apiId !== apiId || each.stage !== stage);
        if (left.length !== plan.apiStages?.length) state.plans.put(plan.id, { ...plan, apiStages: left });
      }
    },
  };

  const getUsage = (input: GetUsageRequest) => {
    const plan = state.plan(input.usagePlanId);
    const { startDate = '', endDate = '' } = input;
    for (const date of [startDate, endDate])
      if (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(Date.parse(date)))
        throw badRequest('Usage dates must be of the form YYYY-MM-DD');
    if (endDate < startDate || Date.parse(endDate) - Date.parse(startDate) > 90 * 86_400_000)
      throw badRequest('Usage end date must be at most 90 days after the start date');
    const today = dayOf(now());
    // Dates as text are in the order of time.
    const last = [endDate, today].sort()[0] ?? today;
    const keys = [...state.keyIndex.keysOf(plan.id)].filter(
      (keyId) => input.keyId === undefined || keyId === input.keyId,
    );
    const page = pageOf(keys, input);
    return {
      usagePlanId: plan.id,
      startDate,
      endDate: last,
      items: Object.fromEntries(
        page.items.map((keyId) => [keyId, usage.days(plan.id, keyId, plan.quota, startDate, last)]),
      ),
      position: page.position,
    };
  };

  const updateUsage = (input: UpdateUsageRequest) => {
    const plan = state.plan(input.usagePlanId);
    const keyId = input.keyId ?? '';
    linked(plan.id, keyId);
    const { quota } = plan;
    if (!quota) throw badRequest(`Usage Plan ${plan.id} has no quota`);
    applyPatches(input.patchOperations, [
      ['/remaining', ({ value }) => usage.setRemaining(plan.id, keyId, quota, numberOf(value, 'remaining'))],
    ]);
    const today = dayOf(now());
    return {
      usagePlanId: plan.id,
      startDate: today,
      endDate: today,
      items: { [keyId]: usage.days(plan.id, keyId, quota, today, today) },
    };
  };

  return {
    ...plans,
    operations: [
      operation(CreateUsagePlan$, (input: CreateUsagePlanRequest) => plans.create(input)),
      operation(GetUsagePlan$, (input: GetUsagePlanRequest) => state.plan(input.usagePlanId)),
      operation(GetUsagePlans$, (input: GetUsagePlansRequest) => {
        const { keyId } = input;
        const found = state.plans
          .values()
          .filter(({ id }) => keyId === undefined || state.keyIndex.plansOf(keyId).has(id));
        return pageOf(found, input);
      }),
      operation(UpdateUsagePlan$, (input: UpdateUsagePlanRequest) => plans.update(input)),
      operation(DeleteUsagePlan$, (input: DeleteUsagePlanRequest) => {
        plans.delete(state.plan(input.usagePlanId).id);
        return {};
      }),
      operation(CreateUsagePlanKey$, (input: CreateUsagePlanKeyRequest) => {
        if (input.keyType !== 'API_KEY')
          throw badRequest(`Invalid key type '${String(input.keyType)}'. Must be API_KEY`);
        return plans.addKey(input.usagePlanId ?? '', input.keyId ?? '');
      }),
      operation(GetUsagePlanKey$, (input: GetUsagePlanKeyRequest) => {
        linked(input.usagePlanId ?? '', input.keyId ?? '');
        return planKey(input.keyId ?? '');
      }),
      operation(GetUsagePlanKeys$, (input: GetUsagePlanKeysRequest) => {
        const found = [...state.keyIndex.keysOf(state.plan(input.usagePlanId).id)]
          .map(planKey)
          .filter(({ name = '' }) => input.nameQuery === undefined || name.startsWith(input.nameQuery));
        return pageOf(found, input);
      }),
      operation(DeleteUsagePlanKey$, (input: DeleteUsagePlanKeyRequest) => {
        linked(input.usagePlanId ?? '', input.keyId ?? '');
        plans.removeKey(input.usagePlanId ?? '', input.keyId ?? '');
        return {};
      }),
      operation(GetUsage$, getUsage),
      operation(UpdateUsage$, updateUsage),
    ],
  };
}
