import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminGetUserCommand,
  AdminUpdateUserAttributesCommand,
  type AttributeType,
  CognitoIdentityProviderClient,
  ListUsersInGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { tenantAttributes, type UserRole, userRoles } from '../../../model/tenant.ts';
import { badRequest, conflict, unavailable } from '../kit/http-error.ts';
import type { Caller } from '../kit/identity.ts';

/** A user as the API shows it; `id` is Cognito's username, `username` the name that the user was given. */
export interface User {
  id: string;
  username: string;
  email: string;
  role: string;
  /** Cognito's, e.g. `FORCE_CHANGE_PASSWORD`, `CONFIRMED`. */
  status: string;
  enabled: boolean;
  /** ISO 8601. */
  created: string;
  modified: string;
}

export interface UserFields {
  userName?: string | undefined;
  userEmail?: string | undefined;
  userRole?: UserRole | undefined;
}

/** The users of the caller's tenant; those of others don't exist here. */
export interface Directory {
  list(
    tenantId: string,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ users: User[]; last: string | undefined }>;
  get(tenantId: string, id: string): Promise<User | undefined>;
  /** Invites a user by mail into the caller's tenant. Throws a 409 when the address is taken, by whomever. */
  invite(caller: Caller, user: { userName: string; userEmail: string; userRole: UserRole }): Promise<User>;
  update(tenantId: string, id: string, fields: UserFields): Promise<User | undefined>;
  remove(tenantId: string, id: string): Promise<boolean>;
}

/** Reads and writes a user pool's users by the task's role; the group named like the tenant holds the tenant's users. */
export function createDirectory(region: string, userPoolId: string): Directory {
  const client = new CognitoIdentityProviderClient({ region, maxAttempts: 4 });
  const UserPoolId = userPoolId;

  async function find(tenantId: string, id: string): Promise<User | undefined> {
    const answer = await sent(client.send(new AdminGetUserCommand({ UserPoolId, Username: id })));
    if (!answer) return undefined;
    const user = toUser(
      {
        Username: answer.Username,
        UserStatus: answer.UserStatus,
        Enabled: answer.Enabled,
        UserCreateDate: answer.UserCreateDate,
        UserLastModifiedDate: answer.UserLastModifiedDate,
      },
      answer.UserAttributes,
    );
    return user.tenantId === tenantId ? user.shown : undefined;
  }

  return {
    get: find,
    async list(tenantId, { limit, after }) {
      const page = await sent(
        client.send(
          new ListUsersInGroupCommand({
            UserPoolId,
            GroupName: tenantId,
            // Cognito's own limit.
            Limit: Math.min(limit, 60),
            ...(after !== undefined && { NextToken: after }),
          }),
        ),
      );
      const users = (page?.Users ?? []).map((user) => toUser(user, user.Attributes));
      return {
        // A group is only how they are found; the attribute is what binds a user to the tenant.
        users: users.filter((user) => user.tenantId === tenantId).map((user) => user.shown),
        last: page?.NextToken,
      };
    },
    async invite(caller, { userName, userEmail, userRole }) {
      const attributes: Record<string, string | undefined> = {
        email: userEmail,
        // The invitation goes there; until its password is used nobody can sign in.
        email_verified: 'true',
        name: userName,
        [tenantAttributes.tenantId]: caller.tenantId,
        [tenantAttributes.tier]: caller.tier,
        [tenantAttributes.name]: caller.tenantName,
        [tenantAttributes.role]: userRole,
      };
      const made = await sent(
        client.send(
          new AdminCreateUserCommand({
            UserPoolId,
            Username: userEmail,
            UserAttributes: toAttributes(attributes),
            DesiredDeliveryMediums: ['EMAIL'],
          }),
        ),
      );
      const user = made?.User;
      if (!user?.Username) throw new Error('Cognito answered AdminCreateUser without a user');
      try {
        await client.send(
          new AdminAddUserToGroupCommand({ UserPoolId, Username: user.Username, GroupName: caller.tenantId }),
        );
      } catch (cause) {
        // A user that no list shows is worse than none.
        await client.send(new AdminDeleteUserCommand({ UserPoolId, Username: user.Username }));
        throw new Error('the new user could not be put into the group of the tenant', { cause });
      }
      return toUser(user, user.Attributes).shown;
    },
    async update(tenantId, id, { userName, userEmail, userRole }) {
      const user = await find(tenantId, id);
      if (!user) return undefined;
      const moved = userEmail !== undefined && userEmail !== user.email;
      const UserAttributes = toAttributes({
        name: userName,
        [tenantAttributes.role]: userRole,
        ...(moved && { email: userEmail, email_verified: 'true' }),
      });
      if (UserAttributes.length === 0) return user;
      await sent(
        client.send(new AdminUpdateUserAttributesCommand({ UserPoolId, Username: user.id, UserAttributes })),
      );
      return find(tenantId, user.id);
    },
    async remove(tenantId, id) {
      const user = await find(tenantId, id);
      if (!user) return false;
      await sent(client.send(new AdminDeleteUserCommand({ UserPoolId, Username: user.id })));
      return true;
    },
  };
}

const toAttributes = (values: Record<string, string | undefined>): AttributeType[] =>
  Object.entries(values).flatMap(([Name, Value]) => (Value === undefined ? [] : [{ Name, Value }]));

/** A call's answer; undefined when there is no such user or group. Cognito's other refusals become ours. */
async function sent<Output>(call: Promise<Output>): Promise<Output | undefined> {
  try {
    return await call;
  } catch (error) {
    switch (error instanceof Error ? error.name : '') {
      case 'UserNotFoundException':
      case 'ResourceNotFoundException':
        return undefined;
      case 'UsernameExistsException':
      case 'AliasExistsException':
        throw conflict('a user with this e-mail address exists already');
      case 'InvalidParameterException':
        throw badRequest('the user directory did not take the request');
      case 'TooManyRequestsException':
      case 'LimitExceededException':
      case 'InternalErrorException':
        throw unavailable('the user directory is busy', error);
      case 'CodeDeliveryFailureException':
        throw unavailable('the invitation could not be sent', error);
    }
    throw error;
  }
}

interface CognitoUser {
  Username?: string | undefined;
  UserStatus?: string | undefined;
  Enabled?: boolean | undefined;
  UserCreateDate?: Date | undefined;
  UserLastModifiedDate?: Date | undefined;
}

function toUser(
  user: CognitoUser,
  attributes: readonly AttributeType[] = [],
): { tenantId: string | undefined; shown: User } {
  const value = (name: string): string | undefined => attributes.find(({ Name }) => Name === name)?.Value;
  const role = value(tenantAttributes.role);
  return {
    tenantId: value(tenantAttributes.tenantId),
    shown: {
      id: user.Username ?? '',
      username: value('name') ?? value('email') ?? user.Username ?? '',
      email: value('email') ?? '',
      role: userRoles.find((known) => known === role) ?? 'none',
      status: user.UserStatus ?? 'UNKNOWN',
      enabled: user.Enabled ?? false,
      created: user.UserCreateDate?.toISOString() ?? '',
      modified: user.UserLastModifiedDate?.toISOString() ?? '',
    },
  };
}
