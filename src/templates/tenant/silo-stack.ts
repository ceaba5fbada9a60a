import { type App, Aws, CfnOutput, CfnParameter, Stack } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { tenantOutputs, tenantParameters } from '../../model/names.ts';
import type { Tier } from '../../model/tier.ts';
import { encryptionKey, encryptLogs } from '../encryption.ts';
import { read, readList } from '../parameters.ts';
import { parametersOnly } from '../parameters-only.ts';
import { tenantCluster } from './cluster.ts';
import { Ec2Capacity } from './ec2-capacity.ts';
import { TenantServices } from './tenant-services.ts';

/**
 * The template of a silo tier's tenants. Synthesized once a release: onboarding a tenant is to create a stack from it
 * with parameters.
 */
export class SiloStack extends Stack {
  constructor(app: App, deployment: Deployment, tier: Tier) {
    super(app, `tenant-${tier.name}`, {
      description: `saas-ecs: a tenant on the tier "${tier.name}"`,
      synthesizer: parametersOnly(),
    });
    const text = (name: string, allowedPattern?: string) =>
      new CfnParameter(this, name, { ...(allowedPattern && { allowedPattern }) }).valueAsString;
    const tenantId = text(tenantParameters.tenantId, '[A-Za-z0-9-]+');
    const tierName = text(tenantParameters.tierName);
    const vpcId = read(this, deployment, 'vpcId');
    const subnetIds = readList(this, deployment, 'privateSubnetIds');
    const { clusterName, capacity } = this.cluster(deployment, tier, vpcId, subnetIds);
    const capacityProvider =
      capacity?.capacityProvider ??
      (tier.capacity === 'ec2' ? read(this, deployment, 'sharedClusterCapacityProvider') : undefined);
    const key =
      deployment.security.encryption === 'customer-managed'
        ? encryptionKey(this, 'Key', {
            description: 'Tables and logs of one tenant',
            through: ['dynamodb'],
            logGroups: [`/saas-ecs/${Aws.STACK_NAME}`],
          })
        : undefined;
    encryptLogs(this, key?.attrArn);
    const application = new TenantServices(this, 'App', {
      users: { mfa: tier.mfa, signIn: deployment.signIn },
      services: deployment.services,
      routing: deployment.routing,
      tenantPath: tenantId,
      tenantId,
      tierName,
      clusterName,
      ...(capacityProvider && { capacityProvider }),
      vpcId,
      subnetIds,
      executionRoleArn: read(this, deployment, 'executionRoleArn'),
      boundaryArn: read(this, deployment, 'tenantBoundaryArn'),
      ...(key && { keyArn: key.attrArn }),
      listenerArn: text(tenantParameters.listenerArn),
      loadBalancerSecurityGroupId: text(tenantParameters.loadBalancerSecurityGroupId),
      imageOf: (name) => text(tenantParameters.image(name)),
      priorityOf: (name) =>
        new CfnParameter(this, tenantParameters.rulePriority(name), { type: 'Number' }).valueAsNumber,
    });
    if (capacity) application.startAfter(capacity.association);

    const { users } = application;
    const outputs: Record<string, string> = {
      [tenantOutputs.userPoolId]: users.userPoolId,
      [tenantOutputs.clientId]: users.clientId,
      [tenantOutputs.issuer]: users.issuer,
      ...(users.domain !== undefined && { [tenantOutputs.signInDomain]: users.domain }),
      [tenantOutputs.clusterName]: clusterName,
      [tenantOutputs.tables]: this.toJsonString(application.tables.names),
      [tenantOutputs.services]: this.toJsonString(application.serviceNames),
      ...(key && { [tenantOutputs.encryptionKey]: key.attrArn }),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }

  private cluster(deployment: Deployment, tier: Tier, vpcId: string, subnetIds: string[]) {
    if (tier.model === 'shared-cluster') return { clusterName: read(this, deployment, 'sharedClusterName') };
    const clusterName = tenantCluster(this).ref;
    if (tier.capacity === 'fargate') return { clusterName };
    const boundaryArn = read(this, deployment, 'tenantBoundaryArn');
    return {
      clusterName,
      capacity: new Ec2Capacity(this, 'Capacity', { clusterName, vpcId, subnetIds, boundaryArn }),
    };
  }
}
