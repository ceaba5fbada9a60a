/** API keys and limits: the key's usage plan, the method's, the account's. */
import type { ThrottleSettings, UsagePlan } from '@aws-sdk/client-api-gateway';
import type { ApiGatewayState } from '../state.ts';
import type { UsageCounters } from '../usage.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './gateway-responses.ts';
import type { Route } from './stage.ts';
import { accountThrottle, TokenBuckets } from './throttle.ts';

export interface Limits {
  /** Throws a {@link Refusal} when the key is none, disabled or on no plan of the stage, or when a limit is reached. */
  admit(exchange: Exchange, route: Route, keyValue: string | undefined): void;
}

export function createLimits(state: ApiGatewayState, usage: UsageCounters, now: () => number): Limits {
  const byKey = new TokenBuckets();
  const byMethod = new TokenBuckets();
  const account = new TokenBuckets();

  const planOf = (
    keyId: string,
    exchange: Exchange,
  ):
    | { plan: UsagePlan & { id: string }; methods: Record<string, ThrottleSettings> | undefined }
    | undefined => {
    const { apiId, name } = exchange.stage;
    // Read on each request, so that a changed plan or a moved key holds at once.
    for (const planId of state.keyIndex.plansOf(keyId)) {
      const plan = state.plans.get(planId);
      for (const stage of plan?.apiStages ?? [])
        if (plan && stage.apiId === apiId && stage.stage === name) return { plan, methods: stage.throttle };
    }
    return undefined;
  };

  const admitKey = (exchange: Exchange, route: Route, keyValue: string | undefined, time: number): void => {
    const key = keyValue === undefined ? undefined : state.keyIndex.byValue(keyValue);
    const found = key?.enabled ? planOf(key.id, exchange) : undefined;
    if (!key || !found) throw new Refusal('INVALID_API_KEY');
    exchange.apiKey = key.value;
    exchange.apiKeyId = key.id;
    const { plan, methods } = found;
    const own = methods?.[`${route.resourcePath}/${exchange.method}`];
    const throttle = own ?? plan.throttle;
    if (throttle) {
      const { rateLimit = 0, burstLimit = Math.ceil(rateLimit) } = throttle;
      const bucket = own ? `${plan.id}/${key.id}/${route.limitKey}` : `${plan.id}/${key.id}`;
      if (!byKey.take(bucket, rateLimit, burstLimit, time)) throw new Refusal('THROTTLED');
    }
    if (plan.quota && !usage.take(plan.id, key.id, plan.quota)) throw new Refusal('QUOTA_EXCEEDED');
  };

  return {
    admit(exchange, route, keyValue) {
      const time = now();
      if (route.apiKeyRequired) admitKey(exchange, route, keyValue, time);
      const { methodThrottle } = route;
      if (
        methodThrottle &&
        !byMethod.take(
          `${exchange.stage.key}/${route.limitKey}`,
          methodThrottle.rateLimit,
          methodThrottle.burstLimit,
          time,
        )
      )
        throw new Refusal('THROTTLED');
      if (!account.take('', accountThrottle.rateLimit, accountThrottle.burstLimit, time))
        throw new Refusal('THROTTLED');
    },
  };
}
