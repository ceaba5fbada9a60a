import type { AwsService, Cloud, CognitoApi } from '../../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createCognito(_cloud: Cloud): AwsService & CognitoApi {
  return { signingName: 'cognito-idp', protocol: 'json-1.1', operations: [], outbox: missing };
}
