import type { AwsService, Cloud, SsmApi } from '../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createSsm(_cloud: Cloud): AwsService & SsmApi {
  return { signingName: 'ssm', protocol: 'json-1.1', operations: [], value: missing };
}
