/** EC2's describe calls for VPCs, subnets, security groups and routes, answered from what the templates made. */
import {
  DescribeNetworkInterfaces$,
  type DescribeNetworkInterfacesRequest,
  type DescribeNetworkInterfacesResult,
  DescribeRouteTables$,
  type DescribeRouteTablesRequest,
  type DescribeRouteTablesResult,
  DescribeSecurityGroupRules$,
  type DescribeSecurityGroupRulesRequest,
  type DescribeSecurityGroupRulesResult,
  DescribeSecurityGroups$,
  type DescribeSecurityGroupsRequest,
  type DescribeSecurityGroupsResult,
  DescribeSubnets$,
  type DescribeSubnetsRequest,
  type DescribeSubnetsResult,
  DescribeVpcs$,
  type DescribeVpcsRequest,
  type DescribeVpcsResult,
  type IpPermission,
  type Route,
} from '@aws-sdk/client-ec2';
import { arn, type Cloud, type Operation, operation } from '../../platform.ts';
import { type InertResource, inertOfType } from '../inert/state.ts';
import { asked, attribute, property, tagList } from './described.ts';
import { matchesFilters, requireIds } from './filters.ts';
import { type SecurityGroupRule, securityGroups } from './security-groups.ts';

export function networkOperations(cloud: Cloud): Operation[] {
  const of = (type: string): InertResource[] => inertOfType(cloud.store, type);
  return [
    operation<DescribeVpcsRequest, DescribeVpcsResult>(DescribeVpcs$, (input) => ({
      Vpcs: asked(input.VpcIds, of('AWS::EC2::VPC'), 'InvalidVpcID.NotFound', 'vpc')
        .filter((vpc) =>
          matchesFilters(
            input.Filters,
            {
              'vpc-id': vpc.physicalId,
              cidr: attribute(vpc, 'CidrBlock'),
              state: 'available',
              'is-default': 'false',
              isDefault: 'false',
              'owner-id': cloud.account,
            },
            vpc.tags,
          ),
        )
        .map((vpc) => ({
          VpcId: vpc.physicalId,
          CidrBlock: attribute(vpc, 'CidrBlock'),
          State: 'available',
          IsDefault: false,
          InstanceTenancy: 'default',
          OwnerId: cloud.account,
          DhcpOptionsId: 'default',
          CidrBlockAssociationSet: [
            {
              AssociationId: (vpc.attributes['CidrBlockAssociations'] as string[] | undefined)?.[0],
              CidrBlock: attribute(vpc, 'CidrBlock'),
              CidrBlockState: { State: 'associated' },
            },
          ],
          Tags: tagList(vpc.tags),
        })),
    })),

    operation<DescribeSubnetsRequest, DescribeSubnetsResult>(DescribeSubnets$, (input) => ({
      Subnets: asked(input.SubnetIds, of('AWS::EC2::Subnet'), 'InvalidSubnetID.NotFound', 'subnet')
        .filter((subnet) =>
          matchesFilters(
            input.Filters,
            {
              'subnet-id': subnet.physicalId,
              'vpc-id': attribute(subnet, 'VpcId'),
              'cidr-block': attribute(subnet, 'CidrBlock'),
              'availability-zone': attribute(subnet, 'AvailabilityZone'),
              'availability-zone-id': attribute(subnet, 'AvailabilityZoneId'),
              state: 'available',
              'default-for-az': 'false',
              'owner-id': cloud.account,
            },
            subnet.tags,
          ),
        )
        .map((subnet) => ({
          SubnetId: subnet.physicalId,
          SubnetArn: arn(cloud, 'ec2', `subnet/${subnet.physicalId}`),
          VpcId: attribute(subnet, 'VpcId'),
          CidrBlock: attribute(subnet, 'CidrBlock'),
          AvailabilityZone: attribute(subnet, 'AvailabilityZone'),
          AvailabilityZoneId: attribute(subnet, 'AvailabilityZoneId'),
          AvailableIpAddressCount: addressCount(attribute(subnet, 'CidrBlock')),
          MapPublicIpOnLaunch: subnet.properties['MapPublicIpOnLaunch'] === true,
          DefaultForAz: false,
          State: 'available',
          OwnerId: cloud.account,
          Tags: tagList(subnet.tags),
        })),
    })),

    operation<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult>(
      DescribeSecurityGroups$,
      (input) => {
        const groups = securityGroups(cloud);
        requireIds(
          input.GroupIds,
          groups.map((group) => group.groupId),
          'InvalidGroup.NotFound',
          'security group',
        );
        return {
          SecurityGroups: groups
            .filter((group) => !input.GroupIds?.length || input.GroupIds.includes(group.groupId))
            .filter((group) => !input.GroupNames?.length || input.GroupNames.includes(group.name))
            .filter((group) =>
              matchesFilters(
                input.Filters,
                {
                  'group-id': group.groupId,
                  'group-name': group.name,
                  'vpc-id': group.vpcId,
                  description: group.description,
                  'owner-id': cloud.account,
                  'ip-permission.group-id': group.rules
                    .filter((rule) => rule.direction === 'ingress')
                    .flatMap((rule) => rule.groupId ?? []),
                },
                group.tags,
              ),
            )
            .map((group) => ({
              GroupId: group.groupId,
              GroupName: group.name,
              Description: group.description,
              VpcId: group.vpcId,
              OwnerId: cloud.account,
              SecurityGroupArn: arn(cloud, 'ec2', `security-group/${group.groupId}`),
              IpPermissions: group.rules
                .filter((rule) => rule.direction === 'ingress')
                .map(permission(cloud)),
              IpPermissionsEgress: group.rules
                .filter((rule) => rule.direction === 'egress')
                .map(permission(cloud)),
              Tags: tagList(group.tags),
            })),
        };
      },
    ),

    operation<DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult>(
      DescribeSecurityGroupRules$,
      (input) => ({
        SecurityGroupRules: securityGroups(cloud).flatMap((group) =>
          group.rules
            .filter(
              (rule) => !input.SecurityGroupRuleIds?.length || input.SecurityGroupRuleIds.includes(rule.id),
            )
            .filter((rule) =>
              matchesFilters(input.Filters, { 'group-id': group.groupId, 'security-group-rule-id': rule.id }),
            )
            .map((rule) => ({
              SecurityGroupRuleId: rule.id,
              GroupId: group.groupId,
              GroupOwnerId: cloud.account,
              IsEgress: rule.direction === 'egress',
              IpProtocol: rule.protocol,
              FromPort: rule.fromPort,
              ToPort: rule.toPort,
              CidrIpv4: rule.cidr,
              ReferencedGroupInfo: rule.groupId === undefined ? undefined : { GroupId: rule.groupId },
              Description: rule.description,
            })),
        ),
      }),
    ),

    // Tasks are processes on this machine: they have loopback addresses, and no network interfaces.
    operation<DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult>(
      DescribeNetworkInterfaces$,
      () => ({
        NetworkInterfaces: [],
      }),
    ),

    operation<DescribeRouteTablesRequest, DescribeRouteTablesResult>(DescribeRouteTables$, (input) => {
      const associations = of('AWS::EC2::SubnetRouteTableAssociation');
      const routes = of('AWS::EC2::Route');
      return {
        RouteTables: asked(
          input.RouteTableIds,
          of('AWS::EC2::RouteTable'),
          'InvalidRouteTableID.NotFound',
          'routeTable',
        )
          .map((table) => ({
            table,
            subnets: associations.filter((entry) => property(entry, 'RouteTableId') === table.physicalId),
          }))
          .filter(({ table, subnets }) =>
            matchesFilters(
              input.Filters,
              {
                'route-table-id': table.physicalId,
                'vpc-id': property(table, 'VpcId'),
                'association.subnet-id': subnets.flatMap((entry) => property(entry, 'SubnetId') ?? []),
                'association.main': 'false',
                'owner-id': cloud.account,
              },
              table.tags,
            ),
          )
          .map(({ table, subnets }) => ({
            RouteTableId: table.physicalId,
            VpcId: property(table, 'VpcId'),
            OwnerId: cloud.account,
            Associations: subnets.map((entry) => ({
              Main: false,
              RouteTableAssociationId: entry.physicalId,
              RouteTableId: table.physicalId,
              SubnetId: property(entry, 'SubnetId'),
              AssociationState: { State: 'associated' as const },
            })),
            Routes: [
              ...localRoute(of('AWS::EC2::VPC'), property(table, 'VpcId')),
              ...routes.filter((route) => property(route, 'RouteTableId') === table.physicalId).map(routeOf),
            ],
            Tags: tagList(table.tags),
          })),
      };
    }),
  ];
}

