/** What EC2 knows of a load balancer's subnets. Subnets that it doesn't know are taken as they are named. */
import type { AvailabilityZone } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud } from '../../platform.ts';
import { inertKey, inertResources } from '../../resources/inert/state.ts';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Zones and VPC of subnets. Throws AwsError ValidationError unless they lie in two zones at least. */
export function placement(
  cloud: Pick<Cloud, 'store'>,
  subnets: readonly string[],
): { zones: AvailabilityZone[]; vpcId: string | undefined } {
  const known = subnets.map((SubnetId) => {
    const found = inertResources(cloud.store).get(inertKey('AWS::EC2::Subnet', SubnetId));
    return {
      SubnetId,
      zone: textOf(found?.attributes['AvailabilityZone']),
      vpcId: textOf(found?.attributes['VpcId']) ?? textOf(found?.properties['VpcId']),
    };
  });
  const places = new Set(known.map(({ SubnetId, zone }) => zone ?? SubnetId));
  if (places.size < 2)
    throw new AwsError(
      'ValidationError',
      'At least two subnets in two different Availability Zones must be specified',
    );
  return {
    zones: known.map(({ SubnetId, zone }) => ({ SubnetId, ...(zone !== undefined && { ZoneName: zone }) })),
    vpcId: known.find(({ vpcId }) => vpcId !== undefined)?.vpcId,
  };
}
