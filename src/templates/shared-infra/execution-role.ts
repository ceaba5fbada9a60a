import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Aws, DefaultStackSynthesizer, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { accept } from '../review.ts';
import { tasksTrust } from '../tenant/trust.ts';

/**
 * The one role with which ECS starts every tenant's tasks: it pulls images and opens log streams, and a task never
 * sees it. Shared, because IAM roles bind at 1,000 an account.
 */
export function executionRole(scope: Construct): CfnRole {
  const stack = Stack.of(scope);
  const repository = `cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-container-assets-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
  const role = new CfnRole(scope, 'ExecutionRole', {
    description: 'ECS starts tasks with it: image pulls and log streams',
    assumeRolePolicyDocument: tasksTrust(),
    policies: [
      {
        policyName: 'start-tasks',
        policyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
            {
              Effect: 'Allow',
              Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
              Resource: stack.formatArn({ service: 'ecr', resource: 'repository', resourceName: repository }),
            },
            {
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              Resource: stack.formatArn({
                service: 'logs',
                resource: 'log-group',
                resourceName: '/saas-ecs/*',
                arnFormat: ArnFormat.COLON_RESOURCE_NAME,
              }),
            },
          ],
        },
      },
    ],
  });
  accept(role, {
    id: 'AwsSolutions-IAM5',
    reason:
      'ecr:GetAuthorizationToken knows no resource; the log groups of tenants are made after this role, and begin with /saas-ecs/',
  });
  return role;
}
