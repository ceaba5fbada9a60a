/** A tenant's users in Cognito: the pool's shared user pool or the silo's own. */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  DeleteGroupCommand,
  DeleteUserPoolCommand,
  DescribeUserPoolCommand,
  ListGroupsCommand,
  type ListGroupsCommandOutput,
  ListUserPoolsCommand,
  type ListUserPoolsCommandOutput,
  ListUsersCommand,
  ListUsersInGroupCommand,
  UpdateUserPoolCommand,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { SaasError } from '../model/error.ts';
import { providerOf } from '../model/federation.ts';
import { isProbeAddress, probePrefix } from '../model/gatekeeper.ts';
import type { TenantItem } from '../model/registry.ts';
import { type Credentials, signInByPassword, type UserPool } from '../model/sign-in.ts';
import { tenantAttributes, type UserRole, userAttributes } from '../model/tenant.ts';
import type { ClientOptions, Mailbox } from './environment.ts';

export type { UserPool } from '../model/sign-in.ts';

export interface Token {
  token: string;
  tokenType: 'Bearer';
  /** ISO 8601. */
  expiresAt: string;
}

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

export class Identity {
  readonly #client: CognitoIdentityProviderClient;
  constructor(options: ClientOptions) {
    this.#client = new CognitoIdentityProviderClient(options);
  }

  async ensureGroup(pool: UserPool, tenantId: string): Promise<void> {
    try {
      await this.#client.send(new CreateGroupCommand({ UserPoolId: pool.userPoolId, GroupName: tenantId }));
    } catch (error) {
      if (!isNamed(error, 'GroupExistsException')) throw error;
    }
  }

