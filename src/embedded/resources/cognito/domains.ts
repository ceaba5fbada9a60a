/** The domains of user pools: where hosted sign-in and OAuth's endpoints are. */
import { randomBytes } from 'node:crypto';
import type {
  CustomDomainConfigType,
  DomainDescriptionType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud } from '../../platform.ts';
import { invalidParameter } from './errors.ts';

export interface DomainRecord {
  domain: string;
  poolId: string;
  custom?: CustomDomainConfigType | undefined;
  managedLoginVersion?: number | undefined;
  cloudFront: string;
}

export const domains = (cloud: Cloud) => cloud.store.collection<DomainRecord>('cognito.domains');

export const domainsOf = (cloud: Cloud, poolId: string): DomainRecord[] =>
  domains(cloud)
    .values()
    .filter((domain) => domain.poolId === poolId);

/** Throws AwsError InvalidParameterException when the domain is taken or the pool has one. */
export function createDomain(
  cloud: Cloud,
  poolId: string,
  domain: string,
  options: Pick<DomainRecord, 'custom' | 'managedLoginVersion'> = {},
): DomainRecord {
  const pattern = options.custom
    ? /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/
    : /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
  if (!pattern.test(domain) || (!options.custom && /aws|amazon|cognito/.test(domain))) {
    throw invalidParameter(`Domain ${JSON.stringify(domain)} is not valid.`);
  }
  if (domains(cloud).has(domain)) throw invalidParameter('Domain already associated with another user pool.');
  if (
    domainsOf(cloud, poolId).some((each) => (each.custom === undefined) === (options.custom === undefined))
  ) {
    throw invalidParameter(
      'There is an existing domain configured for this user pool. Please delete the existing domain first before adding a new one.',
    );
  }
  const record = {
    domain,
    poolId,
    ...options,
    cloudFront: `d${randomBytes(7).toString('hex')}.cloudfront.net`,
  };
  domains(cloud).put(domain, record);
  return record;
}

export const describeDomain = (cloud: Cloud, record: DomainRecord): DomainDescriptionType => ({
  UserPoolId: record.poolId,
  AWSAccountId: cloud.account,
  Domain: record.domain,
  S3Bucket: `aws-cognito-prod-${cloud.region}-assets`,
  CloudFrontDistribution: record.cloudFront,
  Version: '20260101000000',
  Status: 'ACTIVE',
  ...(record.custom && { CustomDomainConfig: record.custom }),
  ManagedLoginVersion: record.managedLoginVersion ?? 1,
});
