import type { AwsService, Cloud } from '../platform.ts';

export function createApplicationAutoScaling(_cloud: Cloud): AwsService {
  return { signingName: 'application-autoscaling', protocol: 'json-1.1', operations: [] };
}
