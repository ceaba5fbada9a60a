import { Aws } from 'aws-cdk-lib/core';

/** Trust policy of a role that ECS tasks take; only tasks of this account, whatever ECS does for others. */
export const tasksTrust = (): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'ecs-tasks.amazonaws.com' },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    },
  ],
});
