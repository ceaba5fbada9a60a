/** AWS::Cognito::UserPoolIdentityProvider. Ref is its name. */
import type { ResourceType } from '../../../platform.ts';
import { createProvider, providers, updateProvider } from '../federation/providers.ts';
import type { Parts } from '../parts.ts';
import { read } from './read.ts';

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
    replaceOn: ['UserPoolId', 'ProviderName', 'ProviderType'],
    create(_context, properties) {
      const given = read<ProviderProperties>(properties);
      const { name } = createProvider(cloud, pools.get(given.UserPoolId), {
        name: given.ProviderName,
        type: given.ProviderType,
        ...settings(given),
      });
      return { physicalId: name };
    },
    update(_context, name, properties) {
      const given = read<ProviderProperties>(properties);
      updateProvider(cloud, pools.get(given.UserPoolId), name, settings(given));
      return { physicalId: name };
    },
    delete(_context, name, properties) {
      providers(cloud, String(properties['UserPoolId'])).delete(name);
    },
  };
}
