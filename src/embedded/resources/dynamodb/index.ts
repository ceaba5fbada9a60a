import type { AwsService, Cloud } from '../../platform.ts';

export function createDynamoDb(_cloud: Cloud): AwsService {
  return { signingName: 'dynamodb', protocol: 'json-1.0', operations: [] };
}