  /** Invites a user by mail, bound to the tenant. An existing user of the same tenant is left as he is. */
  async ensureUser(
    pool: UserPool,
    tenant: Pick<TenantItem, 'tenantId' | 'name' | 'tier'>,
    user: { email: string; role: UserRole },
    options: { invite: boolean } = { invite: true },
  ): Promise<void> {
    try {
      await this.#client.send(
        new AdminCreateUserCommand({
          UserPoolId: pool.userPoolId,
          Username: user.email,
          UserAttributes: userAttributes(tenant, user),
          ...(options.invite ? { DesiredDeliveryMediums: ['EMAIL'] } : { MessageAction: 'SUPPRESS' }),
        }),
      );
    } catch (error) {
      if (!isNamed(error, 'UsernameExistsException')) throw error;
      // In the pool the address may be another tenant's user: he must never be drawn into this one.
      const { UserAttributes = [] } = await this.#client.send(
        new AdminGetUserCommand({ UserPoolId: pool.userPoolId, Username: user.email }),
      );
      if (UserAttributes.find(({ Name }) => Name === tenantAttributes.tenantId)?.Value !== tenant.tenantId)
        throw new SaasError(
          'user_exists',
          `"${user.email}" can't be invited: the address belongs to a user of another tenant`,
          {
            hint: 'use another e-mail address for this tenant',
            cause: error,
          },
        );
    }
    await this.#client.send(
      new AdminAddUserToGroupCommand({
        UserPoolId: pool.userPoolId,
        Username: user.email,
        GroupName: tenant.tenantId,
      }),
    );
  }

  /**
   * Every user who is bound to a tenant, whether or not he is in its group: one whose creation was cut short is not.
   * Looks at every user of the pool, since Cognito can't search by an attribute of ours. `silo`: the pool is the tenant's own.
   */
  async *usersOf(
    pool: UserPool,
    tenantId: string,
    options: { silo: boolean } = { silo: false },
  ): AsyncGenerator<UserType> {
    const seen = new Set<string>();
    const { userPoolId: UserPoolId } = pool;
    const all = usersIn(async (PaginationToken) => {
      const page = await this.#client.send(
        new ListUsersCommand({ UserPoolId, Limit: 60, ...(PaginationToken && { PaginationToken }) }),
      );
      const bound = page.Users?.filter((user) => {
        const whose = attribute(user, tenantAttributes.tenantId);
        // Nothing binds a user of an identity provider but the pool that he is in.
        const federated = options.silo && providerOf((name) => attribute(user, name)) !== undefined;
        return whose === tenantId || (whose === undefined && federated);
      });
      return { users: bound, next: page.PaginationToken };
    });
    const members = usersIn(async (NextToken) => {
      const page = await this.#client.send(
        new ListUsersInGroupCommand({
          UserPoolId,
          GroupName: tenantId,
          Limit: 60,
          ...(NextToken && { NextToken }),
        }),
      );
      return { users: page.Users, next: page.NextToken };
    });
    for (const users of [all, members])
      for await (const user of users) {
        const probe = isProbeAddress(tenantId, attribute(user, 'email') ?? '');
        if (!probe && !seen.has(user.Username ?? '')) yield user;
        seen.add(user.Username ?? '');
      }
  }

  async joinGroup(pool: UserPool, username: string, tenantId: string): Promise<void> {
    await this.#client.send(
      new AdminAddUserToGroupCommand({
        UserPoolId: pool.userPoolId,
        Username: username,
        GroupName: tenantId,
      }),
    );
  }

  /** Names of a pool's groups: each tenant of the pool has one, named by its id. */
  async *groups(userPoolId: string): AsyncGenerator<string> {
    let NextToken: string | undefined;
    do {
      const page: ListGroupsCommandOutput = await this.#client.send(
        new ListGroupsCommand({ UserPoolId: userPoolId, Limit: 60, ...(NextToken && { NextToken }) }),
      );
      for (const { GroupName } of page.Groups ?? []) if (GroupName !== undefined) yield GroupName;
      NextToken = page.NextToken;
    } while (NextToken);
  }

  /** Every user of a pool with the tenant that he is bound to; undefined for none. */
  async *usersIn(userPoolId: string): AsyncGenerator<{ username: string; tenantId: string | undefined }> {
    const users = usersIn(async (PaginationToken) => {
      const page = await this.#client.send(
        new ListUsersCommand({
          UserPoolId: userPoolId,
          Limit: 60,
          ...(PaginationToken && { PaginationToken }),
        }),
      );
      return { users: page.Users, next: page.PaginationToken };
    });
    for await (const user of users)
      yield { username: user.Username ?? '', tenantId: attribute(user, tenantAttributes.tenantId) };
  }

  /** Every pool of the account and Region. */
  async *pools(): AsyncGenerator<{ id: string; name: string }> {
    let NextToken: string | undefined;
    do {
      const page: ListUserPoolsCommandOutput = await this.#client.send(
        new ListUserPoolsCommand({ MaxResults: 60, ...(NextToken && { NextToken }) }),
      );
      for (const { Id = '', Name = '' } of page.UserPools ?? []) yield { id: Id, name: Name };
      NextToken = page.NextToken;
    } while (NextToken);
  }

  async deleteUser(pool: Pick<UserPool, 'userPoolId'>, username: string): Promise<void> {
    try {
      await this.#client.send(
        new AdminDeleteUserCommand({ UserPoolId: pool.userPoolId, Username: username }),
      );
    } catch (error) {
      if (!isNamed(error, 'UserNotFoundException')) throw error;
    }
  }

  async deleteGroup(pool: UserPool, tenantId: string): Promise<void> {
    try {
      await this.#client.send(new DeleteGroupCommand({ UserPoolId: pool.userPoolId, GroupName: tenantId }));
    } catch (error) {
      if (!isNamed(error, 'ResourceNotFoundException')) throw error;
    }
  }

  /** Deletes a silo's user pool with all users; false when it is gone already. */
  async deletePool(userPoolId: string): Promise<boolean> {
    // A policy that goes by tags forbids what is gone, rather than to say that it is.
    if (!(await this.poolExists(userPoolId))) return false;
    try {
      await this.#client.send(
        new UpdateUserPoolCommand({ UserPoolId: userPoolId, DeletionProtection: 'INACTIVE' }),
      );
      await this.#client.send(new DeleteUserPoolCommand({ UserPoolId: userPoolId }));
      return true;
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return false;
      throw error;
    }
  }

  async poolExists(userPoolId: string): Promise<boolean> {
    try {
      await this.#client.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }));
      return true;
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return false;
      throw error;
    }
  }

  /** Deletes the users that a gatekeeper which was cut short may have left. */
  async deleteProbes({ userPoolId: UserPoolId }: UserPool, tenantId: string): Promise<void> {
    const Filter = `email ^= "${probePrefix(tenantId)}"`;
    const left = usersIn(async (PaginationToken) => {
      const page = await this.#client.send(
        new ListUsersCommand({ UserPoolId, Filter, Limit: 60, ...(PaginationToken && { PaginationToken }) }),
      );
      return { users: page.Users, next: page.PaginationToken };
    });
    const names: string[] = [];
    for await (const user of left) {
      const own = attribute(user, tenantAttributes.tenantId) === tenantId;
      if (own && isProbeAddress(tenantId, attribute(user, 'email') ?? '')) names.push(user.Username ?? '');
    }
    for (const Username of names) await this.deleteUser({ userPoolId: UserPoolId }, Username);
  }

  /** Signs in, answering what the pool asks for. Throws as {@link signInByPassword}. */
  async signIn(pool: UserPool, credentials: Credentials): Promise<Token> {
    const { IdToken, ExpiresIn = 0 } = await signInByPassword(this.#client, pool, credentials);
    return {
      token: IdToken,
      tokenType: 'Bearer',
      expiresAt: new Date(Date.now() + ExpiresIn * 1000).toISOString(),
    };
  }

  /** Signs in a user whose invitation this environment's mailbox holds, completing the invitation the first time. */
  async signInByMailbox(pool: UserPool, email: string, mailbox: Mailbox): Promise<Token> {
    const password = await mailbox.password(pool.userPoolId, email);
    const secondFactor = mailbox.authenticator(pool.userPoolId, email);
    try {
      return await this.signIn(pool, { email, password, secondFactor });
    } catch (error) {
      if (!isNamed(error, 'NotAuthorizedException')) throw error;
      const temporary = await mailbox.temporaryPassword(pool.userPoolId, email);
      if (temporary === undefined) throw error;
      return this.signIn(pool, { email, password: temporary, newPassword: password, secondFactor });
    }
  }
}

/** Users page by page; none when the pool or the group is gone. */
async function* usersIn(
  read: (token: string | undefined) => Promise<{ users: UserType[] | undefined; next: string | undefined }>,
): AsyncGenerator<UserType> {
  let token: string | undefined;
  do {
    let page: Awaited<ReturnType<typeof read>>;
    try {
      page = await read(token);
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return;
      throw error;
    }
    yield* page.users ?? [];
    token = page.next;
  } while (token);
}

const attribute = (user: UserType, name: string): string | undefined =>
  user.Attributes?.find(({ Name }) => Name === name)?.Value;
