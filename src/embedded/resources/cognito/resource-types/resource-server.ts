/** AWS::Cognito::UserPoolResourceServer. Ref is its identifier. */
import type { Properties, ResourceType } from '../../../platform.ts';
import type { Parts } from '../parts.ts';
import { putResourceServer, resourceServers } from '../resource-servers.ts';

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
