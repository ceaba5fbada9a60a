/** AWS::Cognito::UserPoolDomain, ::UserPoolResourceServer and ::UserPoolIdentityProvider. */
import { AwsError, type Properties, type ResourceType } from '../../../platform.ts';
import {
  createDomain,
  createProvider,
  domains,
  providers,
  putResourceServer,
  resourceServers,
  saveProvider,
} from '../federation.ts';
import type { Parts } from '../parts.ts';
import { read } from './read.ts';

export function domainType(parts: Parts): ResourceType {
  const { cloud, pools } = parts;
  const state = (domain: string) => ({
    physicalId: domain,
    attributes: { CloudFrontDistribution: domains(cloud).get(domain)?.cloudFront ?? '', Id: domain },
  });
  return {
    replaceOn: ['UserPoolId', 'Domain'],
    create(_context, properties) {
      const { Domain, UserPoolId, CustomDomainConfig, ManagedLoginVersion } = properties;
      const { domain } = createDomain(cloud, pools.get(String(UserPoolId)).id, String(Domain), {
        custom: CustomDomainConfig as undefined,
        managedLoginVersion: ManagedLoginVersion as number | undefined,
      });
      return state(domain);
    },
    update(_context, domain, properties) {
      const record = domains(cloud).get(domain);
      if (!record) throw new AwsError('NotFound', `Domain ${domain} does not exist.`);
      domains(cloud).put(domain, {
        ...record,
        custom: properties['CustomDomainConfig'] as undefined,
        managedLoginVersion: properties['ManagedLoginVersion'] as number | undefined,
      });
      return state(domain);
    },
    delete(_context, domain, properties) {
      if (domains(cloud).get(domain)?.poolId === properties['UserPoolId']) domains(cloud).delete(domain);
    },
  };
}

export function resourceServerType(parts: Parts): ResourceType {
  const { cloud, pools } = parts;
  const put = (properties: Properties, replace: boolean) => {
    const { identifier } = putResourceServer(
      cloud,
      pools.get(String(properties['UserPoolId'])).id,
      {
        identifier: String(properties['Identifier']),
        name: String(properties['Name']),
        scopes: (properties['Scopes'] ?? []) as { ScopeName: string; ScopeDescription: string }[],
      },
      replace,
    );
    return { physicalId: identifier };
  };
  return {
    replaceOn: ['UserPoolId', 'Identifier'],
    create: (_context, properties) => put(properties, false),
    update: (_context, _identifier, properties) => put(properties, true),
    delete(_context, identifier, properties) {
      resourceServers(cloud, String(properties['UserPoolId'])).delete(identifier);
    },
  };
}

export function providerType(parts: Parts): ResourceType {
  const { cloud, pools } = parts;
  interface ProviderProperties {
    UserPoolId: string;
    ProviderName: string;
    ProviderType: 'OIDC' | 'SAML';
    ProviderDetails?: Record<string, string>;
    AttributeMapping?: Record<string, string>;
    IdpIdentifiers?: string[];
  }
  const settings = (properties: ProviderProperties) => ({
    details: properties.ProviderDetails ?? {},
    mapping: properties.AttributeMapping ?? {},
    identifiers: properties.IdpIdentifiers ?? [],
  });
  return {
    presence: 'inert',
    replaceOn: ['UserPoolId', 'ProviderName', 'ProviderType'],
    create(_context, properties) {
      const given = read<ProviderProperties>(properties);
      const { name } = createProvider(cloud, pools.get(given.UserPoolId).id, {
        name: given.ProviderName,
        type: given.ProviderType,
        ...settings(given),
      });
      return { physicalId: name };
    },
    update(_context, name, properties) {
      const given = read<ProviderProperties>(properties);
      const provider = providers(cloud, given.UserPoolId).get(name);
      if (!provider) throw new AwsError('NotFound', `Identity provider ${name} does not exist.`);
      saveProvider(cloud, given.UserPoolId, { ...provider, ...settings(given) });
      return { physicalId: name };
    },
    delete(_context, name, properties) {
      providers(cloud, String(properties['UserPoolId'])).delete(name);
    },
  };
}
