import type { AwsService, Cloud } from '../../platform.ts';

export function createApiGateway(_cloud: Cloud): AwsService {
  return { signingName: 'apigateway', protocol: 'rest-json', operations: [] };
}
