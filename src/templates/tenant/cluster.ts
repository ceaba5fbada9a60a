import { CfnCluster } from 'aws-cdk-lib/aws-ecs';
import { Aws } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { accept } from '../review.ts';

/** An ECS cluster, named after its stack: a name that is the environment's own, and that people recognize. */
export function tenantCluster(scope: Construct): CfnCluster {
  const cluster = new CfnCluster(scope, 'Cluster', { clusterName: Aws.STACK_NAME });
  accept(cluster, {
    id: 'AwsSolutions-ECS4',
    reason: 'Container Insights bills by metric and tenant; CPU and memory of every service come without it',
  });
  return cluster;
}
