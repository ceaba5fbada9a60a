import type { AwsService, Cloud, CloudFormationApi } from '../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createCloudFormation(_cloud: Cloud): AwsService & CloudFormationApi {
  return { signingName: 'cloudformation', protocol: 'query', operations: [], resourceType: missing };
}
