/** EC2's describe calls for the Region and the account. */
import {
  DescribeAccountAttributes$,
  type DescribeAccountAttributesRequest,
  type DescribeAccountAttributesResult,
  DescribeAvailabilityZones$,
  type DescribeAvailabilityZonesRequest,
  type DescribeAvailabilityZonesResult,
  DescribeInstances$,
  type DescribeInstancesRequest,
  type DescribeInstancesResult,
  DescribeRegions$,
  type DescribeRegionsRequest,
  type DescribeRegionsResult,
} from '@aws-sdk/client-ec2';
import { type Cloud, type Operation, operation } from '../../platform.ts';
import { matchesFilters } from './filters.ts';

/** The Region has three zones, whichever it is. */
export const zonesOf = (region: string): { name: string; id: string }[] => {
  const [area = '', place = '', number = ''] = region.split('-');
  return ['a', 'b', 'c'].map((letter, index) => ({
    name: region + letter,
    id: `${area}${place.charAt(0)}${number}-az${index + 1}`,
  }));
};

/** Values of a new account; docs.aws.amazon.com, DescribeAccountAttributes. */
const accountAttributes: Readonly<Record<string, string>> = {
  'supported-platforms': 'VPC',
  'default-vpc': 'none',
  'max-instances': '20',
  'vpc-max-security-groups-per-interface': '5',
  'max-elastic-ips': '5',
  'vpc-max-elastic-ips': '5',
};

export const regionOperations = (cloud: Cloud): Operation[] => [
  operation<DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult>(
    DescribeAvailabilityZones$,
    (input) => ({
      AvailabilityZones: zonesOf(cloud.region)
        .filter(
          ({ name, id }) =>
            !input.ZoneNames?.length || input.ZoneNames.includes(name) || input.ZoneIds?.includes(id),
        )
        .filter(({ name, id }) =>
          matchesFilters(input.Filters, {
            'zone-name': name,
            'zone-id': id,
            state: 'available',
            'region-name': cloud.region,
            'zone-type': 'availability-zone',
            'opt-in-status': 'opt-in-not-required',
            'group-name': cloud.region,
          }),
        )
        .map(({ name, id }) => ({
          ZoneName: name,
          ZoneId: id,
          RegionName: cloud.region,
          State: 'available' as const,
          ZoneType: 'availability-zone',
          OptInStatus: 'opt-in-not-required' as const,
          GroupName: cloud.region,
          NetworkBorderGroup: cloud.region,
          Messages: [],
        })),
    }),
  ),

  operation<DescribeRegionsRequest, DescribeRegionsResult>(DescribeRegions$, (input) => ({
    Regions: [cloud.region]
      .filter((region) => !input.RegionNames?.length || input.RegionNames.includes(region))
      .filter((region) =>
        matchesFilters(input.Filters, { 'region-name': region, 'opt-in-status': 'opt-in-not-required' }),
      )
      .map((region) => ({
        RegionName: region,
        Endpoint: `ec2.${region}.amazonaws.com`,
        OptInStatus: 'opt-in-not-required',
      })),
  })),

  operation<DescribeAccountAttributesRequest, DescribeAccountAttributesResult>(
    DescribeAccountAttributes$,
    (input) => ({
      AccountAttributes: Object.entries(accountAttributes)
        .filter(
          ([name]) => !input.AttributeNames?.length || input.AttributeNames.includes(name as 'default-vpc'),
        )
        .map(([name, value]) => ({
          AttributeName: name,
          AttributeValues: [{ AttributeValue: value }],
        })),
    }),
  ),

  // Capacity providers of EC2 instances run their tasks on this machine: there are no instances to show.
  operation<DescribeInstancesRequest, DescribeInstancesResult>(DescribeInstances$, () => ({
    Reservations: [],
  })),
];
