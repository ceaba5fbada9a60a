/** An API's resource policy (`x-amazon-apigateway-policy`), as its deployment froze it. */

import { parseJson } from '../../../../model/nesting.ts';
import { compilePolicy, evaluate } from '../../../iam/policy.ts';
import { badRequest } from '../definition.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './gateway-responses.ts';

/** Throws a {@link Refusal}. `authorized`: a Lambda authorizer decides where the policy says nothing. */
export type CheckPolicy = (exchange: Exchange, authorized: boolean) => void;

/** `execute-api:/prod/GET/*` is short for an ARN of the API's own. */
const expanded = (value: unknown, api: string): unknown => {
  if (Array.isArray(value)) return value.map((each) => expanded(each, api));
  return typeof value === 'string' && value.startsWith('execute-api:/')
    ? `${api}${value.slice('execute-api:'.length)}`
    : value;
};

/** Compiles a policy; `apiArn` is `arn:aws:execute-api:<region>:<account>:<api>`. Throws AwsError BadRequestException. */
export function compileResourcePolicy(text: string, apiArn: string): CheckPolicy {
  let policy: ReturnType<typeof compilePolicy>;
  try {
    const document = parseJson(text) as Record<string, unknown>;
    const statements = [document['Statement'] ?? []].flat() as Record<string, unknown>[];
    policy = compilePolicy(
      {
        ...document,
        Statement: statements.map((statement) => ({
          ...statement,
          ...('Resource' in statement && { Resource: expanded(statement['Resource'], apiArn) }),
          ...('NotResource' in statement && { NotResource: expanded(statement['NotResource'], apiArn) }),
        })),
      },
      'resource',
    );
  } catch (error) {
    throw badRequest(`Invalid policy document. ${(error as Error).message}`);
  }
  return (exchange, authorized) => {
    const decision = evaluate([policy], {
      action: 'execute-api:Invoke',
      resource: exchange.methodArn,
      // Whoever calls is unknown to IAM here: `*` means him too.
      principal: { aws: ['anonymous'] },
      lookup: (key) => (key === 'aws:sourceip' ? [exchange.sourceIp] : undefined),
    });
    if (decision === 'allow' || (decision === 'implicit-deny' && authorized)) return;
    throw new Refusal(
      'ACCESS_DENIED',
      `User: anonymous is not authorized to perform: execute-api:Invoke on resource: ${exchange.methodArn}${decision === 'explicit-deny' ? ' with an explicit deny' : ''}`,
    );
  };
}
