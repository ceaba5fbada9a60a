import { CfnVpcLink } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  CfnSecurityGroup,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Fn, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { logRetentionDays } from '../shared-stack.ts';

export const vpcCidr = '10.0.0.0/16';

export const tlsPort = 443;

/** Where the load balancers listen. */
export const entrancePort = ({ security }: Pick<Deployment, 'security'>): number =>
  security.tls ? tlsPort : 80;

/** The VPC that all tenants run in, and the way from API Gateway into it. */
export class Network extends Construct {
  readonly vpcId: string;
  readonly privateSubnetIds: string[];
  /** A VPC Link of the second kind: it has no load balancer of its own, and one serves every cell. */
  readonly vpcLinkId: string;
  readonly vpcLinkSecurityGroupId: string;

  constructor(scope: Construct, id: string, deployment: Pick<Deployment, 'azs' | 'nat' | 'security'>) {
    super(scope, id);
    const { azs, nat } = deployment;
    const entrance = entrancePort(deployment);
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(vpcCidr),
      // The first zones of whatever Region this goes to: no look-up, so no context file to keep.
      availabilityZones: Array.from({ length: azs }, (_, index) => Fn.select(index, Fn.getAzs())),
      natGateways: nat === 'per-az' ? azs : 1,
      subnetConfiguration: [
        // A /18 has 16,379 addresses for tasks; four and more of them would leave no room for public subnets.
        { name: 'private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: azs <= 3 ? 18 : 19 },
        { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
      ],
      gatewayEndpoints: {
        dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        s3: { service: GatewayVpcEndpointAwsService.S3 },
      },
    });
    vpc.addFlowLog('FlowLog', {
      trafficType: FlowLogTrafficType.ALL,
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', { retention: logRetentionDays, removalPolicy: RemovalPolicy.DESTROY }),
      ),
    });
    this.vpcId = vpc.vpcId;
    this.privateSubnetIds = vpc.privateSubnets.map((subnet) => subnet.subnetId);

    const securityGroup = new CfnSecurityGroup(this, 'VpcLinkSecurityGroup', {
      groupDescription: 'API Gateway, as it enters the VPC',
      vpcId: this.vpcId,
      securityGroupEgress: [
        {
          ipProtocol: 'tcp',
          fromPort: entrance,
          toPort: entrance,
          cidrIp: vpcCidr,
          description: 'To the load balancers',
        },
      ],
    });
    this.vpcLinkSecurityGroupId = securityGroup.attrGroupId;
    const link = new CfnVpcLink(this, 'VpcLink', {
      name: 'saas-ecs',
      subnetIds: this.privateSubnetIds,
      securityGroupIds: [this.vpcLinkSecurityGroupId],
    });
    this.vpcLinkId = link.attrVpcLinkId;
  }
}
