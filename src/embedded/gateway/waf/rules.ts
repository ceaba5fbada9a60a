/** The rules of a web ACL, compiled in their order: what becomes of a request. */
import type { WafRequest } from '../../platform.ts';
import { type Compiled, compileStatement, invalid, type Statement } from './statements.ts';

/** As the API and templates spell it. */
export interface Rule {
  Name: string;
  Priority: number;
  Statement: Statement;
  Action?: Readonly<Record<string, unknown>>;
  OverrideAction?: Readonly<Record<string, unknown>>;
}

export interface Outcome {
  action: 'ALLOW' | 'BLOCK';
  /** The rule that ended it; `Default_Action` when none did. */
  rule: string;
}

export interface CompiledRules {
  decide(request: WafRequest, now: number): Outcome;
  capacity: number;
}

/** The most that a web ACL's rules may take together ("AWS WAF quotas"). */
const mostCapacity = 5000;

interface CompiledRule extends Compiled {
  name: string;
  action: 'ALLOW' | 'BLOCK' | 'COUNT';
}

/** Throws WAFInvalidParameterException or WAFLimitsExceededException. */
export function compileRules(
  rules: readonly Rule[],
  defaultAction: Readonly<Record<string, unknown>>,
): CompiledRules {
  const otherwise = actionOf(defaultAction, 'DEFAULT_ACTION');
  if (otherwise === 'COUNT') throw invalid('DEFAULT_ACTION', defaultAction, 'It must be Allow or Block');
  const priorities = new Set(rules.map(({ Priority }) => Number(Priority)));
  const names = new Set(rules.map(({ Name }) => Name));
  if (priorities.size < rules.length) throw invalid('RULE', 'Priority', 'Two rules have the same priority');
  if (names.size < rules.length) throw invalid('RULE', 'Name', 'Two rules have the same name');
  const compiled = rules
    .toSorted((left, right) => Number(left.Priority) - Number(right.Priority))
    .map(compileRule);
  const capacity = compiled.reduce((sum, rule) => sum + rule.capacity, 0);
  if (capacity > mostCapacity)
    throw invalid(
      'RULE',
      capacity,
      `The rules take ${capacity} capacity units; a web ACL has ${mostCapacity}`,
    );
  return {
    capacity,
    decide(request, now) {
      for (const rule of compiled)
        if (rule.matches(request, now) && rule.action !== 'COUNT')
          return { action: rule.action, rule: rule.name };
      return { action: otherwise, rule: 'Default_Action' };
    },
  };
}

function compileRule(rule: Rule): CompiledRule {
  const statement = compileStatement(rule.Statement);
  const isGroup = 'ManagedRuleGroupStatement' in rule.Statement;
  if (isGroup !== (rule.OverrideAction !== undefined) || isGroup === (rule.Action !== undefined))
    throw invalid(
      'RULE',
      rule.Name,
      isGroup ? 'A rule group takes an OverrideAction' : 'A rule takes an Action, and no OverrideAction',
    );
  return {
    ...statement,
    name: rule.Name,
    action: rule.Action ? actionOf(rule.Action, 'RULE_ACTION') : 'COUNT',
  };
}

function actionOf(action: Readonly<Record<string, unknown>>, field: string): CompiledRule['action'] {
  const [kind = ''] = Object.keys(action).filter((key) => action[key] !== undefined);
  const known = kind.toUpperCase();
  if (known === 'ALLOW' || known === 'BLOCK' || known === 'COUNT') return known;
  throw invalid(field, action, `The embedded cloud has no action ${kind}`);
}
