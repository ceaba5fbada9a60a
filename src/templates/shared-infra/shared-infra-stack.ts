import { CfnAccount } from 'aws-cdk-lib/aws-apigateway';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { type App, Fn } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { firstCell, stackNames } from '../../model/names.ts';
import { encryptLogs, environmentKey } from '../encryption.ts';
import { keep } from '../keep.ts';
import { publish, read } from '../parameters.ts';
import { accept } from '../review.ts';
import { SharedStack } from '../shared-stack.ts';
import { Authorizer } from './authorizer.ts';
import { Cell } from './cell.ts';
import { CellStackRole } from './cell-stack-role.ts';
import { EniTrunking } from './eni-trunking.ts';
import { executionRole } from './execution-role.ts';
import { Network } from './network.ts';
import { hasSilos, TenantStackRole } from './tenant-stack-role.ts';
import { WebAcl } from './web-acl.ts';

/** The network, the authorizer, the first cell, and what every task needs to start. */
export class SharedInfraStack extends SharedStack {
  constructor(app: App, deployment: Deployment) {
    super(app, stackNames.sharedInfra, deployment, 'saas-ecs: network, API, load balancer, authorizer');
    const keyArn = environmentKey(this, deployment);
    encryptLogs(this, keyArn);
    const network = new Network(this, 'Network', deployment);
    const authorizer = new Authorizer(this, 'Authorizer', {
      registryTable: read(this, deployment, 'registryTable'),
      apiKeySecretArn: read(this, deployment, 'apiKeySecret'),
      ...(keyArn !== undefined && { keyArn }),
    });
    const { waf } = deployment.security;
    const webAcl = waf && new WebAcl(this, 'WebAcl', waf);
    const cell = new Cell(this, 'Cell', {
      name: firstCell,
      deployment,
      vpcId: network.vpcId,
      subnetIds: network.privateSubnetIds,
      vpcLinkId: network.vpcLinkId,
      vpcLinkSecurityGroupId: network.vpcLinkSecurityGroupId,
      authorizerArn: authorizer.functionArn,
      ...(webAcl && { webAclArn: webAcl.arn }),
    });
    // API Gateway refuses a stage with logs in an account that has not told it by which role to write them.
    cell.stage.addResourceDependency(this.gatewayLogging());
    if (deployment.tiers.some((tier) => tier.capacity === 'ec2')) new EniTrunking(this, 'EniTrunking');

    publish(this, deployment, 'vpcId', network.vpcId);
    publish(this, deployment, 'privateSubnetIds', Fn.join(',', network.privateSubnetIds), 'StringList');
    const executionRoleArn = executionRole(this).attrArn;
    publish(this, deployment, 'executionRoleArn', executionRoleArn);
    if (hasSilos(deployment)) {
      const { vpcId } = network;
      const stacks = new TenantStackRole(this, 'TenantStacks', { deployment, vpcId, executionRoleArn });
      publish(this, deployment, 'tenantStackRoleArn', stacks.roleArn);
      publish(this, deployment, 'tenantBoundaryArn', stacks.boundaryArn);
      const { functionArn: authorizerArn } = authorizer;
      const cells = new CellStackRole(this, 'CellStacks', {
        deployment,
        vpcId,
        authorizerArn,
        ...(webAcl && { webAclArn: webAcl.arn }),
      });
      publish(this, deployment, 'cellStackRoleArn', cells.roleArn);
    }
    publish(this, deployment, 'vpcLinkId', network.vpcLinkId);
    publish(this, deployment, 'vpcLinkSecurityGroupId', network.vpcLinkSecurityGroupId);
    publish(this, deployment, 'authorizerArn', authorizer.functionArn);
    if (webAcl) publish(this, deployment, 'webAclArn', webAcl.arn);
    publish(this, deployment, 'poolListenerArn', cell.listenerArn);
    publish(this, deployment, 'poolLoadBalancerSecurityGroupId', cell.loadBalancerSecurityGroupId);
  }

  /** A setting of the account, not of this stack: it stays when the stack goes, for other APIs may write logs by it. */
  private gatewayLogging(): CfnAccount {
    const role = new CfnRole(this, 'GatewayLoggingRole', {
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'apigateway.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      },
      managedPolicyArns: [
        this.formatArn({
          service: 'iam',
          region: '',
          account: 'aws',
          resource: 'policy',
          resourceName: 'service-role/AmazonAPIGatewayPushToCloudWatchLogs',
        }),
      ],
    });
    keep(role);
    accept(role, {
      id: 'AwsSolutions-IAM4',
      reason:
        "API Gateway checks for the permissions of exactly this policy, which AWS keeps, when the account's role is set",
    });
    const account = new CfnAccount(this, 'GatewayAccount', { cloudWatchRoleArn: role.attrArn });
    keep(account);
    return account;
  }
}
