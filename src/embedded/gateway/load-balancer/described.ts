/** Rules and listeners as the describing operations show them: what was set in one of two spellings is shown in both. */
import type { Action, RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';

/** A forward action with `TargetGroupArn` (where there is one group) and `ForwardConfig`. */
export const describedActions = (actions: readonly Action[] | undefined): Action[] =>
  (actions ?? []).map((action) => {
    if (action.Type !== 'forward') return action;
    const groups = action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn }];
    const [only] = groups;
    return {
      ...action,
      ...(groups.length === 1 && { TargetGroupArn: only?.TargetGroupArn }),
      ForwardConfig: {
        TargetGroupStickinessConfig: { Enabled: false },
        ...action.ForwardConfig,
        TargetGroups: groups.map((group) => ({ Weight: 1, ...group })),
      },
    };
  });

/** Path and host conditions with `Values` and their own configuration. */
export const describedConditions = (conditions: readonly RuleCondition[] | undefined): RuleCondition[] =>
  (conditions ?? []).map((condition) => {
    const { Field, PathPatternConfig, HostHeaderConfig } = condition;
    const Values = PathPatternConfig?.Values ?? HostHeaderConfig?.Values ?? condition.Values;
    if (Field === 'path-pattern') return { ...condition, Values, PathPatternConfig: { Values } };
    if (Field === 'host-header') return { ...condition, Values, HostHeaderConfig: { Values } };
    return condition;
  });
