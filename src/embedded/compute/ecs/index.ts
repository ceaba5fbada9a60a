import type { AwsService, Cloud } from '../../platform.ts';

export function createEcs(_cloud: Cloud): AwsService {
  return { signingName: 'ecs', protocol: 'json-1.1', operations: [] };
}
