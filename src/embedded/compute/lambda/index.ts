import type { AwsService, Cloud, LambdaApi } from '../../platform.ts';

const missing = (): never => {
  throw new Error('not there yet');
};

export function createLambda(_cloud: Cloud): AwsService & LambdaApi {
  return { signingName: 'lambda', protocol: 'rest-json', operations: [], invoke: missing };
}
