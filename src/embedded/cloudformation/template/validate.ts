/** Checks of a template as a whole that need no values: what it refers to exists, and nothing goes in a circle. */
import { listOf, type Template, validationError } from './model.ts';
import { type Reference, referencesIn } from './references.ts';

export const pseudoParameters: ReadonlySet<string> = new Set([
  'AWS::AccountId',
  'AWS::NotificationARNs',
  'AWS::NoValue',
  'AWS::Partition',
  'AWS::Region',
  'AWS::StackId',
  'AWS::StackName',
  'AWS::URLSuffix',
]);

/** Logical id -> the logical ids that it needs first, conditions aside. */
export type DependencyGraph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Throws AwsError ValidationError with CloudFormation's wordings for unresolved references, unknown types and
 * circles; else gives the dependency graph of the resources.
 */
export function validateTemplate(template: Template, knows: (type: string) => boolean): DependencyGraph {
  const types = new Set(Object.values(template.Resources).map((resource) => resource.Type));
  const unknown = [...types].filter((type) => !knows(type));
  if (unknown.length > 0)
    throw validationError(
      `Template format error: Unrecognized resource types: [${unknown.join(', ')}] (the embedded cloud has neither a live nor an inert resource for them)`,
    );

  const graph = new Map<string, ReadonlySet<string>>();
  const unresolved = new Set<string>();
  for (const [id, resource] of Object.entries(template.Resources)) {
    const references = referencesIn(resource.Properties);
    if (resource.Condition) references.push({ kind: 'Condition', name: resource.Condition });
    const needs = new Set<string>();
    for (const name of listOf(resource.DependsOn)) {
      if (Object.hasOwn(template.Resources, name)) needs.add(name);
      else unresolved.add(name);
    }
    for (const name of checkReferences(template, references, unresolved)) needs.add(name);
    graph.set(id, needs);
  }
  if (unresolved.size > 0) throw unresolvedIn('Resources', unresolved);

  for (const output of Object.values(template.Outputs)) {
    const references = referencesIn([output.Value, output.Export?.Name]);
    if (output.Condition) references.push({ kind: 'Condition', name: output.Condition });
    checkReferences(template, references, unresolved);
  }
  if (unresolved.size > 0) throw unresolvedIn('Outputs', unresolved);

  checkConditions(template);
  const circle = findCircle(graph);
  if (circle) throw validationError(`Circular dependency between resources: [${circle.join(', ')}]`);
  return graph;
}

const unresolvedIn = (block: string, names: ReadonlySet<string>) =>
  validationError(
    `Template format error: Unresolved resource dependencies [${[...names].join(', ')}] in the ${block} block of the template`,
  );

/** The resources that are referred to; adds names that are nothing to `unresolved`. */
function checkReferences(
  template: Template,
  references: readonly Reference[],
  unresolved: Set<string>,
): string[] {
  const needs: string[] = [];
  for (const reference of references) {
    switch (reference.kind) {
      case 'Ref':
        if (Object.hasOwn(template.Resources, reference.name)) needs.push(reference.name);
        else if (!Object.hasOwn(template.Parameters, reference.name) && !pseudoParameters.has(reference.name))
          unresolved.add(reference.name);
        break;
      case 'GetAtt':
        if (!Object.hasOwn(template.Resources, reference.name))
          throw validationError(
            `Template error: instance of Fn::GetAtt references undefined resource ${reference.name}`,
          );
        needs.push(reference.name);
        break;
      case 'Condition':
        if (!Object.hasOwn(template.Conditions, reference.name))
          throw validationError(
            `Template format error: Unresolved condition dependency ${reference.name} in the Resources block of the template`,
          );
        break;
      case 'FindInMap':
        // A name that is not in the template may still have a DefaultValue: evaluation decides.
        break;
    }
  }
  return needs;
}

function checkConditions(template: Template): void {
  const graph = new Map<string, Set<string>>();
  for (const [name, condition] of Object.entries(template.Conditions)) {
    const needs = new Set<string>();
    for (const reference of referencesIn(condition)) {
      if (reference.kind === 'Condition') {
        if (!Object.hasOwn(template.Conditions, reference.name))
          throw validationError(
            `Template format error: Unresolved condition dependency ${reference.name} in the Conditions block of the template`,
          );
        needs.add(reference.name);
      } else if (
        reference.kind === 'GetAtt' ||
        (reference.kind === 'Ref' &&
          !Object.hasOwn(template.Parameters, reference.name) &&
          !pseudoParameters.has(reference.name))
      )
        throw validationError(
          `Template format error: Unresolved dependencies [${reference.name}]. Cannot reference resources in the Conditions block of the template`,
        );
    }
    graph.set(name, needs);
  }
  const circle = findCircle(graph);
  if (circle)
    throw validationError(
      `Template format error: Found circular condition dependency between ${circle.join(' and ')}`,
    );
}

/** The members of a circle, or undefined when the graph has an order. */
function findCircle(graph: DependencyGraph): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const visit = (id: string): string[] | undefined => {
    if (onPath.has(id)) return path.slice(path.indexOf(id));
    if (done.has(id)) return undefined;
    path.push(id);
    onPath.add(id);
    for (const next of graph.get(id) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    onPath.delete(id);
    done.add(id);
    return undefined;
  };
  for (const id of graph.keys()) {
    const circle = visit(id);
    if (circle) return circle;
  }
  return undefined;
}
