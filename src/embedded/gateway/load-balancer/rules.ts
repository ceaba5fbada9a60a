/** Listener rules: create, describe, change, reorder, delete. */
import {
  CreateRule$,
  type CreateRuleInput,
  type CreateRuleOutput,
  DeleteRule$,
  type DeleteRuleInput,
  DescribeRules$,
  type DescribeRulesInput,
  type DescribeRulesOutput,
  ModifyRule$,
  type ModifyRuleInput,
  type ModifyRuleOutput,
  type Rule,
  SetRulePriorities$,
  type SetRulePrioritiesInput,
  type SetRulePrioritiesOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { checkActions } from './actions.ts';
import { checkConditions } from './conditions.ts';
import { describedActions, describedConditions } from './described.ts';
import { pageOf } from './page.ts';
import { quotas, within } from './quotas.ts';
import {
  elbArn,
  type ListenerRecord,
  type LoadBalancerState,
  newId,
  type RuleRecord,
  tagMap,
} from './state.ts';

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

export interface Rules {
  create(input: CreateRuleInput): RuleRecord;
  modify(input: ModifyRuleInput): RuleRecord;
  setPriorities(pairs: NonNullable<SetRulePrioritiesInput['RulePriorities']>): RuleRecord[];
  delete(arn: string): void;
  readonly operations: readonly Operation[];
}

const describeRule = ({ arn, priority, description }: RuleRecord): Rule => ({
  RuleArn: arn,
  Priority: String(priority),
  Conditions: describedConditions(description.Conditions),
  Actions: describedActions(description.Actions),
  IsDefault: false,
});

const describeDefault = ({ defaultRuleArn, description }: ListenerRecord): Rule => ({
  RuleArn: defaultRuleArn,
  Priority: 'default',
  Conditions: [],
  Actions: describedActions(description.DefaultActions),
  IsDefault: true,
});

function checkPriority(priority: number | undefined): number {
  if (priority === undefined || !Number.isInteger(priority) || priority < 1 || priority > 50_000)
    throw invalid(`The rule priority '${String(priority)}' must be between 1 and 50000`);
  return priority;
}

const inUse = (priority: number): AwsError =>
  new AwsError('PriorityInUse', `Priority '${priority}' is currently in use`);

const refuseTransforms = (input: { Transforms?: unknown[] | undefined }): void => {
  if (input.Transforms?.length) throw invalid('Rule transforms are not available in the embedded cloud');
};

export function createRules(cloud: Cloud, state: LoadBalancerState): Rules {
  const put = (record: RuleRecord): RuleRecord => {
    state.rules.put(record.arn, record);
    state.changed();
    return record;
  };
  /** The default rule goes with its listener. */
  const refuseDefault = (arn: string | undefined, what: string): void => {
    if (state.listeners.values().some(({ defaultRuleArn }) => defaultRuleArn === arn))
      throw new AwsError('OperationNotPermitted', `Default rule '${String(arn)}' cannot be ${what}`);
  };

  const rules: Omit<Rules, 'operations'> = {
    create(input) {
      const listener = state.listener(input.ListenerArn);
      const priority = checkPriority(input.Priority);
      refuseTransforms(input);
      checkConditions(input.Conditions ?? []);
      if (state.rulesOf(listener.arn).some((rule) => rule.priority === priority)) throw inUse(priority);
      within(
        state.rules.values().filter((rule) => rule.loadBalancerArn === listener.loadBalancerArn).length + 1,
        quotas.rulesPerLoadBalancer,
        'TooManyRules',
        `The maximum number of rules on load balancer '${listener.loadBalancerArn}' has been reached`,
      );
      checkActions(state, listener.loadBalancerArn, input.Actions ?? []);
      const path = listener.arn.slice(listener.arn.indexOf(':listener/') + ':listener/'.length);
      return put({
        arn: elbArn(cloud, `listener-rule/${path}/${newId()}`),
        listenerArn: listener.arn,
        loadBalancerArn: listener.loadBalancerArn,
        priority,
        description: { Conditions: input.Conditions, Actions: input.Actions },
        tags: tagMap(input.Tags),
      });
    },

    modify(input) {
      refuseDefault(input.RuleArn, 'modified');
      const record = state.rule(input.RuleArn);
      refuseTransforms(input);
      if (input.Conditions) checkConditions(input.Conditions);
      if (input.Actions) checkActions(state, record.loadBalancerArn, input.Actions);
      return put({
        ...record,
        description: {
          Conditions: input.Conditions ?? record.description.Conditions,
          Actions: input.Actions ?? record.description.Actions,
        },
      });
    },

    setPriorities(pairs) {
      const wanted = new Map(
        pairs.map(({ RuleArn, Priority }) => {
          refuseDefault(RuleArn, 'modified');
          return [state.rule(RuleArn).arn, checkPriority(Priority)] as const;
        }),
      );
      // All at once: two rules may swap their priorities.
      for (const listenerArn of new Set([...wanted.keys()].map((arn) => state.rule(arn).listenerArn))) {
        const taken = new Set<number>();
        for (const rule of state.rulesOf(listenerArn)) {
          const priority = wanted.get(rule.arn) ?? rule.priority;
          if (taken.has(priority)) throw inUse(priority);
          taken.add(priority);
        }
      }
      return [...wanted].map(([arn, priority]) => put({ ...state.rule(arn), priority }));
    },

    delete(arn) {
      if (state.rules.delete(arn)) state.changed();
    },
  };

  const describe = (input: DescribeRulesInput): DescribeRulesOutput => {
    let found: Rule[];
    if (input.RuleArns) {
      found = input.RuleArns.map((arn) => {
        const listener = state.listeners.values().find(({ defaultRuleArn }) => defaultRuleArn === arn);
        return listener ? describeDefault(listener) : describeRule(state.rule(arn));
      });
    } else if (input.ListenerArn) {
      const listener = state.listener(input.ListenerArn);
      found = [...state.rulesOf(listener.arn).map(describeRule), describeDefault(listener)];
    } else throw invalid('You must specify either listener rule ARNs or a listener ARN');
    const page = pageOf(found, input, 400);
    return { Rules: page.items, NextMarker: page.next };
  };

  return {
    ...rules,
    operations: [
      operation(
        CreateRule$,
        (input: CreateRuleInput): CreateRuleOutput => ({
          Rules: [describeRule(rules.create(input))],
        }),
      ),
      operation(DescribeRules$, describe),
      operation(
        ModifyRule$,
        (input: ModifyRuleInput): ModifyRuleOutput => ({
          Rules: [describeRule(rules.modify(input))],
        }),
      ),
      operation(
        SetRulePriorities$,
        (input: SetRulePrioritiesInput): SetRulePrioritiesOutput => ({
          Rules: rules.setPriorities(input.RulePriorities ?? []).map(describeRule),
        }),
      ),
      operation(DeleteRule$, (input: DeleteRuleInput) => {
        refuseDefault(input.RuleArn, 'deleted');
        rules.delete(state.rule(input.RuleArn).arn);
        return {};
      }),
    ],
  };
}
