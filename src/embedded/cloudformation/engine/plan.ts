/** What a template would change about a stack, without changing it: for change sets and for "no updates". */
import { isDeepStrictEqual } from 'node:util';
import type { ResourceChange, ResourceChangeDetail, Tag } from '@aws-sdk/client-cloudformation';
import type { Cloud, Properties } from '../../platform.ts';
import type { PropertyProblem } from '../schema/properties.ts';
import type { ResourceRecord, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import { knownAfterApply } from '../template/intrinsics.ts';
import type { ResourceDefinition, Template } from '../template/model.ts';
import type { StackParameter } from '../template/parameters.ts';
import { validateTemplate } from '../template/validate.ts';
import type { TypeRegistry } from '../types/registry.ts';
import { evaluateOutputs } from './deploy.ts';
import { changedProperties, needsReplacement, replacementProperties } from './incarnation.ts';
import { reasonOf } from './resources.ts';
import { activeResources, exportedValue, resolveProperties, StackScope } from './scope.ts';

export interface Plan {
  changes: ResourceChange[];
  /** What would be refused. */
  problems: (PropertyProblem & { logicalId: string; type: string })[];
  /** Neither resources nor outputs nor tags would change. */
  empty: boolean;
}

interface PlanContext {
  cloud: Cloud;
  repository: StackRepository;
  types: TypeRegistry;
}

/** Types whose attributes may be others after an update in place. */
const shifting = (type: string): boolean =>
  type === 'AWS::CloudFormation::Stack' ||
  type === 'AWS::CloudFormation::CustomResource' ||
  type.startsWith('Custom::');

/** Compares a stack with a template and values for it. Throws AwsError when the template has errors. */
export async function planUpdate(
  { cloud, repository, types }: PlanContext,
  stack: StackRecord,
  submission: { template: Template; parameters: StackParameter[] },
  tags: readonly Tag[],
): Promise<Plan> {
  const { template, parameters } = submission;
  const unknownPhysical = new Set<string>();
  const unknownAttributes = new Set<string>();
  const scope = new StackScope({
    cloud,
    template,
    stack,
    parameters,
    unknown: knownAfterApply,
    exportValue: (name) => exportedValue(repository, name),
    lookup: (logicalId) => {
      if (unknownPhysical.has(logicalId)) return { physicalId: knownAfterApply, attributes: 'unknown' };
      const record = repository.resource(stack.id, logicalId);
      if (record?.physicalId === undefined) return undefined;
      return {
        physicalId: record.physicalId,
        attributes: unknownAttributes.has(logicalId) ? 'unknown' : (record.attributes ?? {}),
      };
    },
  });
  const graph = validateTemplate(template, (type) => types.find(type) !== undefined);
  const active = activeResources(template, graph, scope);
  const tagsChanged = !isDeepStrictEqual([...tags], stack.tags);
  const plan: Plan = { changes: [], problems: [], empty: false };

  for (const id of inOrder(active)) {
    const definition = template.Resources[id];
    if (!definition) continue;
    const existing = repository.resource(stack.id, id);
    const record = existing && existing.status !== 'DELETE_COMPLETE' ? existing : undefined;
    if (record && record.type !== definition.Type) {
      plan.problems.push(
        problem(
          id,
          definition,
          `Update of resource type is not permitted. The new template modifies resource type of the following resources: [${id}]`,
        ),
      );
      continue;
    }
    let properties: Properties = {};
    try {
      const resolved = resolveProperties(cloud, definition, scope);
      properties = resolved.properties;
      plan.problems.push(
        ...resolved.problems.map((found) => ({ ...found, logicalId: id, type: definition.Type })),
      );
      if (!JSON.stringify(properties).includes(knownAfterApply))
        types.find(definition.Type)?.validate?.(properties);
    } catch (error) {
      plan.problems.push(problem(id, definition, reasonOf(error)));
    }
    const change = record
      ? modification(types, template, id, record, definition, properties, tagsChanged)
      : addition(template, id, definition, properties);
    if (!change) continue;
    plan.changes.push(change);
    if (change.Action === 'Add' || change.Replacement === 'True') unknownPhysical.add(id);
    else if (shifting(definition.Type)) unknownAttributes.add(id);
  }
  for (const record of repository.resourcesOf(stack.id))
    if (!active.has(record.logicalId) && !record.status.startsWith('DELETE'))
      plan.changes.push(removal(record));
  plan.empty =
    plan.changes.length === 0 &&
    plan.problems.length === 0 &&
    !tagsChanged &&
    sameOutputs(template, scope, stack);
  return plan;
}

const problem = (logicalId: string, definition: ResourceDefinition, message: string) => ({
  logicalId,
  type: definition.Type,
  path: '#',
  message,
});

function sameOutputs(template: Template, scope: StackScope, stack: StackRecord): boolean {
  try {
    return isDeepStrictEqual(evaluateOutputs(template, scope), stack.outputs);
  } catch {
    return false;
  }
}

/** Dependencies first. The graph has no circles: the template was checked. */
function inOrder(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const order = new Set<string>();
  const visit = (id: string): void => {
    if (order.has(id) || !graph.has(id)) return;
    for (const need of graph.get(id) ?? []) visit(need);
    order.add(id);
  };
  for (const id of graph.keys()) visit(id);
  return [...order];
}

const addition = (
  template: Template,
  id: string,
  definition: ResourceDefinition,
  properties: Properties,
): ResourceChange => ({
  Action: 'Add',
  LogicalResourceId: id,
  ResourceType: definition.Type,
  Scope: [],
  Details: [],
  AfterContext: contextOf(properties, definition, template),
});

const removal = (record: ResourceRecord): ResourceChange => ({
  Action: 'Remove',
  PolicyAction: record.deletionPolicy.startsWith('Retain') ? 'Retain' : 'Delete',
  LogicalResourceId: record.logicalId,
  ...(record.physicalId === undefined ? {} : { PhysicalResourceId: record.physicalId }),
  ResourceType: record.type,
  Scope: [],
  Details: [],
});

function modification(
  types: TypeRegistry,
  template: Template,
  id: string,
  record: ResourceRecord,
  definition: ResourceDefinition,
  properties: Properties,
  tagsChanged: boolean,
): ResourceChange | undefined {
  const handler = types.find(record.type);
  const changed = changedProperties(record.properties, properties);
  const details = changed.map((name) => propertyDetail(template, record, definition, properties, name));
  const scope = new Set<NonNullable<ResourceChange['Scope']>[number]>();
  if (changed.some((name) => name !== 'Tags')) scope.add('Properties');
  if (changed.includes('Tags') || (tagsChanged && handler?.update)) scope.add('Tags');
  if (!isDeepStrictEqual(record.metadata, definition.Metadata)) scope.add('Metadata');
  if (record.deletionPolicy !== (definition.DeletionPolicy ?? 'Delete')) scope.add('DeletionPolicy');
  if (record.updateReplacePolicy !== (definition.UpdateReplacePolicy ?? 'Delete'))
    scope.add('UpdateReplacePolicy');
  if (scope.size === 0 && record.status.endsWith('_COMPLETE')) return undefined;
  for (const attribute of scope)
    if (attribute !== 'Properties' && !(attribute === 'Tags' && changed.includes('Tags')))
      details.push({
        Target: { Attribute: attribute, RequiresRecreation: 'Never' },
        Evaluation: 'Static',
        ChangeSource: 'DirectModification',
      });
  const replacing = new Set(replacementProperties(record.type, handler, changed));
  for (const detail of details)
    if (detail.Target?.Name !== undefined)
      detail.Target.RequiresRecreation = replacing.has(detail.Target.Name) ? 'Always' : 'Never';
  const replaced = needsReplacement(record.type, handler, changed);
  // When all that is known of a replacing property is that it may change, so may the resource.
  const certain = [...replacing].some(
    (name) => !JSON.stringify(properties[name] ?? null).includes(knownAfterApply),
  );
  return {
    Action: 'Modify',
    ...(replaced
      ? {
          PolicyAction: record.updateReplacePolicy.startsWith('Retain')
            ? 'ReplaceAndRetain'
            : 'ReplaceAndDelete',
        }
      : {}),
    LogicalResourceId: id,
    ...(record.physicalId === undefined ? {} : { PhysicalResourceId: record.physicalId }),
    ResourceType: record.type,
    Replacement: replaced ? (certain ? 'True' : 'Conditional') : 'False',
    Scope: [...scope],
    Details: details,
    BeforeContext: contextOf(record.properties, definition, template),
    AfterContext: contextOf(properties, definition, template),
  };
}

function propertyDetail(
  template: Template,
  record: ResourceRecord,
  definition: ResourceDefinition,
  properties: Properties,
  name: string,
): ResourceChangeDetail {
  const before = record.properties[name];
  const after = properties[name];
  const dynamic = JSON.stringify(after ?? null).includes(knownAfterApply);
  const hidden = isSecret(definition.Properties?.[name], template);
  return {
    Target: {
      Attribute: name === 'Tags' ? 'Tags' : 'Properties',
      Name: name,
      Path: `/Properties/${name}`,
      AttributeChangeType: before === undefined ? 'Add' : after === undefined ? 'Remove' : 'Modify',
      ...(before === undefined ? {} : { BeforeValue: hidden ? '****' : shown(before) }),
      ...(after === undefined ? {} : { AfterValue: hidden ? '****' : shown(after) }),
    },
    Evaluation: dynamic ? 'Dynamic' : 'Static',
    ChangeSource: dynamic ? 'ResourceReference' : 'DirectModification',
  };
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Resolved secrets and NoEcho parameters must not show in a change set. */
function isSecret(source: unknown, template: Template): boolean {
  const text = JSON.stringify(source ?? null);
  if (/\{\{resolve:(secretsmanager|ssm-secure):/.test(text)) return true;
  return Object.entries(template.Parameters).some(
    ([name, parameter]) =>
      String(parameter.NoEcho) === 'true' && (text.includes(`"${name}"`) || text.includes(`\${${name}}`)),
  );
}

function contextOf(properties: Properties, definition: ResourceDefinition, template: Template): string {
  const shownProperties = Object.entries(properties).map(([name, value]) => [
    name,
    isSecret(definition.Properties?.[name], template) ? '****' : value,
  ]);
  return JSON.stringify({ Properties: Object.fromEntries(shownProperties) });
}
