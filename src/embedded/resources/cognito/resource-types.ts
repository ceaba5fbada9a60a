/** Cognito's types in CloudFormation. Their properties are the API's, but for a few names. */

import { isDeepStrictEqual } from 'node:util';
import type {
  AdminCreateUserRequest,
  CreateUserPoolClientRequest,
  CreateUserPoolRequest,
  SchemaAttributeType,
  UserPoolMfaType,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import { stackTags } from '../tags.ts';
import type { ClientRecord } from './clients.ts';
import {
  createDomain,
  createProvider,
  domains,
  providers,
  putResourceServer,
  resourceServers,
  saveProvider,
} from './federation.ts';
import { addToGroup, deleteGroup, removeFromGroup } from './operations/groups.ts';
import { deletePool, setMfa } from './operations/pools.ts';
import { adminCreateUser } from './operations/users.ts';
import type { Parts } from './parts.ts';
import type { PoolRecord } from './pools.ts';
import { customName, withCustom } from './schema.ts';

const read = <T>(properties: Properties): T => properties as unknown as T;

interface PoolProperties
  extends Omit<CreateUserPoolRequest, 'PoolName' | 'UserPoolTags' | 'Schema' | 'MfaConfiguration'> {
  UserPoolName?: string;
  UserPoolTags?: Record<string, string>;
  Schema?: SchemaAttributeType[];
  MfaConfiguration?: UserPoolMfaType;
  EnabledMfas?: string[];
}

/** Texts that a template gives: the schema's constraints are numbers there or text. */
const asText = (attributes: readonly SchemaAttributeType[] = []): SchemaAttributeType[] =>
  attributes.map((attribute) => {
    const text = (constraints: object | undefined) =>
      constraints &&
      Object.fromEntries(Object.entries(constraints).map(([name, value]) => [name, String(value)]));
    return {
      ...attribute,
      ...(attribute.StringAttributeConstraints && {
        StringAttributeConstraints: text(attribute.StringAttributeConstraints),
      }),
      ...(attribute.NumberAttributeConstraints && {
        NumberAttributeConstraints: text(attribute.NumberAttributeConstraints),
      }),
    };
  });

function poolType(parts: Parts): ResourceType {
  const { pools } = parts;
  const state = (pool: PoolRecord) => {
    const issuer = pools.issuer(pool.id);
    return {
      physicalId: pool.id,
      attributes: {
        Arn: pools.arn(pool.id),
        ProviderName: issuer.replace(/^https?:\/\//, ''),
        ProviderURL: issuer,
        UserPoolId: pool.id,
      },
    };
  };
  const second = (
    pool: PoolRecord,
    { MfaConfiguration = 'OFF', EnabledMfas, SmsConfiguration }: PoolProperties,
  ) => {
    if (!EnabledMfas) return pool;
    return setMfa(parts, pool, {
      MfaConfiguration,
      SoftwareTokenMfaConfiguration: { Enabled: EnabledMfas.includes('SOFTWARE_TOKEN_MFA') },
      ...(EnabledMfas.includes('SMS_MFA') && { SmsMfaConfiguration: { SmsConfiguration } }),
    });
  };
  return {
    create(context, properties) {
      const given = read<PoolProperties>(properties);
      const pool = pools.create({
        ...given,
        PoolName: given.UserPoolName ?? context.physicalName(128),
        Schema: asText(given.Schema),
        UserPoolTags: stackTags(context.tags, given.UserPoolTags),
      });
      try {
        const complete = second(pool, given);
        parts.keys.prepare(pool.id);
        return state(complete);
      } catch (error) {
        pools.remove(pool.id);
        throw error;
      }
    },
    update(context, id, properties, previous) {
      const given = read<PoolProperties>(properties);
      for (const name of ['AliasAttributes', 'UsernameAttributes', 'UsernameConfiguration']) {
        if (!isDeepStrictEqual(properties[name], previous[name])) {
          throw new AwsError('InvalidRequest', `Updates are not allowed for property - ${name}.`);
        }
      }
      const pool = pools.get(id);
      const before = new Map(
        asText(read<PoolProperties>(previous).Schema).map((each) => [customName(each), each]),
      );
      const added = asText(given.Schema).filter((each) => {
        const known = before.get(customName(each));
        before.delete(customName(each));
        if (known && !isDeepStrictEqual(known, each)) {
          throw new AwsError('InvalidRequest', 'Existing schema attributes cannot be modified or deleted.');
        }
        return !known;
      });
      if (before.size > 0) {
        throw new AwsError('InvalidRequest', 'Existing schema attributes cannot be modified or deleted.');
      }
      const schema = withCustom(pool.schema, added);
      const updated = pools.update({
        ...given,
        UserPoolId: id,
        PoolName: given.UserPoolName ?? pool.name,
        UserPoolTags: stackTags(context.tags, given.UserPoolTags),
      });
      return state(second(pools.save({ ...updated, schema }), given));
    },
    delete(_context, id) {
      const pool = pools.find(id);
      if (pool) deletePool(parts, pool);
    },
  };
}

function clientType(parts: Parts): ResourceType {
  const { clients, pools } = parts;
  const state = (client: ClientRecord) => ({
    physicalId: client.id,
    attributes: { ClientId: client.id, ClientSecret: client.secret, Name: client.name },
  });
  return {
    replaceOn: ['UserPoolId', 'GenerateSecret'],
    create(context, properties) {
      const { UserPoolId, ...given } = read<CreateUserPoolClientRequest>(properties);
      const ClientName = given.ClientName ?? context.physicalName(128);
      return state(clients.create(pools.get(UserPoolId), { ...given, ClientName }));
    },
    update(_context, id, properties) {
      const given = read<CreateUserPoolClientRequest>(properties);
      return state(clients.update(pools.get(given.UserPoolId), { ...given, ClientId: id }));
    },
    delete(_context, id, properties) {
      const client = clients.find(String(properties['UserPoolId']), id);
      if (client) clients.remove(client);
    },
  };
}

function groupType(parts: Parts): ResourceType {
  const { groups, pools } = parts;
  interface GroupProperties {
    UserPoolId: string;
    GroupName?: string;
    Description?: string;
    RoleArn?: string;
    Precedence?: number;
  }
  return {
    replaceOn: ['UserPoolId', 'GroupName'],
    create(context, properties) {
      const { UserPoolId, GroupName, Description, RoleArn, Precedence } = read<GroupProperties>(properties);
      const { name } = groups.create(pools.get(UserPoolId).id, {
        name: GroupName ?? context.physicalName(128),
        description: Description,
        roleArn: RoleArn,
        precedence: Precedence,
      });
      return { physicalId: name };
    },
    update(_context, name, properties) {
      const { UserPoolId, Description, RoleArn, Precedence } = read<GroupProperties>(properties);
      const group = groups.get(pools.get(UserPoolId).id, name);
      groups.save(UserPoolId, {
        ...group,
        description: Description,
        roleArn: RoleArn,
        precedence: Precedence,
      });
      return { physicalId: name };
    },
    delete(_context, name, properties) {
      const pool = pools.find(String(properties['UserPoolId']));
      if (pool && groups.find(pool.id, name)) deleteGroup(parts, pool, name);
    },
  };
}

function domainType(parts: Parts): ResourceType {
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

function resourceServerType(parts: Parts): ResourceType {
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

function providerType(parts: Parts): ResourceType {
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

function userType(parts: Parts): ResourceType {
  return {
    async create(context, properties) {
      const given = read<AdminCreateUserRequest>(properties);
      const Username = given.Username ?? context.physicalName(128);
      const user = await adminCreateUser(parts, parts.pools.get(given.UserPoolId), { ...given, Username });
      return { physicalId: user.username };
    },
    delete(_context, username, properties) {
      const pool = parts.pools.find(String(properties['UserPoolId']));
      const user = pool && parts.users(pool).find(username);
      if (user) parts.users(pool).remove(user);
    },
  };
}

function membershipType(parts: Parts): ResourceType {
  return {
    create(context, properties) {
      const pool = parts.pools.get(String(properties['UserPoolId']));
      const user = parts.users(pool).get(String(properties['Username']));
      addToGroup(parts, pool, user, String(properties['GroupName']));
      return { physicalId: context.physicalName(128) };
    },
    delete(_context, _physicalId, properties) {
      const pool = parts.pools.find(String(properties['UserPoolId']));
      const user = pool && parts.users(pool).find(String(properties['Username']));
      if (user) removeFromGroup(parts, pool, user, String(properties['GroupName']));
    },
  };
}

export const resourceTypes = (parts: Parts): Record<string, ResourceType> => ({
  'AWS::Cognito::UserPool': poolType(parts),
  'AWS::Cognito::UserPoolClient': clientType(parts),
  'AWS::Cognito::UserPoolGroup': groupType(parts),
  'AWS::Cognito::UserPoolDomain': domainType(parts),
  'AWS::Cognito::UserPoolResourceServer': resourceServerType(parts),
  'AWS::Cognito::UserPoolIdentityProvider': providerType(parts),
  'AWS::Cognito::UserPoolUser': userType(parts),
  'AWS::Cognito::UserPoolUserToGroupAttachment': membershipType(parts),
});
