/** A pool's resource servers with their scopes. */
import type { ResourceServerScopeType, ResourceServerType } from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud } from '../../platform.ts';
import { invalidParameter, notFound } from './errors.ts';

export interface ResourceServerRecord {
  identifier: string;
  name: string;
  scopes: ResourceServerScopeType[];
}

export const resourceServers = (cloud: Cloud, poolId: string) =>
  cloud.store.collection<ResourceServerRecord>(`cognito.resourceServers.${poolId}`);

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
