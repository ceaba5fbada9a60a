import type { Toolkit } from '@aws-cdk/toolkit-lib';

export type TemplateDiff = Awaited<ReturnType<Toolkit['diff']>>[string];

/** What a stack's change gives and takes, in CloudFormation's logical ids. */
export interface PermissionChanges {
  /** Somebody may do more than before: a statement, a managed policy or a security group's rule is added, or a denial goes. */
  broadened: boolean;
  /** One change a line; `+` gives, `-` takes. Empty when rights stay as they are. */
  lines: string[];
}

export function permissionChanges({
  iamChanges,
  securityGroupChanges: groups,
  permissionsBroadened,
}: TemplateDiff): PermissionChanges {
  const lines: string[] = [];
  const each = <T>(
    changes: { additions: readonly T[]; removals: readonly T[] },
    say: (change: T) => string,
  ): void => {
    for (const change of changes.additions) lines.push(`+ ${say(change)}`);
    for (const change of changes.removals) lines.push(`- ${say(change)}`);
  };
  each(iamChanges.statements, (statement) => {
    const { effect, action, resource, principal, condition } = statement.render();
    return oneLine(
      `${effect} ${action} on ${resource}${principal ? ` to ${principal}` : ''}${condition ? ` if ${condition}` : ''}`,
    );
  });
  each(iamChanges.managedPolicies, ({ identityArn, managedPolicyArn }) =>
    oneLine(`managed policy ${managedPolicyArn} to ${identityArn}`),
  );
  for (const [rules, way] of [
    [groups.ingress, 'from'],
    [groups.egress, 'to'],
  ] as const)
    each(rules, (rule) =>
      oneLine(`network: ${rule.groupId} ${rule.describeProtocol()} ${way} ${rule.describePeer()}`),
    );
  return { broadened: permissionsBroadened, lines };
}

/** The library puts one action, and one line of a condition's JSON, on a line each. */
const oneLine = (text: string): string => text.replace(/\n\s*/g, text.includes('{') ? ' ' : ', ');
