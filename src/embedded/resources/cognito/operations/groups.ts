/** Groups and who is in them. */
import {
  AdminAddUserToGroup$,
  type AdminAddUserToGroupCommandInput,
  AdminListGroupsForUser$,
  type AdminListGroupsForUserCommandInput,
  AdminRemoveUserFromGroup$,
  type AdminRemoveUserFromGroupCommandInput,
  CreateGroup$,
  type CreateGroupCommandInput,
  DeleteGroup$,
  type DeleteGroupCommandInput,
  GetGroup$,
  type GetGroupCommandInput,
  ListGroups$,
  type ListGroupsCommandInput,
  ListUsersInGroup$,
  type ListUsersInGroupCommandInput,
  UpdateGroup$,
  type UpdateGroupCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import { pageOf } from '../../pages.ts';
import { limitExceeded } from '../errors.ts';
import { describeGroup } from '../groups.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { describeUser, type UserRecord } from '../users.ts';
import { pageLimit } from './list-users.ts';
import { onPool } from './making.ts';

/** Cognito's quota. */
const maxGroupsPerUser = 100;
const badToken = 'InvalidParameterException';

/** Throws AwsError when user or group is missing. Being in the group already is no error. */
export function addToGroup(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  group: string | undefined,
): void {
  const { name } = parts.groups.get(pool.id, group);
  if (user.groups.includes(name)) return;
  if (user.groups.length >= maxGroupsPerUser) {
    throw limitExceeded(`A user can be in at most ${maxGroupsPerUser} groups.`);
  }
  parts.users(pool).save({ ...user, groups: [...user.groups, name] });
}

export function removeFromGroup(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  group: string | undefined,
): void {
  if (!user.groups.includes(group ?? '')) return;
  parts.users(pool).save({ ...user, groups: user.groups.filter((name) => name !== group) });
}

/** Its members stay users. */
export function deleteGroup(parts: Parts, pool: PoolRecord, name: string): void {
  const users = parts.users(pool);
  for (const key of [...users.keys(name)]) {
    const user = users.byKey(key);
    if (user) removeFromGroup(parts, pool, user, name);
  }
  parts.groups.remove(pool.id, name);
}

export function groupOperations(parts: Parts): Operation[] {
  const { groups } = parts;
  return [
    onPool(parts, CreateGroup$, (input: CreateGroupCommandInput, pool) => ({
      Group: describeGroup(
        pool.id,
        groups.create(pool.id, {
          name: input.GroupName ?? '',
          description: input.Description,
          roleArn: input.RoleArn,
          precedence: input.Precedence,
        }),
      ),
    })),
    onPool(parts, GetGroup$, (input: GetGroupCommandInput, pool) => ({
      Group: describeGroup(pool.id, groups.get(pool.id, input.GroupName)),
    })),
    onPool(parts, UpdateGroup$, (input: UpdateGroupCommandInput, pool) => {
      const group = groups.get(pool.id, input.GroupName);
      const saved = groups.save(pool.id, {
        ...group,
        description: input.Description ?? group.description,
        roleArn: input.RoleArn ?? group.roleArn,
        precedence: input.Precedence ?? group.precedence,
      });
      return { Group: describeGroup(pool.id, saved) };
    }),
    onPool(parts, DeleteGroup$, (input: DeleteGroupCommandInput, pool) => {
      deleteGroup(parts, pool, groups.get(pool.id, input.GroupName).name);
      return {};
    }),
    onPool(parts, ListGroups$, (input: ListGroupsCommandInput, pool) => {
      const page = pageOf(
        groups.all(pool.id),
        ({ name }) => name,
        pageLimit(input.Limit),
        input.NextToken,
        badToken,
      );
      return { Groups: page.items.map((group) => describeGroup(pool.id, group)), NextToken: page.next };
    }),
    onPool(parts, AdminAddUserToGroup$, (input: AdminAddUserToGroupCommandInput, pool) => {
      addToGroup(parts, pool, parts.users(pool).get(input.Username), input.GroupName);
      return {};
    }),
    onPool(parts, AdminRemoveUserFromGroup$, (input: AdminRemoveUserFromGroupCommandInput, pool) => {
      groups.get(pool.id, input.GroupName);
      removeFromGroup(parts, pool, parts.users(pool).get(input.Username), input.GroupName);
      return {};
    }),
    onPool(parts, AdminListGroupsForUser$, (input: AdminListGroupsForUserCommandInput, pool) => {
      const names = [...parts.users(pool).get(input.Username).groups].sort();
      const page = pageOf(names, (name) => name, pageLimit(input.Limit), input.NextToken, badToken);
      const found = page.items.flatMap((name) => groups.find(pool.id, name) ?? []);
      return { Groups: found.map((group) => describeGroup(pool.id, group)), NextToken: page.next };
    }),
    onPool(parts, ListUsersInGroup$, (input: ListUsersInGroupCommandInput, pool) => {
      const { name } = groups.get(pool.id, input.GroupName);
      const users = parts.users(pool);
      const page = pageOf(users.keys(name), (key) => key, pageLimit(input.Limit), input.NextToken, badToken);
      const members = page.items.flatMap((key) => users.byKey(key) ?? []);
      return { Users: members.map((user) => describeUser(user)), NextToken: page.next };
    }),
  ];
}