/** Addresses of a subnet, less the five that AWS keeps for itself. */
function addressCount(cidr: string | undefined): number {
  const bits = Number(cidr?.split('/')[1] ?? 32);
  return Math.max(0, 2 ** (32 - bits) - 5);
}

const permission =
  (cloud: Cloud) =>
  (rule: SecurityGroupRule): IpPermission => {
    const v6 = rule.cidr?.includes(':') ?? false;
    const description = rule.description === undefined ? {} : { Description: rule.description };
    return {
      IpProtocol: rule.protocol,
      ...(rule.protocol === '-1' ? {} : { FromPort: rule.fromPort, ToPort: rule.toPort }),
      IpRanges: rule.cidr !== undefined && !v6 ? [{ CidrIp: rule.cidr, ...description }] : [],
      Ipv6Ranges: rule.cidr !== undefined && v6 ? [{ CidrIpv6: rule.cidr, ...description }] : [],
      UserIdGroupPairs:
        rule.groupId === undefined ? [] : [{ GroupId: rule.groupId, UserId: cloud.account, ...description }],
      PrefixListIds: [],
    };
  };

const localRoute = (vpcs: readonly InertResource[], vpcId: string | undefined): Route[] =>
  vpcs
    .filter((vpc) => vpc.physicalId === vpcId)
    .map((vpc) => ({
      DestinationCidrBlock: attribute(vpc, 'CidrBlock'),
      GatewayId: 'local',
      Origin: 'CreateRouteTable',
      State: 'active',
    }));

const routeOf = (route: InertResource): Route => ({
  DestinationCidrBlock: property(route, 'DestinationCidrBlock'),
  DestinationIpv6CidrBlock: property(route, 'DestinationIpv6CidrBlock'),
  DestinationPrefixListId: property(route, 'DestinationPrefixListId'),
  GatewayId: property(route, 'GatewayId') ?? property(route, 'VpcEndpointId'),
  NatGatewayId: property(route, 'NatGatewayId'),
  NetworkInterfaceId: property(route, 'NetworkInterfaceId'),
  Origin: 'CreateRoute',
  State: 'active',
});
