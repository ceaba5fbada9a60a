import type { AwsService, Cloud, SecretsApi } from '../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createSecretsManager(_cloud: Cloud): AwsService & SecretsApi {
  return { signingName: 'secretsmanager', protocol: 'json-1.1', operations: [], value: missing };
}
