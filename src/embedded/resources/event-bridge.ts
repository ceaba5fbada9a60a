import type { AwsService, Cloud } from '../platform.ts';

export function createEventBridge(_cloud: Cloud): AwsService {
  return { signingName: 'events', protocol: 'json-1.1', operations: [] };
}
