/** Values of a template's parameters for one stack operation: given, kept, default, or out of the Parameter Store. */
import type { Parameter } from '@aws-sdk/client-cloudformation';
import { wholly } from '../../foreign-pattern.ts';
import type { SsmApi } from '../../platform.ts';
import { type ParameterDefinition, validationError } from './model.ts';

/** A stack's parameter as it is kept; `value` is what the caller gave, `resolved` what an SSM parameter holds. */
export interface StackParameter {
  key: string;
  value: string;
  resolved?: string;
  noEcho?: boolean;
}

/**
 * Decides every parameter's value. Throws AwsError ValidationError for unknown, missing and inadmissible ones.
 * `previous` is what the stack has, for UsePreviousValue.
 */
export function resolveParameters(
  definitions: Readonly<Record<string, ParameterDefinition>>,
  given: readonly Parameter[],
  previous: readonly StackParameter[],
  ssm: () => SsmApi,
): StackParameter[] {
  const wanted = new Map<string, Parameter>();
  for (const parameter of given) {
    const key = parameter.ParameterKey ?? '';
    if (wanted.has(key)) throw validationError(`Parameters: [${key}] are duplicated`);
    wanted.set(key, parameter);
  }
  const unknown = [...wanted.keys()].filter((key) => !Object.hasOwn(definitions, key));
  if (unknown.length > 0)
    throw validationError(`Parameters: [${unknown.join(', ')}] do not exist in the template`);

  const resolved: StackParameter[] = [];
  const missing: string[] = [];
  for (const [key, definition] of Object.entries(definitions)) {
    const parameter = wanted.get(key);
    const kept = previous.find((entry) => entry.key === key);
    if (parameter?.UsePreviousValue && parameter.ParameterValue !== undefined)
      throw validationError(
        `Invalid input for parameter key ${key}. Cannot specify usePreviousValue as true and non empty value for a parameter`,
      );
    if (parameter?.UsePreviousValue && !kept)
      throw validationError(`Invalid input for parameter key ${key}. Previous value does not exist`);
    const value =
      (parameter?.UsePreviousValue ? kept?.value : parameter?.ParameterValue) ??
      (definition.Default === undefined ? undefined : String(definition.Default));
    if (value === undefined) {
      missing.push(key);
      continue;
    }
    check(key, definition, value);
    const entry: StackParameter = { key, value };
    if (isTrue(definition.NoEcho)) entry.noEcho = true;
    if (definition.Type.startsWith('AWS::SSM::Parameter::Value<')) entry.resolved = read(ssm(), value);
    resolved.push(entry);
  }
  if (missing.length > 0) throw validationError(`Parameters: [${missing.join(', ')}] must have values`);
  return resolved;
}

/** What `Ref` gives for each parameter: a list for the list types, text for all others. */
export function parameterValues(
  definitions: Readonly<Record<string, ParameterDefinition>>,
  parameters: readonly StackParameter[],
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { key, value, resolved } of parameters) {
    const type = definitions[key]?.Type;
    if (type) values.set(key, isList(type) ? split(resolved ?? value) : (resolved ?? value));
  }
  return values;
}

/** As the API shows it: NoEcho values are stars. */
export function describeParameter(parameter: StackParameter): Parameter {
  return {
    ParameterKey: parameter.key,
    ParameterValue: parameter.noEcho ? '****' : parameter.value,
    ...(parameter.resolved === undefined
      ? {}
      : { ResolvedValue: parameter.noEcho ? '****' : parameter.resolved }),
  };
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';

const isList = (type: string): boolean =>
  type === 'CommaDelimitedList' || /^(?:AWS::SSM::Parameter::Value<)?(?:List<|CommaDelimitedList)/.test(type);

const split = (value: string): string[] => (value === '' ? [] : value.split(',').map((part) => part.trim()));

function read(ssm: SsmApi, name: string): string {
  try {
    return ssm.value(name);
  } catch {
    throw validationError(`Unable to fetch parameters [${name}] from parameter store for this account.`);
  }
}

function check(key: string, definition: ParameterDefinition, value: string): void {
  const fail = (requirement: string): never => {
    throw validationError(
      definition.ConstraintDescription
        ? `Parameter ${key} failed to satisfy constraint: ${definition.ConstraintDescription}`
        : `Parameter '${key}' ${requirement}`,
    );
  };
  const values = isList(definition.Type) && !definition.Type.startsWith('AWS::SSM') ? split(value) : [value];
  const allowed = definition.AllowedValues?.map(String);
  if (allowed && values.some((entry) => !allowed.includes(entry))) fail('must be one of AllowedValues');
  if (definition.Type === 'Number' || definition.Type === 'List<Number>')
    for (const entry of values) checkNumber(definition, entry, fail);
  if (definition.AllowedPattern !== undefined) {
    const pattern = wholly(definition.AllowedPattern, 's');
    if (values.some((entry) => !pattern.matches(entry)))
      fail(`must match pattern ${definition.AllowedPattern}`);
  }
  if (definition.MinLength !== undefined && value.length < Number(definition.MinLength))
    fail(`must contain at least ${definition.MinLength} characters`);
  if (definition.MaxLength !== undefined && value.length > Number(definition.MaxLength))
    fail(`must contain at most ${definition.MaxLength} characters`);
}

function checkNumber(
  definition: ParameterDefinition,
  value: string,
  fail: (requirement: string) => never,
): void {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) fail('must be a number');
  if (definition.MinValue !== undefined && number < Number(definition.MinValue))
    fail(`must be a number not less than ${definition.MinValue}`);
  if (definition.MaxValue !== undefined && number > Number(definition.MaxValue))
    fail(`must be a number not greater than ${definition.MaxValue}`);
}
