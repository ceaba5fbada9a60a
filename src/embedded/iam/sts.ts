import type { AwsService, Cloud, StsApi } from '../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createSts(_cloud: Cloud): AwsService & StsApi {
  return {
    signingName: 'sts',
    protocol: 'query',
    operations: [],
    issueForService: missing,
    principalOf: missing,
  };
}
