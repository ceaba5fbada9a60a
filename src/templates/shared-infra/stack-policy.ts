/** Policies of the roles that CloudFormation takes for stacks that come after the shared ones. */
import { Aws } from 'aws-cdk-lib/core';

export interface Statement {
  Effect: 'Allow';
  Action: string | string[];
  Resource: string | string[];
  Condition?: object;
}

export const arn = (service: string, resource: string, region: string = Aws.REGION): string =>
  `arn:${Aws.PARTITION}:${service}:${region}:${Aws.ACCOUNT_ID}:${resource}`;

export const allow = (actions: readonly string[], on: string | string[], condition?: object): Statement => ({
  Effect: 'Allow',
  Action: [...actions],
  Resource: on,
  ...(condition && { Condition: condition }),
});

/** Actions of one service: `of('ecs', 'CreateCluster')`. */
export const of = (service: string, ...names: string[]): string[] =>
  names.map((name) => `${service}:${name}`);

/** What is granted on the same things is one statement. */
export function policyOf(statements: readonly Statement[]): object {
  const merged = new Map<string, Statement & { Action: string[] }>();
  for (const statement of statements) {
    const { Action, ...granted } = statement;
    const key = JSON.stringify(granted);
    const known = merged.get(key)?.Action ?? [];
    merged.set(key, { ...statement, Action: [...new Set([...known, ...[Action].flat()])] });
  }
  return { Version: '2012-10-17', Statement: [...merged.values()] };
}

/** Whom such a role trusts: CloudFormation, on behalf of this account. */
export const trustOfCloudFormation = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'cloudformation.amazonaws.com' },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    },
  ],
};
