/** Addresses that are formed from ids: in a Region of AWS, or where `AWS_ENDPOINT_URL` leads programs instead. */
export interface Addresses {
  /** Base URL of an API stage, without a trailing slash. */
  apiUrl(restApiId: string, stage: string): string;
  /** Where the user pool domain of that prefix gives tokens. */
  tokenUrl(domain: string): string;
  /** Base URL of the hosted sign-in at the user pool domain of that prefix. */
  signInUrl(domain: string): string;
  /** HTTPS URL of an object, as CloudFormation's TemplateURL wants it. */
  objectUrl(bucket: string, key: string): string;
}

/** `endpoint` without a trailing slash; undefined or empty for AWS itself. */
export const addressesOf = (region: string, endpoint: string | undefined): Addresses =>
  endpoint ? addressesAt(endpoint) : addressesIn(region);

export const addressesAt = (endpoint: string): Addresses => ({
  apiUrl: (restApiId, stage) => `${endpoint}/_aws/execute-api/${restApiId}/${stage}`,
  objectUrl: (bucket, key) => `${endpoint}/${bucket}/${key}`,
  tokenUrl: (domain) => `${endpoint}/_aws/cognito-domain/${domain}/oauth2/token`,
  signInUrl: (domain) => `${endpoint}/_aws/cognito-domain/${domain}`,
});

function addressesIn(region: string): Addresses {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    apiUrl: (restApiId, stage) => `https://${restApiId}.execute-api.${region}.${suffix}/${stage}`,
    objectUrl: (bucket, key) => `https://${bucket}.s3.${region}.${suffix}/${key}`,
    tokenUrl: (domain) => `https://${domain}.auth.${region}.amazoncognito.com/oauth2/token`,
    signInUrl: (domain) => `https://${domain}.auth.${region}.amazoncognito.com`,
  };
}
