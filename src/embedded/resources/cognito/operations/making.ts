/** Makes Cognito's operations: the administrator's, authorized on the pool's ARN, and the public ones. */
import { type Call, type Operation, operation } from '../../../platform.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';

interface OnPool {
  UserPoolId?: string | undefined;
  ResourceArn?: string | undefined;
}

/** A schema's third member is the operation's name. */
const nameOf = (schema: unknown): string => (schema as readonly string[])[2] ?? '';

/** An operation on one pool, which must exist. */
export const onPool = <Input extends OnPool, Output>(
  parts: Parts,
  schema: unknown,
  handler: (input: Input, pool: PoolRecord) => Output | Promise<Output>,
): Operation =>
  operation(
    schema,
    (input: Input) =>
      handler(
        input,
        input.UserPoolId === undefined
          ? parts.pools.byArn(input.ResourceArn)
          : parts.pools.get(input.UserPoolId),
      ),
    {
      access: ({ UserPoolId, ResourceArn }) => [
        {
          action: `cognito-idp:${nameOf(schema)}`,
          resource: ResourceArn ?? parts.pools.arn(UserPoolId ?? ''),
          context: tagsOf(parts, ResourceArn?.split(':userpool/')[1] ?? UserPoolId),
        },
      ],
    },
  );

const tagsOf = (parts: Parts, poolId: string | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parts.pools.find(poolId ?? '')?.tags ?? {}).map(([key, value]) => [
      `aws:ResourceTag/${key}`,
      value,
    ]),
  );

/** An operation that needs no credentials: what it gets (a token, a password) is what allows it. */
export const openToAll = <Input, Output>(
  schema: unknown,
  handler: (input: Input, call: Call) => Output | Promise<Output>,
): Operation => operation(schema, handler, { access: () => [], public: true });
