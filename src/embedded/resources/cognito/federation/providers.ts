/** A pool's identity providers: what is kept of them, and what may be. */
import type { IdentityProviderType } from '@aws-sdk/client-cognito-identity-provider';
import { isLoopback } from '../../../endpoint/server.ts';
import { AwsError, type Cloud } from '../../../platform.ts';
import { invalidParameter, limitExceeded, notFound } from '../errors.ts';
import type { PoolRecord } from '../pools.ts';
import { parseMetadata } from './saml-metadata.ts';

export interface ProviderSettings {
  /** As CreateIdentityProvider takes them (API reference, CreateIdentityProvider, ProviderDetails). */
  details: Record<string, string>;
  /** The pool's attributes, and which of the provider's fills each. */
  mapping: Record<string, string>;
  /** Further names, by which `idp_identifier` finds the provider. */
  identifiers: string[];
}

export interface ProviderRecord extends ProviderSettings {
  name: string;
  type: NonNullable<IdentityProviderType['ProviderType']>;
  /** ISO 8601 */
  created: string;
  modified: string;
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html: adjustable to 1,000. */
const maxProviders = 300;
const maxIdentifiers = 50;

export const providers = (cloud: Cloud, poolId: string) =>
  cloud.store.collection<ProviderRecord>(`cognito.providers.${poolId}`);

export const providerById = (cloud: Cloud, poolId: string, identifier: string): ProviderRecord | undefined =>
  providers(cloud, poolId)
    .values()
    .find(({ identifiers }) => identifiers.includes(identifier));

/** Throws AwsError DuplicateProviderException, LimitExceededException or InvalidParameterException. */
export function createProvider(
  cloud: Cloud,
  pool: PoolRecord,
  provider: Omit<ProviderRecord, 'created' | 'modified'>,
): ProviderRecord {
  const collection = providers(cloud, pool.id);
  if (collection.has(provider.name)) {
    throw duplicate(`Identity Provider with name ${provider.name} already exists.`);
  }
  if (
    provider.name === 'COGNITO' ||
    !/^[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}]{1,30}[^_\p{Z}]$/u.test(provider.name)
  ) {
    throw invalidParameter(`Provider name ${JSON.stringify(provider.name)} is not valid.`);
  }
  if (collection.keys().length >= maxProviders) {
    throw limitExceeded(`The user pool has its limit of ${maxProviders} identity providers.`);
  }
  const at = new Date(cloud.clock.now()).toISOString();
  return save(cloud, pool, { ...provider, created: at, modified: at });
}

/** Throws AwsError ResourceNotFoundException, DuplicateProviderException or InvalidParameterException. */
export function updateProvider(
  cloud: Cloud,
  pool: PoolRecord,
  name: string,
  changes: { [Setting in keyof ProviderSettings]?: ProviderSettings[Setting] | undefined },
): ProviderRecord {
  const provider = providers(cloud, pool.id).get(name);
  if (!provider) throw notFound(`Identity provider ${name} does not exist.`);
  return save(cloud, pool, {
    ...provider,
    details: changes.details ?? provider.details,
    mapping: changes.mapping ?? provider.mapping,
    identifiers: changes.identifiers ?? provider.identifiers,
    modified: new Date(cloud.clock.now()).toISOString(),
  });
}

function save(cloud: Cloud, pool: PoolRecord, provider: ProviderRecord): ProviderRecord {
  checkMapping(pool, provider.mapping);
  checkIdentifiers(cloud, pool, provider);
  if (provider.type === 'OIDC') checkOidc(provider.details);
  if (provider.type === 'SAML') checkSaml(provider.details, cloud.clock.now());
  providers(cloud, pool.id).put(provider.name, provider);
  return provider;
}

const duplicate = (message: string) => new AwsError('DuplicateProviderException', message);

