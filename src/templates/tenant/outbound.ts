import type { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';

/**
 * The way out for what calls AWS's APIs alone, images and logs among them: by the gateway endpoints or the NAT. Names and
 * credentials come over link-local addresses, which no security group filters.
 */
export const toAws: CfnSecurityGroup.EgressProperty = {
  ipProtocol: 'tcp',
  fromPort: 443,
  toPort: 443,
  cidrIp: '0.0.0.0/0',
  description: 'To AWS over HTTPS',
};
