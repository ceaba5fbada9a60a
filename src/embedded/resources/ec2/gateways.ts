/** EC2's describe calls for gateways, addresses, endpoints, flow logs and launch templates. */
import {
  DescribeAddresses$,
  type DescribeAddressesRequest,
  type DescribeAddressesResult,
  DescribeFlowLogs$,
  type DescribeFlowLogsRequest,
  type DescribeFlowLogsResult,
  DescribeInternetGateways$,
  type DescribeInternetGatewaysRequest,
  type DescribeInternetGatewaysResult,
  DescribeLaunchTemplates$,
  type DescribeLaunchTemplatesRequest,
  type DescribeLaunchTemplatesResult,
  DescribeNatGateways$,
  type DescribeNatGatewaysRequest,
  type DescribeNatGatewaysResult,
  DescribeVpcEndpoints$,
  type DescribeVpcEndpointsRequest,
  type DescribeVpcEndpointsResult,
  DescribeVpnGateways$,
  type DescribeVpnGatewaysRequest,
  type DescribeVpnGatewaysResult,
} from '@aws-sdk/client-ec2';
import { type Cloud, type Operation, operation } from '../../platform.ts';
import { type InertResource, inertOfType } from '../inert/state.ts';
import { asked, attribute, matchesId, property, tagList } from './described.ts';
import { matchesFilters } from './filters.ts';

