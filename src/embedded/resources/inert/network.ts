/** Inert EC2 types: the network that a template describes. */
import {
  arnOf,
  documentationAddress,
  ec2Id,
  hex,
  type InertDefinition,
  type Made,
  once,
  property,
  self,
} from './definition.ts';

const vpc = { VpcId: 'AWS::EC2::VPC' } as const;
const securityGroupRule: InertDefinition = {
  id: ec2Id('sgr'),
  refersTo: { GroupId: 'AWS::EC2::SecurityGroup' },
};

/** `us-east-1b` -> `use1-az2` */
function zoneId({ cloud, properties }: Made): string {
  const zone = String(properties['AvailabilityZone'] ?? `${cloud.region}a`);
  const [area = '', place = '', number = ''] = cloud.region.split('-');
  const index = zone.charCodeAt(zone.length - 1) - 'a'.charCodeAt(0) + 1;
  return `${area}${place.charAt(0)}${number}-az${index}`;
}

export const networkTypes: Readonly<Record<string, InertDefinition>> = {
  'AWS::EC2::VPC': {
    id: ec2Id('vpc'),
    attributes: {
      VpcId: self,
      CidrBlock: property('CidrBlock', '10.0.0.0/16'),
      CidrBlockAssociations: once('CidrBlockAssociations', () => [`vpc-cidr-assoc-0${hex(16)}`]),
      DefaultNetworkAcl: once('DefaultNetworkAcl', ec2Id('acl')),
      DefaultSecurityGroup: once('DefaultSecurityGroup', ec2Id('sg')),
      Ipv6CidrBlocks: () => [],
    },
  },
  'AWS::EC2::VPCCidrBlock': {
    id: ec2Id('vpc-cidr-assoc'),
    refersTo: vpc,
  },
  'AWS::EC2::Subnet': {
    id: ec2Id('subnet'),
    refersTo: vpc,
    attributes: {
      SubnetId: self,
      VpcId: property('VpcId'),
      CidrBlock: property('CidrBlock'),
      AvailabilityZone: ({ cloud, properties }) => properties['AvailabilityZone'] ?? `${cloud.region}a`,
      AvailabilityZoneId: zoneId,
      NetworkAclAssociationId: once('NetworkAclAssociationId', ec2Id('aclassoc')),
      Ipv6CidrBlocks: () => [],
    },
  },
  'AWS::EC2::RouteTable': { id: ec2Id('rtb'), refersTo: vpc, attributes: { RouteTableId: self } },
  'AWS::EC2::Route': {
    id: ({ properties }) =>
      `${String(properties['RouteTableId'])}|${String(properties['DestinationCidrBlock'] ?? properties['DestinationIpv6CidrBlock'] ?? properties['DestinationPrefixListId'])}`,
    refersTo: { RouteTableId: 'AWS::EC2::RouteTable' },
    attributes: { CidrBlock: property('DestinationCidrBlock') },
  },
  'AWS::EC2::SubnetRouteTableAssociation': {
    id: ec2Id('rtbassoc'),
    refersTo: { RouteTableId: 'AWS::EC2::RouteTable', SubnetId: 'AWS::EC2::Subnet' },
  },
  'AWS::EC2::InternetGateway': { id: ec2Id('igw'), attributes: { InternetGatewayId: self } },
  'AWS::EC2::VPCGatewayAttachment': {
    id: ({ properties }) =>
      `${properties['InternetGatewayId'] === undefined ? 'VGW' : 'IGW'}|${String(properties['VpcId'])}`,
    refersTo: vpc,
    attributes: { AttachmentType: ({ physicalId }) => physicalId.slice(0, 3) },
  },
  'AWS::EC2::EIP': {
    id: ({ context }) => documentationAddress(context.stackId + context.logicalId),
    attributes: { PublicIp: self, AllocationId: once('AllocationId', ec2Id('eipalloc')) },
  },
  'AWS::EC2::NatGateway': {
    id: ec2Id('nat'),
    refersTo: { SubnetId: 'AWS::EC2::Subnet' },
    attributes: { NatGatewayId: self, EniId: once('EniId', ec2Id('eni')) },
  },
  'AWS::EC2::VPCEndpoint': {
    id: ec2Id('vpce'),
    refersTo: vpc,
    attributes: {
      CreationTimestamp: once('CreationTimestamp', ({ cloud }) => new Date(cloud.clock.now()).toISOString()),
      DnsEntries: () => [],
      NetworkInterfaceIds: () => [],
    },
  },
  'AWS::EC2::SecurityGroup': {
    id: ec2Id('sg'),
    refersTo: vpc,
    attributes: { GroupId: self, VpcId: property('VpcId') },
  },
  'AWS::EC2::SecurityGroupIngress': securityGroupRule,
  'AWS::EC2::SecurityGroupEgress': securityGroupRule,
  'AWS::EC2::FlowLog': { id: ec2Id('fl') },
  'AWS::EC2::NetworkAcl': { id: ec2Id('acl'), refersTo: vpc },
  'AWS::EC2::NetworkAclEntry': { id: ({ context }) => context.physicalName(64) },
  'AWS::EC2::SubnetNetworkAclAssociation': {
    id: ec2Id('aclassoc'),
    attributes: { AssociationId: self },
  },
  'AWS::EC2::PrefixList': {
    id: ec2Id('pl'),
    attributes: {
      PrefixListId: self,
      OwnerId: ({ cloud }) => cloud.account,
      Version: () => 1,
      Arn: arnOf('ec2', ({ physicalId }) => `prefix-list/${physicalId}`),
    },
  },
  'AWS::EC2::LaunchTemplate': {
    id: ec2Id('lt'),
    attributes: {
      LaunchTemplateId: self,
      // Every update is a version of its own, as on AWS; the first one stays the default.
      LatestVersionNumber: ({ previous }) => String(Number(previous?.['LatestVersionNumber'] ?? 0) + 1),
      DefaultVersionNumber: () => '1',
    },
  },
};
