/** EC2: the network is inert, so what there is are the describe calls and the question what security groups admit. */
import type { AwsService, Cloud } from '../../platform.ts';
import { gatewayOperations } from './gateways.ts';
import { networkOperations } from './network.ts';
import { regionOperations } from './region.ts';
import { allows } from './security-groups.ts';

export interface Ec2Api {
  /** Whether security groups let a TCP connection from one set of groups to another set's `port` through. */
  allows(fromGroupIds: readonly string[], toGroupIds: readonly string[], port: number): boolean;
}

export function createEc2(cloud: Cloud): AwsService & Ec2Api {
  return {
    signingName: 'ec2',
    protocol: 'ec2',
    xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    operations: [...regionOperations(cloud), ...networkOperations(cloud), ...gatewayOperations(cloud)],
    allows: (from, to, port) => allows(cloud, from, to, port),
  };
}
