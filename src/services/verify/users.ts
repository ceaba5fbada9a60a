/** Users that exist for a verification alone: made without mail, with a random password that is kept nowhere. */
import { randomBytes } from 'node:crypto';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminLinkProviderForUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  DeleteIdentityProviderCommand,
  ListIdentityProvidersCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { Authenticator } from '../../model/authenticator.ts';
import { signInByPassword } from '../../model/sign-in.ts';
import { tenantAttributes, type UserRole } from '../../model/tenant.ts';
import type { ClientOptions } from '../environment.ts';
import type { UserPool } from '../identity.ts';

export interface Tokens {
  idToken: string;
  accessToken: string;
}

export interface VerifyUser extends Tokens {
  email: string;
  password: string;
  /** Cognito's username. */
  username: string;
}

/** What every such user's address begins with, so that those of a killed run are found. `.invalid` has no mail (RFC 2606). */
const prefix = 'verify-';
export const addressOf = (what: string, tenantId: string): string => `${prefix}${what}@${tenantId}.invalid`;

/** What the name of every identity provider that a run makes begins with. */
export const providerPrefix = 'verify-';

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

export class VerifyUsers {
  readonly #client: CognitoIdentityProviderClient;
  /** By pool and address; used where a pool asks for a code. */
  readonly #authenticators = new Map<string, Authenticator>();
  readonly #made: { userPoolId: string; email: string }[] = [];
  constructor(options: ClientOptions) {
    this.#client = new CognitoIdentityProviderClient(options);
  }

  /** Makes a user with these claims, whether or not they fit the pool, and signs in. */
  async make(
    pool: UserPool,
    user: {
      email: string;
      tenantId?: string;
      role?: UserRole;
      tier?: string;
      tenantName?: string;
      /** An identity provider of the pool, which he comes from as well. */
      linkedTo?: string;
    },
    options: { group?: boolean } = {},
  ): Promise<VerifyUser> {
    const { email } = user;
    const UserPoolId = pool.userPoolId;
    const attributes: Record<string, string | undefined> = {
      email,
      email_verified: 'true',
      [tenantAttributes.tenantId]: user.tenantId,
      [tenantAttributes.role]: user.role,
      [tenantAttributes.tier]: user.tier,
      [tenantAttributes.name]: user.tenantName,
    };
    // One that a killed run left.
    await this.delete(pool, email);
    this.#authenticators.delete(`${UserPoolId}/${email}`);
    const { User } = await this.#client.send(
      new AdminCreateUserCommand({
        UserPoolId,
        Username: email,
        MessageAction: 'SUPPRESS',
        UserAttributes: Object.entries(attributes).flatMap(([Name, Value]) =>
          Value === undefined ? [] : [{ Name, Value }],
        ),
      }),
    );
    this.#made.push({ userPoolId: UserPoolId, email });
    const username = User?.Username ?? email;
    if (user.linkedTo !== undefined)
      await this.#client.send(
        new AdminLinkProviderForUserCommand({
          UserPoolId,
          DestinationUser: { ProviderName: 'Cognito', ProviderAttributeValue: username },
          SourceUser: {
            ProviderName: user.linkedTo,
            ProviderAttributeName: 'Cognito_Subject',
            ProviderAttributeValue: username,
          },
        }),
      );
    if (options.group)
      await this.#client.send(
        new AdminAddUserToGroupCommand({ UserPoolId, Username: username, GroupName: user.tenantId ?? '' }),
      );
    const password = `${randomBytes(24).toString('base64url')}aA1!`;
    await this.#client.send(
      new AdminSetUserPasswordCommand({
        UserPoolId,
        Username: username,
        Password: password,
        Permanent: true,
      }),
    );
    return { email, username, password, ...(await this.signIn(pool, email, password)) };
  }

  /** As an application does it: by the public operation, with the user's password. */
  async signIn(pool: UserPool, email: string, password: string): Promise<Tokens> {
    const key = `${pool.userPoolId}/${email}`;
    const secondFactor = this.#authenticators.get(key) ?? new Authenticator();
    this.#authenticators.set(key, secondFactor);
    const { IdToken, AccessToken = '' } = await signInByPassword(
      this.#client,
      pool,
      { email, password, secondFactor },
      'application',
    );
    return { idToken: IdToken, accessToken: AccessToken };
  }

  async delete({ userPoolId }: Pick<UserPool, 'userPoolId'>, email: string): Promise<void> {
    try {
      await this.#client.send(new AdminDeleteUserCommand({ UserPoolId: userPoolId, Username: email }));
    } catch (error) {
      if (!isNamed(error, 'UserNotFoundException') && !isNamed(error, 'ResourceNotFoundException'))
        throw error;
    }
  }

  /** Its users went with the pool: what is gone has no tags, by which a policy could allow to delete in it. */
  forgetPool(userPoolId: string): void {
    const others = this.#made.filter((user) => user.userPoolId !== userPoolId);
    this.#made.splice(0, this.#made.length, ...others);
  }

  /** Deletes what this run made, in pools that are still there. */
  async deleteMade(): Promise<void> {
    for (const { userPoolId, email } of this.#made.splice(0)) await this.delete({ userPoolId }, email);
  }

  /** Deletes what a killed run left in a pool; users of runs under way, who are younger than `olderThanMs`, stay. */
  async deleteLeftovers(userPoolId: string, now: Date, olderThanMs: number): Promise<void> {
    const { Users = [] } = await this.#client.send(
      new ListUsersCommand({ UserPoolId: userPoolId, Filter: `email ^= "${prefix}"`, Limit: 60 }),
    );
    for (const { Username, UserCreateDate, Attributes = [] } of Users) {
      const email = Attributes.find(({ Name }) => Name === 'email')?.Value ?? '';
      const age = now.getTime() - (UserCreateDate?.getTime() ?? now.getTime());
      if (email.endsWith('.invalid') && age > olderThanMs) await this.delete({ userPoolId }, Username ?? '');
    }
    const { Providers = [] } = await this.#client.send(
      new ListIdentityProvidersCommand({ UserPoolId: userPoolId, MaxResults: 60 }),
    );
    for (const { ProviderName = '', CreationDate } of Providers) {
      const age = now.getTime() - (CreationDate?.getTime() ?? now.getTime());
      if (ProviderName.startsWith(providerPrefix) && age > olderThanMs)
        await this.#client.send(new DeleteIdentityProviderCommand({ UserPoolId: userPoolId, ProviderName }));
    }
  }
}
