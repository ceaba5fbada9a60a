/** The Rules section: assertions about parameters, made before anything is deployed. */
import type { Cloud } from '../../platform.ts';
import { evaluateCondition, type Scope } from './intrinsics.ts';
import { type Template, validationError } from './model.ts';
import { parameterValues, type StackParameter } from './parameters.ts';

/** Throws AwsError ValidationError for the first assertion that does not hold. */
export function checkRules(
  cloud: Pick<Cloud, 'account' | 'region' | 'partition'>,
  template: Template,
  parameters: readonly StackParameter[],
): void {
  if (Object.keys(template.Rules).length === 0) return;
  const values = parameterValues(template.Parameters, parameters);
  values.set('AWS::AccountId', cloud.account);
  values.set('AWS::Region', cloud.region);
  values.set('AWS::Partition', cloud.partition);
  const refuse = (): never => {
    throw validationError('Template format error: Rules can refer to parameters only.');
  };
  const scope: Scope = {
    ref: (name) => (values.has(name) ? values.get(name) : refuse()),
    attribute: refuse,
    condition: refuse,
    importValue: refuse,
    mappings: template.Mappings,
    availabilityZones: refuse,
  };
  for (const [name, rule] of Object.entries(template.Rules)) {
    if (rule.RuleCondition !== undefined && !evaluateCondition(rule.RuleCondition, scope)) continue;
    for (const assertion of rule.Assertions ?? [])
      if (!evaluateCondition(assertion.Assert, scope))
        throw validationError(
          `Template error: rule ${name} failed: ${assertion.AssertDescription ?? JSON.stringify(assertion.Assert)}`,
        );
  }
}
