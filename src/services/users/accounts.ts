/** The accounts of one user pool, as an administrator reads and changes them; of whom they are is for others to say. */
import {
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminResetUserPasswordCommand,
  AdminSetUserMFAPreferenceCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  type AttributeType,
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  ListUsersCommand,
  type ListUsersCommandOutput,
  ListUsersInGroupCommand,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { ExitCode, SaasError } from '../../model/error.ts';
import { accountRole, providerOf } from '../../model/federation.ts';
import { tenantAttributes } from '../../model/tenant.ts';
import type { ClientOptions } from '../environment.ts';

export interface Account {
  /** Cognito's username: an id of its own making where users sign in by their address. */
  username: string;
  email: string;
  /** The identity provider that the user comes from; null for one who has a password here. */
  provider: string | null;
  /** Empty when the account has none. */
  role: string;
  /** The tenant that the account is bound to. */
  tenantId: string | undefined;
  /** Cognito's, e.g. `CONFIRMED`, `FORCE_CHANGE_PASSWORD`, `RESET_REQUIRED`. */
  status: string;
  enabled: boolean;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
}

export interface AccountPage {
  accounts: Account[];
  nextToken: string | undefined;
}

/** Cognito's own limit of a page. */
const pageSize = 60;
/** Waits for a password of the user's own; an invitation holds for a week. */
export const invited = 'FORCE_CHANGE_PASSWORD';
/** What Cognito takes for a username: anything else is nobody's. */
const usernamePattern = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;

export class Accounts {
  readonly #client: CognitoIdentityProviderClient;
  readonly #pool: { UserPoolId: string };
  constructor(options: ClientOptions, userPoolId: string) {
    this.#client = new CognitoIdentityProviderClient(options);
    this.#pool = { UserPoolId: userPoolId };
  }

  /** By username, or by address where users sign in with it. */
  async get(reference: string): Promise<Account | undefined> {
    if (!usernamePattern.test(reference)) return undefined;
    try {
      const { UserAttributes, ...user } = await this.#client.send(
        new AdminGetUserCommand({ ...this.#pool, Username: reference }),
      );
      return toAccount(user, UserAttributes);
    } catch (error) {
      if (error instanceof Error && error.name === 'UserNotFoundException') return undefined;
      throw error;
    }
  }

  /** Those with an address, which must be one: it becomes part of an expression. */
  async withAddress(email: string): Promise<Account[]> {
    const { Users = [] } = await this.#client.send(
      new ListUsersCommand({ ...this.#pool, Filter: `email = "${email}"` }),
    );
    return Users.map((user) => toAccount(user, user.Attributes));
  }

  /** Those who come from an identity provider: Cognito calls them `<provider>_<subject>`. */
  async ofProvider(provider: string): Promise<Account[]> {
    const found: Account[] = [];
    let PaginationToken: string | undefined;
    do {
      const page: ListUsersCommandOutput = await this.#client.send(
        new ListUsersCommand({
          ...this.#pool,
          Limit: pageSize,
          Filter: `username ^= "${provider}_"`,
          ...(PaginationToken && { PaginationToken }),
        }),
      );
      found.push(...(page.Users ?? []).map((user) => toAccount(user, user.Attributes)));
      PaginationToken = page.PaginationToken;
    } while (PaginationToken);
    return found.filter((account) => account.provider === provider);
  }

  /** One page, of a group or of the whole pool. Throws `bad_next_token`. */
  async page(options: {
    group?: string;
    limit: number;
    nextToken?: string | undefined;
  }): Promise<AccountPage> {
    const { group, nextToken } = options;
    const Limit = Math.min(options.limit, pageSize);
    try {
      if (group === undefined) {
        const { Users = [], PaginationToken } = await this.#client.send(
          new ListUsersCommand({ ...this.#pool, Limit, ...(nextToken && { PaginationToken: nextToken }) }),
        );
        return {
          accounts: Users.map((user) => toAccount(user, user.Attributes)),
          nextToken: PaginationToken,
        };
      }
      const { Users = [], NextToken } = await this.#client.send(
        new ListUsersInGroupCommand({
          ...this.#pool,
          GroupName: group,
          Limit,
          ...(nextToken && { NextToken: nextToken }),
        }),
      );
      return { accounts: Users.map((user) => toAccount(user, user.Attributes)), nextToken: NextToken };
    } catch (error) {
      if (!(error instanceof Error && error.name === 'InvalidParameterException' && nextToken)) throw error;
      throw new SaasError('bad_next_token', `"${nextToken}" is not a token that this list of users gave`, {
        detail: error.message,
        hint: 'use the nextToken of the previous page, or leave it out',
        exitCode: ExitCode.usage,
        cause: error,
      });
    }
  }

  /** Invites by mail. Throws Cognito's UsernameExistsException. */
  async invite(username: string, attributes: Readonly<Record<string, string>>): Promise<void> {
    await this.#client.send(
      new AdminCreateUserCommand({
        ...this.#pool,
        Username: username,
        UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
        DesiredDeliveryMediums: ['EMAIL'],
      }),
    );
  }

  /** A new temporary password, for whoever has not chosen one of his own yet. */
  async inviteAgain(username: string): Promise<void> {
    await this.#client.send(
      new AdminCreateUserCommand({
        ...this.#pool,
        Username: username,
        MessageAction: 'RESEND',
        DesiredDeliveryMediums: ['EMAIL'],
      }),
    );
  }

  /** Mails a code to choose a new password with; the old one holds no more. */
  async resetPassword({ username }: Account): Promise<void> {
    await this.#client.send(new AdminResetUserPasswordCommand({ ...this.#pool, Username: username }));
  }

  /** Whether the pool has a second factor, and whether users may do without: Cognito's `OFF`, `OPTIONAL` or `ON`. */
  async mfaConfiguration(): Promise<string> {
    const { UserPool } = await this.#client.send(new DescribeUserPoolCommand(this.#pool));
    return UserPool?.MfaConfiguration ?? 'OFF';
  }

  /** Lets a user in by his password again, where a second factor is not required. */
  async dropSecondFactor({ username }: Account): Promise<void> {
    await this.#client.send(
      new AdminSetUserMFAPreferenceCommand({
        ...this.#pool,
        Username: username,
        SoftwareTokenMfaSettings: { Enabled: false, PreferredMfa: false },
      }),
    );
  }

  async enable({ username }: Account): Promise<void> {
    await this.#client.send(new AdminEnableUserCommand({ ...this.#pool, Username: username }));
  }

  async disable({ username }: Account): Promise<void> {
    await this.#client.send(new AdminDisableUserCommand({ ...this.#pool, Username: username }));
  }

  async setRole({ username }: Account, role: string): Promise<void> {
    await this.#client.send(
      new AdminUpdateUserAttributesCommand({
        ...this.#pool,
        Username: username,
        UserAttributes: [{ Name: tenantAttributes.role, Value: role }],
      }),
    );
  }

  /** Revokes refresh tokens; ID tokens hold on for whoever asks nobody but their signature. */
  async signOut({ username }: Account): Promise<void> {
    await this.#client.send(new AdminUserGlobalSignOutCommand({ ...this.#pool, Username: username }));
  }

  async delete({ username }: Account): Promise<void> {
    await this.#client.send(new AdminDeleteUserCommand({ ...this.#pool, Username: username }));
  }
}

function toAccount(user: Omit<UserType, 'Attributes'>, attributes: readonly AttributeType[] = []): Account {
  const value = (name: string): string | undefined => attributes.find(({ Name }) => Name === name)?.Value;
  return {
    username: user.Username ?? '',
    email: value('email') ?? '',
    provider: providerOf(value) ?? null,
    role: accountRole(value) ?? '',
    tenantId: value(tenantAttributes.tenantId),
    status: user.UserStatus ?? 'UNKNOWN',
    enabled: user.Enabled ?? false,
    createdAt: user.UserCreateDate?.toISOString() ?? '',
    updatedAt: user.UserLastModifiedDate?.toISOString() ?? '',
  };
}
