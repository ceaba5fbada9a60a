/** What the templates grant: every Allow of every policy, by the role that has it. */
import type { Template } from 'aws-cdk-lib/assertions';
import { resources } from '../templates/synthesized.ts';

export interface Grant {
  /** e.g. `shared-infra-stack/ExecutionRole` */
  role: string;
  action: string;
  /** As the template spells them, with `${…}` for what CloudFormation fills in. */
  resources: string[];
}

/** One of AWS's own policies, attached to a role. */
export interface Attached {
  role: string;
  policy: string;
}

export interface Granted {
  grants: Grant[];
  attached: Attached[];
  roles: string[];
}

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: unknown;
}
interface Document {
  Statement: Statement[];
}

/** A logical id without the hash that the CDK appends to it. */
export const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

/** Both silo tiers' templates make the same roles: they are one. */
export const rolesTemplate = (stack: string): string =>
  /^tenant-(?!template-)/.test(stack) ? 'tenant' : stack;

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, inner] = ['', '']] = Object.entries(value as Record<string, unknown>);
  if (name === 'Ref') return `\${${String(inner)}}`;
  if (name === 'Fn::GetAtt') return `\${${(inner as string[]).join('.')}}`;
  if (name === 'Fn::Join') {
    const [separator, parts] = inner as [string, unknown[]];
    return parts.map(text).join(separator);
  }
  if (name === 'Fn::Sub') return String(inner);
  throw new Error(`a resource of a policy is ${JSON.stringify(value)}`);
}

/** @param stack name of the template, which names its roles */
export function grantsOf(stack: string, template: Template): Granted {
  const granted: Granted = { grants: [], attached: [], roles: [] };
  const label = (logicalId: string): string => `${rolesTemplate(stack)}/${withoutHash(logicalId)}`;
  const add = (role: string, { Statement }: Document): void => {
    for (const { Effect, Action, Resource } of Statement) {
      if (Effect !== 'Allow') continue;
      if (Action === undefined || Resource === undefined)
        throw new Error(`${role} grants by NotAction or NotResource: nobody can say what`);
      for (const action of [Action].flat())
        granted.grants.push({ role, action, resources: [Resource].flat().map(text) });
    }
  };
  for (const [id, { Properties }] of resources(template, 'AWS::IAM::Role')) {
    granted.roles.push(label(id));
    for (const { PolicyDocument } of Properties['Policies'] ?? []) add(label(id), PolicyDocument);
    for (const policy of Properties['ManagedPolicyArns'] ?? [])
      granted.attached.push({ role: label(id), policy: text(policy).split('/').at(-1) ?? '' });
  }
  for (const [, { Properties }] of resources(template, 'AWS::IAM::Policy'))
    for (const { Ref } of Properties['Roles'] as { Ref: string }[])
      add(label(Ref), Properties['PolicyDocument']);
  return granted;
}

/** Of several templates; what two of them grant alike is granted once. */
export function together(all: readonly Granted[]): Granted {
  const unique = <T>(values: readonly T[]): T[] => [
    ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
  ];
  return {
    grants: unique(all.flatMap(({ grants }) => grants)),
    attached: unique(all.flatMap(({ attached }) => attached)),
    roles: unique(all.flatMap(({ roles }) => roles)),
  };
}
