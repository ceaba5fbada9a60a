import type { AwsService, Cloud } from '../../platform.ts';

export function createEc2(_cloud: Cloud): AwsService {
  return { signingName: 'ec2', protocol: 'ec2', operations: [] };
}
