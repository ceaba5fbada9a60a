import type { Need } from './need.ts';
import type { Place } from './place.ts';

export interface Statement {
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: object;
}

export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: Statement[];
}

/** Characters of a managed policy, white space not counted (IAM and STS quotas). */
export const managedPolicyLimit = 6_144;

/** White space that is not part of a value is not counted; here there is none. */
export const sizeOf = (document: PolicyDocument): number => JSON.stringify(document).length;

/** Needs put together: one statement for what has the same resources and condition, as many documents as it takes. */
export function documentsFor(needs: readonly Need[], place: Place): PolicyDocument[] {
  const documents: PolicyDocument[] = [];
  for (const statement of statementsFor(needs, place)) {
    const last = documents.at(-1);
    const more: PolicyDocument = {
      Version: '2012-10-17',
      Statement: [...(last?.Statement ?? []), statement],
    };
    if (last && sizeOf(more) <= managedPolicyLimit) last.Statement.push(statement);
    else documents.push({ Version: '2012-10-17', Statement: [statement] });
  }
  return documents;
}

function statementsFor(needs: readonly Need[], place: Place): Statement[] {
  const byScope = new Map<string, Statement>();
  for (const { actions, on, when } of needs) {
    const Resource = on(place);
    const Condition = when?.(place);
    const scope = JSON.stringify([Resource, Condition]);
    const known = byScope.get(scope);
    const Action = [...new Set([...(known?.Action ?? []), ...actions])].sort();
    byScope.set(scope, { Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) });
  }
  return [...byScope.values()];
}
