/** From a template's text to its model, with the checks of form that CloudFormation makes first. */

import { parseJson } from '../../../model/nesting.ts';
import {
  isObject,
  type OutputDefinition,
  type ParameterDefinition,
  type ResourceDefinition,
  type Template,
  validationError,
} from './model.ts';

const sections = new Set([
  'AWSTemplateFormatVersion',
  'Description',
  'Metadata',
  'Parameters',
  'Rules',
  'Mappings',
  'Conditions',
  'Transform',
  'Hooks',
  'Resources',
  'Outputs',
]);
const resourceKeys = new Set([
  'Type',
  'Properties',
  'DependsOn',
  'Condition',
  'DeletionPolicy',
  'UpdateReplacePolicy',
  'Metadata',
  'CreationPolicy',
  'UpdatePolicy',
  'Description',
]);

/** docs.aws.amazon.com, "AWS CloudFormation quotas": per template. */
const limits = { Resources: 500, Parameters: 200, Outputs: 200, Mappings: 200 } as const;

/** Parses a JSON or YAML template. Throws AwsError ValidationError with CloudFormation's wordings. */
export async function parseTemplate(body: string): Promise<Template> {
  const source = body.trimStart().startsWith('{')
    ? readJson(body)
    : (await import('./yaml.ts')).parseYaml(body);
  if (!isObject(source)) throw validationError('Template format error: unsupported structure.');
  const unknown = Object.keys(source).filter((key) => !sections.has(key));
  if (unknown.length > 0)
    throw validationError(`Invalid template property or properties [${unknown.join(', ')}]`);
  if (source['Transform'] !== undefined)
    throw validationError(
      `Transform ${JSON.stringify(source['Transform'])} is not supported by the embedded cloud: deploy the processed template instead.`,
    );
  const template: Template = {
    Parameters: section<ParameterDefinition>(source, 'Parameters'),
    Mappings: section<Record<string, Record<string, unknown>>>(source, 'Mappings'),
    Conditions: section<unknown>(source, 'Conditions', false),
    Rules: section(source, 'Rules'),
    Resources: section<ResourceDefinition>(source, 'Resources'),
    Outputs: section<OutputDefinition>(source, 'Outputs'),
  };
  if (typeof source['Description'] === 'string') template.Description = source['Description'];
  else if (source['Description'] !== undefined)
    throw validationError('Template format error: Description must be a string.');
  if (typeof source['AWSTemplateFormatVersion'] === 'string')
    template.AWSTemplateFormatVersion = source['AWSTemplateFormatVersion'];
  if (isObject(source['Metadata'])) template.Metadata = source['Metadata'];
  checkSizes(template);
  for (const [name, parameter] of Object.entries(template.Parameters)) {
    checkLogicalId('Parameters', name);
    if (typeof parameter.Type !== 'string')
      throw validationError(
        `Template format error: [/Parameters/${name}] Every Parameters object must contain a Type member.`,
      );
    checkConstraints(name, parameter);
  }
  for (const [name, resource] of Object.entries(template.Resources)) checkResource(name, resource);
  for (const [name, output] of Object.entries(template.Outputs)) {
    checkLogicalId('Outputs', name);
    if (output.Value === undefined)
      throw validationError(
        `Template format error: [/Outputs/${name}] Every Outputs member must contain a Value object`,
      );
  }
  return template;
}

function readJson(body: string): unknown {
  try {
    return parseJson(body) as unknown;
  } catch (error) {
    const position = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? body.length);
    const before = body.slice(0, position).split('\n');
    throw validationError(
      `Template format error: JSON not well-formed. (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`,
    );
  }
}

function section<T>(source: Record<string, unknown>, name: string, objects = true): Record<string, T> {
  const value = source[name];
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw validationError(`Template format error: ${name} must be a map.`);
  if (objects)
    for (const [key, entry] of Object.entries(value))
      if (!isObject(entry))
        throw validationError(
          `Template format error: [/${name}/${key}] Every ${name} member must be an object.`,
        );
  return value as Record<string, T>;
}

function checkSizes(template: Template): void {
  if (Object.keys(template.Resources).length === 0)
    throw validationError('Template format error: At least one Resources member must be defined.');
  for (const [name, most] of Object.entries(limits)) {
    const count = Object.keys(template[name as keyof typeof limits]).length;
    if (count > most)
      throw validationError(
        `Template format error: Number of ${name.toLowerCase()}, ${count}, is greater than maximum allowed, ${most}`,
      );
  }
}

function checkLogicalId(where: string, name: string): void {
  if (!/^[A-Za-z0-9]{1,255}$/.test(name))
    throw validationError(`Template format error: ${where} name '${name}' is non alphanumeric.`);
}

function checkConstraints(name: string, { AllowedValues, AllowedPattern }: ParameterDefinition): void {
  if (AllowedValues !== undefined && !Array.isArray(AllowedValues))
    throw validationError(
      `Template format error: [/Parameters/${name}/AllowedValues] AllowedValues must be a list.`,
    );
  try {
    if (AllowedPattern !== undefined) new RegExp(AllowedPattern);
  } catch {
    throw validationError(
      `Template format error: [/Parameters/${name}/AllowedPattern] AllowedPattern must be a valid regular expression.`,
    );
  }
}

function checkResource(name: string, resource: ResourceDefinition): void {
  checkLogicalId('Resources', name);
  if (typeof resource.Type !== 'string')
    throw validationError(
      `Template format error: [/Resources/${name}] Every Resources object must contain a Type member.`,
    );
  const unknown = Object.keys(resource).find((key) => !resourceKeys.has(key));
  if (unknown) throw validationError(`Invalid template resource property '${unknown}'`);
  if (resource.Properties !== undefined && !isObject(resource.Properties))
    throw validationError(
      `Template format error: [/Resources/${name}/Properties] Properties must be an object.`,
    );
  const dependsOn = resource.DependsOn;
  const named = Array.isArray(dependsOn) ? dependsOn : dependsOn === undefined ? [] : [dependsOn];
  if (named.some((entry) => typeof entry !== 'string'))
    throw validationError(
      `Template format error: [/Resources/${name}/DependsOn] DependsOn must be a string or a list of strings.`,
    );
}
