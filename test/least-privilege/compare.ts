/** Holds what roles may do against what they did. */
import type { Attached, Grant, Granted } from './grants.ts';

/** A call that a policy allowed, by the role's name in the templates. */
export interface Call {
  role: string;
  action: string;
}

/**
 * uncalled: granted, and nothing called it. wildcard: an action with `*`. wide: on every resource, or on all of a kind.
 * managed: one of AWS's own policies, which change without us.
 */
export type Kind = 'uncalled' | 'wildcard' | 'wide' | 'managed';

export interface Finding {
  role: string;
  kind: Kind;
  /** Of `managed`: the policy's name. */
  action: string;
}

/** Why findings are as they should be. */
export interface Reason {
  role: string;
  kind: Kind;
  actions: readonly string[];
  why: string;
}

const keyOf = ({ role, kind, action }: Finding): string => `${role} ${kind} ${action}`;

/** The resource part of an ARN that names a type and nothing of it: `*`, `userpool/*`, `/apikeys/*`, `listener/app/*`. */
const namesNothing = /^\/?([A-Za-z-]+[/:](app\/)?)?\*$/;

export function isWide(resource: string): boolean {
  if (resource === '*') return true;
  // `${AWS::Region}` has colons of its own.
  const parts = resource.replaceAll(/\$\{[^}]*\}/g, '$').split(':');
  if (parts[0] !== 'arn') return false;
  const named = parts.slice(5).join(':');
  // In S3 no type goes before a bucket's name.
  return parts[2] === 's3' ? /^\*/.test(named) : namesNothing.test(named);
}

const matches = (pattern: string, action: string): boolean =>
  new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i').test(action);

export function findingsOf({ grants, attached }: Granted, calls: readonly Call[]): Finding[] {
  const found = new Map<string, Finding>();
  const add = (finding: Finding): void => {
    found.set(keyOf(finding), finding);
  };
  for (const { role, action, resources } of grants as readonly Grant[]) {
    if (/[*?]/.test(action)) add({ role, kind: 'wildcard', action });
    if (resources.some(isWide)) add({ role, kind: 'wide', action });
    if (!calls.some((call) => call.role === role && matches(action, call.action)))
      add({ role, kind: 'uncalled', action });
  }
  for (const { role, policy } of attached as readonly Attached[])
    add({ role, kind: 'managed', action: policy });
  return [...found.values()];
}

/** Findings without a reason, and reasons (role, kind, action) that are for nothing or given twice. */
export function judge(
  findings: readonly Finding[],
  reasons: readonly Reason[],
): { unexplained: string[]; stale: string[] } {
  const given = reasons.flatMap(({ role, kind, actions }) =>
    actions.map((action) => keyOf({ role, kind, action })),
  );
  const found = new Set(findings.map(keyOf));
  return {
    unexplained: [...found].filter((key) => !given.includes(key)).sort(),
    stale: given.filter((key, index) => !found.has(key) || given.indexOf(key) !== index).sort(),
  };
}

/** Calls that no grant explains: a role that the templates don't know, or rights that come from elsewhere. */
export const ungranted = ({ grants, attached }: Granted, calls: readonly Call[]): string[] => [
  ...new Set(
    calls
      .filter(
        ({ role, action }) =>
          !grants.some((grant) => grant.role === role && matches(grant.action, action)) &&
          !attached.some((one) => one.role === role),
      )
      .map(({ role, action }) => `${role} ${action}`),
  ),
];
