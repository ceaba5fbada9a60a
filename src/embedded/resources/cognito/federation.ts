/** A pool's domain, resource servers with their scopes, and identity providers (kept and described: nobody signs in through them yet). */
import { randomBytes } from 'node:crypto';
import type {
  CustomDomainConfigType,
  DomainDescriptionType,
  IdentityProviderType,
  ResourceServerScopeType,
  ResourceServerType,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import { invalidParameter, notFound } from './errors.ts';

export interface DomainRecord {
  domain: string;
  poolId: string;
  custom?: CustomDomainConfigType | undefined;
  managedLoginVersion?: number | undefined;
  cloudFront: string;
}

export interface ResourceServerRecord {
  identifier: string;
  name: string;
  scopes: ResourceServerScopeType[];
}

export interface ProviderRecord {
  name: string;
  type: NonNullable<IdentityProviderType['ProviderType']>;
  details: Record<string, string>;
  mapping: Record<string, string>;
  identifiers: string[];
  /** ISO 8601 */
  created: string;
  modified: string;
}

export const domains = (cloud: Cloud) => cloud.store.collection<DomainRecord>('cognito.domains');
export const resourceServers = (cloud: Cloud, poolId: string) =>
  cloud.store.collection<ResourceServerRecord>(`cognito.resourceServers.${poolId}`);
export const providers = (cloud: Cloud, poolId: string) =>
  cloud.store.collection<ProviderRecord>(`cognito.providers.${poolId}`);

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

/** Creates or, with `replace`, changes. Throws AwsError InvalidParameterException or ResourceNotFoundException. */
export function putResourceServer(
  cloud: Cloud,
  poolId: string,
  server: ResourceServerRecord,
  replace: boolean,
): ResourceServerRecord {
  const collection = resourceServers(cloud, poolId);
  if (collection.has(server.identifier) !== replace) {
    throw replace
      ? notFound(`Resource server ${server.identifier} does not exist.`)
      : invalidParameter(`${server.identifier} already exists in user pool ${poolId}.`);
  }
  if (server.scopes.length > 100) throw invalidParameter('A resource server can have at most 100 scopes.');
  collection.put(server.identifier, server);
  return server;
}

/** The scopes of a pool's resource servers, as clients name them: `<identifier>/<scope>`. */
export const scopesOf = (cloud: Cloud, poolId: string): ReadonlySet<string> =>
  new Set(
    resourceServers(cloud, poolId)
      .values()
      .flatMap(({ identifier, scopes }) => scopes.map(({ ScopeName }) => `${identifier}/${ScopeName}`)),
  );

export const describeResourceServer = (
  poolId: string,
  { identifier, name, scopes }: ResourceServerRecord,
): ResourceServerType => ({ UserPoolId: poolId, Identifier: identifier, Name: name, Scopes: scopes });

/** Throws AwsError DuplicateProviderException or InvalidParameterException. */
export function createProvider(
  cloud: Cloud,
  poolId: string,
  provider: Omit<ProviderRecord, 'created' | 'modified'>,
): ProviderRecord {
  const collection = providers(cloud, poolId);
  if (collection.has(provider.name)) {
    throw new AwsError(
      'DuplicateProviderException',
      `Identity Provider with name ${provider.name} already exists.`,
    );
  }
  if (!/^[^_][\p{L}\p{M}\p{S}\p{N}\p{P}]{1,30}[^_]$/u.test(provider.name)) {
    throw invalidParameter(`Provider name ${JSON.stringify(provider.name)} is not valid.`);
  }
  return saveProvider(cloud, poolId, {
    ...provider,
    created: new Date(cloud.clock.now()).toISOString(),
    modified: '',
  });
}

export function saveProvider(cloud: Cloud, poolId: string, provider: ProviderRecord): ProviderRecord {
  const saved = { ...provider, modified: new Date(cloud.clock.now()).toISOString() };
  providers(cloud, poolId).put(provider.name, saved);
  return saved;
}

export const describeProvider = (poolId: string, provider: ProviderRecord): IdentityProviderType => ({
  UserPoolId: poolId,
  ProviderName: provider.name,
  ProviderType: provider.type,
  ProviderDetails: provider.details,
  AttributeMapping: provider.mapping,
  IdpIdentifiers: provider.identifiers,
  // The endpoint makes dates of the text.
  CreationDate: provider.created as unknown as Date,
  LastModifiedDate: provider.modified as unknown as Date,
});

export const sortedBy = <T>(items: readonly T[], keyOf: (item: T) => string): T[] =>
  [...items].sort((left, right) => compareText(keyOf(left), keyOf(right)));
