/** What names stand for while a stack is deployed or planned. */
import type { Cloud, Properties } from '../../platform.ts';
import { checkProperties, type PropertyProblem, propertiesInvalid } from '../schema/properties.ts';
import { specificationOf } from '../schema/specification.ts';
import type { StackModel, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import { resolveDynamicReferences } from '../template/dynamic-references.ts';
import { evaluate, evaluateCondition, noValue, type Scope } from '../template/intrinsics.ts';
import { isObject, type ResourceDefinition, type Template, validationError } from '../template/model.ts';
import { parameterValues } from '../template/parameters.ts';

/** What a resource gives to others; undefined when it does not exist (yet). */
export type ResourceLookup = (
  logicalId: string,
) => { physicalId: string; attributes: Readonly<Record<string, unknown>> | 'unknown' } | undefined;

export const availabilityZones = (region: string): string[] => ['a', 'b', 'c'].map((zone) => region + zone);

/** The scope of one template with one set of values. `unknown` stands for attributes that are not known yet. */
export class StackScope implements Scope {
  readonly mappings: Template['Mappings'];
  /** Names of the exports that were imported so far. */
  readonly imports = new Set<string>();
  private readonly values: Map<string, unknown>;
  private readonly conditions = new Map<string, boolean>();
  private readonly template: Template;
  private readonly lookup: ResourceLookup;
  private readonly exportValue: (name: string) => string | undefined;
  private readonly unknown: string | undefined;

  constructor(options: {
    cloud: Cloud;
    template: Template;
    stack: Pick<StackRecord, 'id' | 'name' | 'notificationArns'>;
    parameters: StackModel['parameters'];
    lookup: ResourceLookup;
    exportValue: (name: string) => string | undefined;
    unknown?: string;
  }) {
    const { cloud, stack } = options;
    this.template = options.template;
    this.mappings = options.template.Mappings;
    this.lookup = options.lookup;
    this.exportValue = options.exportValue;
    this.unknown = options.unknown;
    this.values = parameterValues(options.template.Parameters, options.parameters);
    const pseudo: Record<string, unknown> = {
      'AWS::AccountId': cloud.account,
      'AWS::NotificationARNs': stack.notificationArns,
      'AWS::NoValue': noValue,
      'AWS::Partition': cloud.partition,
      'AWS::Region': cloud.region,
      'AWS::StackId': stack.id,
      'AWS::StackName': stack.name,
      'AWS::URLSuffix': 'amazonaws.com',
    };
    for (const [name, value] of Object.entries(pseudo)) this.values.set(name, value);
  }

  ref(name: string): unknown {
    if (this.values.has(name)) return this.values.get(name);
    return this.resource(name).physicalId;
  }

  attribute(logicalId: string, attribute: string): unknown {
    const { attributes } = this.resource(logicalId);
    if (attributes === 'unknown') return this.unknown;
    const value = attributes[attribute];
    if (value !== undefined) return value;
    const type = this.template.Resources[logicalId]?.Type ?? '';
    throw validationError(`Requested attribute ${attribute} does not exist in schema for ${type}`);
  }

  condition(name: string): boolean {
    const known = this.conditions.get(name);
    if (known !== undefined) return known;
    const definition = this.template.Conditions[name];
    if (definition === undefined)
      throw validationError(`Template format error: Unresolved condition dependency ${name}`);
    const value = evaluateCondition(definition, this);
    this.conditions.set(name, value);
    return value;
  }

  importValue(name: string): unknown {
    if (this.unknown !== undefined && name.includes(this.unknown)) return this.unknown;
    const value = this.exportValue(name);
    if (value === undefined) throw validationError(`No export named ${name} found.`);
    this.imports.add(name);
    return value;
  }

  availabilityZones(region: string): string[] {
    return availabilityZones(region);
  }

  /** Whether a resource or an output is there, by its condition. */
  includes(item: { Condition?: string }): boolean {
    return item.Condition === undefined || this.condition(item.Condition);
  }

  private resource(logicalId: string) {
    const found = this.lookup(logicalId);
    if (!found)
      throw validationError(
        `Template format error: Unresolved resource dependencies [${logicalId}] in the Resources block of the template`,
      );
    return found;
  }
}

/** Resources that the conditions leave, with what each needs among them. */
export function activeResources(
  template: Template,
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  scope: StackScope,
): Map<string, ReadonlySet<string>> {
  const active = new Map<string, ReadonlySet<string>>();
  for (const [id, definition] of Object.entries(template.Resources))
    if (scope.includes(definition)) active.set(id, graph.get(id) ?? new Set());
  return active;
}

/** Properties with everything resolved and scalars brought to the specified types, and what is wrong with them. */
export function resolveProperties(
  cloud: Pick<Cloud, 'ssm' | 'secrets'>,
  definition: ResourceDefinition,
  scope: Scope,
): { properties: Properties; problems: PropertyProblem[] } {
  const evaluated = evaluate(definition.Properties ?? {}, scope);
  const resolved = resolveDynamicReferences(evaluated, cloud);
  const properties = isObject(resolved) ? resolved : {};
  const specification = specificationOf(definition.Type);
  return specification ? checkProperties(specification, properties) : { properties, problems: [] };
}

/** The same for a deployment, where any problem fails the resource. */
export function properProperties(
  cloud: Pick<Cloud, 'ssm' | 'secrets'>,
  logicalId: string,
  definition: ResourceDefinition,
  scope: Scope,
): Properties {
  const { properties, problems } = resolveProperties(cloud, definition, scope);
  if (problems.length > 0) throw propertiesInvalid(logicalId, problems);
  return properties;
}

/** Value of an export of any existing stack. */
export function exportedValue(repository: StackRepository, name: string): string | undefined {
  for (const stack of repository.existing())
    for (const output of stack.outputs) if (output.exportName === name) return output.value;
  return undefined;
}