export function gatewayOperations(cloud: Cloud): Operation[] {
  const of = (type: string): InertResource[] => inertOfType(cloud.store, type);
  return [
    operation<DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult>(
      DescribeInternetGateways$,
      (input) => {
        const attachments = of('AWS::EC2::VPCGatewayAttachment');
        return {
          InternetGateways: asked(
            input.InternetGatewayIds,
            of('AWS::EC2::InternetGateway'),
            'InvalidInternetGatewayID.NotFound',
            'internetGateway',
          )
            .map((gateway) => ({
              gateway,
              vpcs: attachments
                .filter((entry) => property(entry, 'InternetGatewayId') === gateway.physicalId)
                .flatMap((entry) => property(entry, 'VpcId') ?? []),
            }))
            .filter(({ gateway, vpcs }) =>
              matchesFilters(
                input.Filters,
                {
                  'internet-gateway-id': gateway.physicalId,
                  'attachment.vpc-id': vpcs,
                  'attachment.state': 'available',
                },
                gateway.tags,
              ),
            )
            .map(({ gateway, vpcs }) => ({
              InternetGatewayId: gateway.physicalId,
              OwnerId: cloud.account,
              Attachments: vpcs.map((VpcId) => ({ VpcId, State: 'attached' as const })),
              Tags: tagList(gateway.tags),
            })),
        };
      },
    ),

    operation<DescribeNatGatewaysRequest, DescribeNatGatewaysResult>(DescribeNatGateways$, (input) => {
      const subnets = of('AWS::EC2::Subnet');
      return {
        NatGateways: asked(
          input.NatGatewayIds,
          of('AWS::EC2::NatGateway'),
          'NatGatewayNotFound',
          'natGateway',
        )
          .map((gateway) => ({
            gateway,
            vpcId: subnets
              .filter((subnet) => subnet.physicalId === property(gateway, 'SubnetId'))
              .map((subnet) => attribute(subnet, 'VpcId'))[0],
          }))
          .filter(({ gateway, vpcId }) =>
            matchesFilters(
              input.Filter,
              {
                'nat-gateway-id': gateway.physicalId,
                'vpc-id': vpcId,
                'subnet-id': property(gateway, 'SubnetId'),
                state: 'available',
              },
              gateway.tags,
            ),
          )
          .map(({ gateway, vpcId }) => ({
            NatGatewayId: gateway.physicalId,
            SubnetId: property(gateway, 'SubnetId'),
            VpcId: vpcId,
            State: 'available' as const,
            CreateTime: new Date(gateway.createdAt),
            NatGatewayAddresses: [{ AllocationId: property(gateway, 'AllocationId') }],
            Tags: tagList(gateway.tags),
          })),
      };
    }),

    operation<DescribeAddressesRequest, DescribeAddressesResult>(DescribeAddresses$, (input) => ({
      Addresses: of('AWS::EC2::EIP')
        .filter((address) => matchesId(input.AllocationIds, attribute(address, 'AllocationId')))
        .filter((address) => matchesId(input.PublicIps, address.physicalId))
        .filter((address) =>
          matchesFilters(
            input.Filters,
            {
              'allocation-id': attribute(address, 'AllocationId'),
              'public-ip': address.physicalId,
              domain: 'vpc',
            },
            address.tags,
          ),
        )
        .map((address) => ({
          PublicIp: address.physicalId,
          AllocationId: attribute(address, 'AllocationId'),
          Domain: 'vpc' as const,
          Tags: tagList(address.tags),
        })),
    })),

    operation<DescribeVpcEndpointsRequest, DescribeVpcEndpointsResult>(DescribeVpcEndpoints$, (input) => ({
      VpcEndpoints: asked(
        input.VpcEndpointIds,
        of('AWS::EC2::VPCEndpoint'),
        'InvalidVpcEndpointId.NotFound',
        'vpcEndpoint',
      )
        .filter((endpoint) =>
          matchesFilters(
            input.Filters,
            {
              'vpc-endpoint-id': endpoint.physicalId,
              'vpc-id': property(endpoint, 'VpcId'),
              'service-name': property(endpoint, 'ServiceName'),
              'vpc-endpoint-type': property(endpoint, 'VpcEndpointType') ?? 'Gateway',
              'vpc-endpoint-state': 'available',
            },
            endpoint.tags,
          ),
        )
        .map((endpoint) => ({
          VpcEndpointId: endpoint.physicalId,
          VpcEndpointType:
            endpoint.properties['VpcEndpointType'] === 'Interface'
              ? ('Interface' as const)
              : ('Gateway' as const),
          VpcId: property(endpoint, 'VpcId'),
          ServiceName: property(endpoint, 'ServiceName'),
          State: 'Available' as const,
          RouteTableIds: (endpoint.properties['RouteTableIds'] as string[] | undefined) ?? [],
          SubnetIds: (endpoint.properties['SubnetIds'] as string[] | undefined) ?? [],
          CreationTimestamp: new Date(endpoint.createdAt),
          Tags: tagList(endpoint.tags),
        })),
    })),

    operation<DescribeFlowLogsRequest, DescribeFlowLogsResult>(DescribeFlowLogs$, (input) => ({
      FlowLogs: of('AWS::EC2::FlowLog')
        .filter((log) => matchesId(input.FlowLogIds, log.physicalId))
        .filter((log) =>
          matchesFilters(
            input.Filter,
            {
              'resource-id': property(log, 'ResourceId'),
              'log-group-name': property(log, 'LogGroupName'),
              'log-destination-type': property(log, 'LogDestinationType') ?? 'cloud-watch-logs',
              'traffic-type': property(log, 'TrafficType'),
              'flow-log-id': log.physicalId,
            },
            log.tags,
          ),
        )
        .map((log) => ({
          FlowLogId: log.physicalId,
          FlowLogStatus: 'ACTIVE',
          ResourceId: property(log, 'ResourceId'),
          TrafficType: property(log, 'TrafficType') as 'ALL' | undefined,
          LogGroupName: property(log, 'LogGroupName'),
          LogDestination: property(log, 'LogDestination'),
          LogDestinationType: property(log, 'LogDestinationType') as 's3' | undefined,
          CreationTime: new Date(log.createdAt),
          Tags: tagList(log.tags),
        })),
    })),

    operation<DescribeLaunchTemplatesRequest, DescribeLaunchTemplatesResult>(
      DescribeLaunchTemplates$,
      (input) => ({
        LaunchTemplates: asked(
          input.LaunchTemplateIds,
          of('AWS::EC2::LaunchTemplate'),
          'InvalidLaunchTemplateId.NotFound',
          'launchTemplate',
        )
          .filter((template) =>
            matchesId(input.LaunchTemplateNames, property(template, 'LaunchTemplateName')),
          )
          .filter((template) =>
            matchesFilters(
              input.Filters,
              { 'launch-template-name': property(template, 'LaunchTemplateName') },
              template.tags,
            ),
          )
          .map((template) => ({
            LaunchTemplateId: template.physicalId,
            LaunchTemplateName: property(template, 'LaunchTemplateName') ?? template.logicalId,
            CreateTime: new Date(template.createdAt),
            DefaultVersionNumber: Number(template.attributes['DefaultVersionNumber']),
            LatestVersionNumber: Number(template.attributes['LatestVersionNumber']),
            Tags: tagList(template.tags),
          })),
      }),
    ),

    operation<DescribeVpnGatewaysRequest, DescribeVpnGatewaysResult>(DescribeVpnGateways$, () => ({
      VpnGateways: [],
    })),
  ];
}
