/** AWS::Cognito::UserPoolGroup, ::UserPoolUser and ::UserPoolUserToGroupAttachment. */
import type { AdminCreateUserRequest } from '@aws-sdk/client-cognito-identity-provider';
import type { ResourceType } from '../../../platform.ts';
import { addToGroup, deleteGroup, removeFromGroup } from '../operations/groups.ts';
import { adminCreateUser } from '../operations/users.ts';
import type { Parts } from '../parts.ts';
import { read } from './read.ts';

export function groupType(parts: Parts): ResourceType {
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

export function userType(parts: Parts): ResourceType {
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

export function membershipType(parts: Parts): ResourceType {
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
