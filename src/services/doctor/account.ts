/** What an AWS account must offer. */
import { DescribeAvailabilityZonesCommand, EC2Client } from '@aws-sdk/client-ec2';
import type { Config } from '../../model/config.ts';
import { bootstrapNeeded, bootstrapVersion } from '../deployment/bootstrap.ts';
import type { Target } from '../environment.ts';
import { environmentFlag } from '../stopped.ts';
import { type Check, fail, pass, warn } from './check.ts';

/** Zones of the Region that the account may use. Local and Wavelength Zones don't count: no load balancer spans them. */
export async function checkRegion({ client, region, azs }: Target): Promise<Check> {
  const { AvailabilityZones = [] } = await new EC2Client(client).send(
    new DescribeAvailabilityZonesCommand({
      Filters: [
        { Name: 'state', Values: ['available'] },
        { Name: 'zone-type', Values: ['availability-zone'] },
      ],
    }),
  );
  const found = `${region} has ${AvailabilityZones.length} Availability Zones for this account`;
  return AvailabilityZones.length < azs
    ? fail('region', `${found}, and azs is ${azs}`, 'set azs to less in saas-ecs.yaml, or use another Region')
    : pass('region', `${found}; azs is ${azs}`);
}

export async function checkBootstrap(config: Config, target: Target): Promise<Check> {
  const version = await bootstrapVersion(target);
  const deploy = `saas-ecs deploy-shared${environmentFlag({ config, target })} --bootstrap`;
  if (version === undefined)
    return warn(
      'bootstrap',
      `${target.region} is not bootstrapped for the CDK`,
      `deploy-shared offers it, or: ${deploy}`,
    );
  return version < bootstrapNeeded
    ? fail(
        'bootstrap',
        `the CDK's bootstrap stack has version ${version}, and ${bootstrapNeeded} is the least`,
        `renew it: npx aws-cdk bootstrap aws://${target.account}/${target.region}`,
      )
    : pass('bootstrap', `version ${version}`);
}
