import type { App } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { stackNames } from '../../model/names.ts';
import { publish, read, readList } from '../parameters.ts';
import { SharedStack } from '../shared-stack.ts';
import { tenantCluster } from './cluster.ts';
import { Ec2Capacity } from './ec2-capacity.ts';

/** The cluster that silo tenants of the shared-cluster tiers run their own services in. */
export class SharedClusterStack extends SharedStack {
  constructor(app: App, deployment: Deployment) {
    super(app, stackNames.sharedCluster, deployment, 'saas-ecs: the cluster that silo tenants share');
    const clusterName = tenantCluster(this).ref;
    publish(this, deployment, 'sharedClusterName', clusterName);
    const onInstances = deployment.tiers.some(
      (tier) => tier.model === 'shared-cluster' && tier.capacity === 'ec2',
    );
    if (!onInstances) return;
    const capacity = new Ec2Capacity(this, 'Capacity', {
      clusterName,
      vpcId: read(this, deployment, 'vpcId'),
      subnetIds: readList(this, deployment, 'privateSubnetIds'),
    });
    publish(
      this,
      deployment,
      'sharedClusterCapacityProvider',
      capacity.capacityProvider,
    ).addResourceDependency(capacity.association);
  }
}
