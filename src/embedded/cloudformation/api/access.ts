/** What a caller needs for CloudFormation's operations. Source: "Actions, resources, and condition keys for AWS CloudFormation". */
import type { Tag } from '@aws-sdk/client-cloudformation';
import { type Access, arn, type Operation } from '../../platform.ts';
import { validationError } from '../template/model.ts';
import type { CloudFormationContext } from './service.ts';

interface Input {
  StackName?: string | undefined;
  ChangeSetName?: string | undefined;
  TemplateURL?: string | undefined;
  RoleARN?: string | undefined;
  Tags?: Tag[] | undefined;
}

const principal = 'cloudformation.amazonaws.com';

/** A schema's third member is the operation's name. */
const nameOf = (schema: unknown): string => (schema as readonly string[])[2] ?? '';

/**
 * The operations, authorized on the stack that they name: `stack/<name>/*` before it is there. Whoever hands
 * CloudFormation a role must be allowed to pass it.
 */
export const authorized = (context: CloudFormationContext, operations: readonly Operation[]): Operation[] =>
  operations.map((operation) => ({
    ...operation,
    access: (input: Input): Access[] => [
      {
        action: `cloudformation:${nameOf(operation.schema)}`,
        resource: stackArn(context, input),
        context: conditionKeys(input),
      },
      ...(input.RoleARN === undefined
        ? []
        : [
            {
              action: 'iam:PassRole',
              resource: input.RoleARN,
              context: { 'iam:PassedToService': principal },
            },
          ]),
    ],
  }));

function stackArn({ cloud, repository }: CloudFormationContext, input: Input): string {
  const name = input.StackName;
  if (name === undefined) return '*';
  if (name.startsWith('arn:')) return name;
  return repository.find(name)?.id ?? arn(cloud, 'cloudformation', `stack/${name}/*`);
}

function conditionKeys({
  TemplateURL,
  RoleARN,
  ChangeSetName,
  Tags = [],
}: Input): NonNullable<Access['context']> {
  return {
    'cloudformation:TemplateUrl': TemplateURL,
    'cloudformation:RoleArn': RoleARN,
    'cloudformation:ChangeSetName': ChangeSetName,
    ...(Tags.length > 0 && { 'aws:TagKeys': Tags.map(({ Key = '' }) => Key) }),
    ...Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [`aws:RequestTag/${Key}`, Value])),
  };
}

/** Throws unless the role is there and trusts CloudFormation. What it may do is not looked at. */
export function requireRole({ cloud }: CloudFormationContext, role: string | undefined): void {
  if (role === undefined) return;
  try {
    cloud.sts.issueForService(role, principal, 'AWSCloudFormation');
  } catch {
    throw validationError(`Role ${role} is invalid or cannot be assumed`);
  }
}