/** Whether an attribute may be written is found out at sign-in, as it depends on the client too. */
function checkMapping(pool: PoolRecord, mapping: Record<string, string>): void {
  const known = new Set(['username', ...pool.schema.map(({ Name }) => Name)]);
  const unknown = Object.keys(mapping).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw invalidParameter(`The user pool has no attribute ${unknown.join(', ')} to be mapped.`);
  }
}

function checkIdentifiers(cloud: Cloud, pool: PoolRecord, { name, identifiers }: ProviderRecord): void {
  if (identifiers.length > maxIdentifiers) {
    throw invalidParameter(`An identity provider has at most ${maxIdentifiers} identifiers.`);
  }
  for (const identifier of identifiers) {
    if (!/^[\w\s+=.@-]{1,40}$/.test(identifier)) {
      throw invalidParameter(`Identifier ${JSON.stringify(identifier)} is not valid.`);
    }
    const other = providerById(cloud, pool.id, identifier);
    if (other && other.name !== name) {
      throw duplicate(`Identity Provider ${other.name} has the identifier ${identifier} already.`);
    }
  }
}

function required(details: Record<string, string>, names: readonly string[]): void {
  const missing = names.filter((name) => !details[name]);
  if (missing.length > 0) {
    throw invalidParameter(`The provider details lack ${missing.join(', ')}.`);
  }
}

function checkOidc(details: Record<string, string>): void {
  required(details, ['client_id', 'authorize_scopes', 'attributes_request_method', 'oidc_issuer']);
  if (!['GET', 'POST'].includes(details['attributes_request_method'] ?? '')) {
    throw invalidParameter('attributes_request_method must be GET or POST.');
  }
  if (!(details['authorize_scopes'] ?? '').split(/\s+/).includes('openid')) {
    throw invalidParameter('authorize_scopes must include openid.');
  }
  for (const name of ['oidc_issuer', 'authorize_url', 'token_url', 'attributes_url', 'jwks_uri']) {
    const url = details[name];
    if (url !== undefined) checkUrl(name, url);
  }
}

/** "The signing certificate must not be expired when you configure the provider" (Things to know about SAML IdPs). */
function checkSaml(details: Record<string, string>, now: number): void {
  const { MetadataFile: file, MetadataURL: url } = details;
  if ((file === undefined) === (url === undefined)) {
    throw invalidParameter('A SAML provider needs either MetadataFile or MetadataURL.');
  }
  if (file === undefined) checkUrl('MetadataURL', url ?? '');
  else if (parseMetadata(file).validUntil <= now) {
    throw invalidParameter('The signing certificate of the SAML metadata has expired.');
  }
  for (const name of ['EncryptedResponses', 'RequestSigningAlgorithm', 'IDPInit']) {
    const value = details[name];
    if (value !== undefined && value !== 'false') {
      throw invalidParameter(`The embedded cloud has no ${name} of SAML providers.`);
    }
  }
}

/** On AWS they are https; what is on this machine may do without. */
function checkUrl(name: string, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.host))) return;
  throw invalidParameter(`${name} must be an https URL, and ${JSON.stringify(text)} is none.`);
}

/** With what Cognito adds to the details by itself. */
export function describeProvider(poolId: string, provider: ProviderRecord): IdentityProviderType {
  const file = provider.details['MetadataFile'];
  const metadata = provider.type === 'SAML' && file !== undefined ? parseMetadata(file) : undefined;
  return {
    UserPoolId: poolId,
    ProviderName: provider.name,
    ProviderType: provider.type,
    ProviderDetails: {
      ...provider.details,
      ...(metadata && { SSORedirectBindingURI: metadata.signInUrl }),
      ...(metadata?.signOutUrl && { SLORedirectBindingURI: metadata.signOutUrl }),
      ...(provider.type === 'OIDC' && { attributes_url_add_attributes: 'false' }),
    },
    AttributeMapping: provider.mapping,
    IdpIdentifiers: provider.identifiers,
    // The endpoint makes dates of the text.
    CreationDate: provider.created as unknown as Date,
    LastModifiedDate: provider.modified as unknown as Date,
  };
}
