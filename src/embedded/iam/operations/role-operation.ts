import { type Cloud, type Operation, operation } from '../../platform.ts';
import type { IamState, RoleRecord } from '../state.ts';

/** Makes operations on one role, which a policy allows by its ARN. */
export const roleOperation =
  (cloud: Cloud, state: IamState) =>
  <Input extends { RoleName?: string | undefined }, Output>(
    schema: unknown,
    name: string,
    handler: (role: RoleRecord, input: Input) => Output,
  ): Operation =>
    operation(schema, (input: Input) => handler(state.role(input.RoleName ?? ''), input), {
      access: (input) => [
        {
          action: `iam:${name}`,
          resource:
            state.roles.get(input.RoleName ?? '')?.arn ??
            `arn:${cloud.partition}:iam::${cloud.account}:role/${input.RoleName ?? ''}`,
        },
      ],
    });
