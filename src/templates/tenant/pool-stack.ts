import { type App, Stack } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { type PoolOutputs, stackNames } from '../../model/names.ts';
import { poolTenantPath } from '../../model/tenant.ts';
import { poolMfa } from '../../model/tier.ts';
import { encryptLogs, environmentKey } from '../encryption.ts';
import { publish, read, readList } from '../parameters.ts';
import { SharedStack } from '../shared-stack.ts';
import { tenantCluster } from './cluster.ts';
import { poolPriorities } from './pool-priorities.ts';
import { TenantServices } from './tenant-services.ts';

/** The pool: one set of services, tables and users that all tenants of the pool tiers share. */
export class PoolStack extends SharedStack {
  constructor(app: App, deployment: Deployment, imageOf: (service: string) => string) {
    super(app, stackNames.pool, deployment, 'saas-ecs: the services that pool tenants share');
    const keyArn = environmentKey(this, deployment);
    encryptLogs(this, keyArn);
    const clusterName = tenantCluster(this).ref;
    const priorities = poolPriorities(deployment.services.map((service) => service.name));
    const application = new TenantServices(this, 'App', {
      users: { mfa: poolMfa(deployment.tiers), signIn: deployment.signIn },
      services: deployment.services,
      // One set of rules is all that the pool needs; a proxy would only be one hop more.
      routing: 'direct',
      tenantPath: poolTenantPath,
      clusterName,
      vpcId: read(this, deployment, 'vpcId'),
      subnetIds: readList(this, deployment, 'privateSubnetIds'),
      executionRoleArn: read(this, deployment, 'executionRoleArn'),
      listenerArn: read(this, deployment, 'poolListenerArn'),
      loadBalancerSecurityGroupId: read(this, deployment, 'poolLoadBalancerSecurityGroupId'),
      ...(keyArn !== undefined && { keyArn }),
      imageOf,
      priorityOf: (name) => priorities.get(name) ?? 0,
    });
    const outputs: PoolOutputs = {
      userPoolId: application.users.userPoolId,
      clientId: application.users.clientId,
      issuer: application.users.issuer,
      ...(application.users.domain !== undefined && { signInDomain: application.users.domain }),
      clusterName,
      tables: application.tables.names,
      services: application.serviceNames,
    };
    publish(this, deployment, 'pool', Stack.of(this).toJsonString(outputs));
  }
}
