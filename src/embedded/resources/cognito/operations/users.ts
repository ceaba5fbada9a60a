/** What an administrator does with users. */
import {
  AdminConfirmSignUp$,
  type AdminConfirmSignUpCommandInput,
  AdminCreateUser$,
  type AdminCreateUserCommandInput,
  AdminDeleteUser$,
  AdminDeleteUserAttributes$,
  type AdminDeleteUserAttributesCommandInput,
  type AdminDeleteUserCommandInput,
  AdminDisableUser$,
  type AdminDisableUserCommandInput,
  AdminEnableUser$,
  type AdminEnableUserCommandInput,
  AdminGetUser$,
  type AdminGetUserCommandInput,
  AdminResetUserPassword$,
  type AdminResetUserPasswordCommandInput,
  AdminSetUserMFAPreference$,
  type AdminSetUserMFAPreferenceCommandInput,
  AdminSetUserPassword$,
  type AdminSetUserPasswordCommandInput,
  AdminUpdateUserAttributes$,
  type AdminUpdateUserAttributesCommandInput,
  AdminUserGlobalSignOut$,
  type AdminUserGlobalSignOutCommandInput,
  ListUsers$,
  type ListUsersCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Operation } from '../../../platform.ts';
import { changeAttributes, newUser, recoveryAddress, sendCode, withPassword } from '../accounts.ts';
import { invalidParameter, notAuthorized, userNotFound } from '../errors.ts';
import { mfaOf, preferMfa } from '../mfa.ts';
import type { Parts } from '../parts.ts';
import { passwordPolicy, temporaryPassword } from '../passwords.ts';
import type { PoolRecord } from '../pools.ts';
import { attributeList } from '../schema.ts';
import { describeUser, type UserRecord, userAttributes } from '../users.ts';
import { listUsers } from './list-users.ts';
import { onPool } from './making.ts';

/** Invites a user, or with RESEND again. Throws AwsError UsernameExistsException, UnsupportedUserStateException and others. */
export async function adminCreateUser(
  parts: Parts,
  pool: PoolRecord,
  input: Omit<AdminCreateUserCommandInput, 'UserPoolId'>,
): Promise<UserRecord> {
  const users = parts.users(pool);
  const username = input.Username ?? '';
  const resend = input.MessageAction === 'RESEND';
  let user: UserRecord;
  if (resend) {
    user = users.get(username);
    if (user.status !== 'FORCE_CHANGE_PASSWORD') {
      throw new AwsError(
        'UnsupportedUserStateException',
        `Resend not possible. ${username} status is not FORCE_CHANGE_PASSWORD`,
      );
    }
  } else {
    user = newUser(parts, pool, username, input.UserAttributes);
    users.checkAliases(user, input.ForceAliasCreation);
  }
  const { email, phone_number: phone } = user.attributes;
  const mediums = input.DesiredDeliveryMediums ?? (email === undefined ? ['SMS'] : ['EMAIL']);
  const mails = mediums.includes('EMAIL') && email !== undefined;
  const texts = mediums.includes('SMS') && phone !== undefined;
  if (input.DesiredDeliveryMediums && input.MessageAction !== 'SUPPRESS' && !mails && !texts) {
    throw invalidParameter(
      `User has no ${mediums.includes('EMAIL') ? 'email' : 'phone number'} to send the invitation to.`,
    );
  }
  const password =
    input.TemporaryPassword ?? temporaryPassword(passwordPolicy(pool.settings.Policies?.PasswordPolicy));
  const invited = await withPassword(parts, pool, user, password, 'temporary');
  // Hashing takes a while: the name may be taken, or the user gone, by now.
  if (resend) {
    if (!users.findSub(user.sub)) throw userNotFound();
  } else {
    newUser(parts, pool, username, input.UserAttributes);
    users.checkAliases(user, input.ForceAliasCreation);
  }
  const saved = users.save(invited);
  if (input.MessageAction !== 'SUPPRESS') {
    const recipient = { username, attributes: saved.attributes };
    if (mails) parts.outbox.invite(pool, recipient, password);
    if (texts) parts.outbox.invite(pool, recipient, password, true);
  }
  return saved;
}

export function userOperations(parts: Parts): Operation[] {
  interface OfUser {
    UserPoolId: string | undefined;
    Username: string | undefined;
  }
  /** An operation on one user, which answers with nothing. */
  const onUser = <Input extends OfUser>(
    schema: unknown,
    handler: (input: Input, user: UserRecord, pool: PoolRecord) => unknown,
  ): Operation =>
    onPool(parts, schema, async (input: Input, pool) => {
      await handler(input, parts.users(pool).get(input.Username), pool);
      return {};
    });

  return [
    onPool(parts, AdminCreateUser$, async (input: AdminCreateUserCommandInput, pool) => ({
      User: describeUser(await adminCreateUser(parts, pool, input)),
    })),
    onPool(parts, AdminGetUser$, (input: AdminGetUserCommandInput, pool) => {
      const user = parts.users(pool).get(input.Username);
      const { Attributes: _attributes, ...described } = describeUser(user);
      return { ...described, UserAttributes: attributeList(userAttributes(user)), ...mfaOf(user) };
    }),
    onPool(parts, ListUsers$, (input: ListUsersCommandInput, pool) => listUsers(parts, pool, input)),
    onUser(AdminUpdateUserAttributes$, (input: AdminUpdateUserAttributesCommandInput, user, pool) =>
      changeAttributes(parts, pool, user, input.UserAttributes),
    ),
    onUser(AdminDeleteUserAttributes$, (input: AdminDeleteUserAttributesCommandInput, user, pool) =>
      changeAttributes(
        parts,
        pool,
        user,
        input.UserAttributeNames?.map((Name) => ({ Name, Value: '' })),
      ),
    ),
    onUser(AdminSetUserPassword$, async (input: AdminSetUserPasswordCommandInput, user, pool) => {
      if (user.status === 'EXTERNAL_PROVIDER') {
        throw invalidParameter('The user signs in through an identity provider and has no password here.');
      }
      const kind = input.Permanent ? 'permanent' : 'temporary';
      const changed = await withPassword(parts, pool, user, input.Password ?? '', kind);
      const { password, srp, temporaryUntil, status } = changed;
      const users = parts.users(pool);
      // The user as he is after the hashing.
      const now = users.findSub(user.sub);
      if (!now) throw userNotFound();
      users.save({ ...now, password, srp, temporaryUntil, status });
    }),
    onUser(AdminResetUserPassword$, (_input: AdminResetUserPasswordCommandInput, user, pool) => {
      if (user.status === 'FORCE_CHANGE_PASSWORD' || user.status === 'EXTERNAL_PROVIDER') {
        throw notAuthorized('User password cannot be reset in the current state.');
      }
      const address = recoveryAddress(pool, user);
      sendCode(parts, pool, { ...user, status: 'RESET_REQUIRED' }, 'password', address);
    }),
    onUser(AdminConfirmSignUp$, (_input: AdminConfirmSignUpCommandInput, user, pool) => {
      if (user.status !== 'UNCONFIRMED') {
        throw notAuthorized(`User cannot be confirmed. Current status is ${user.status}`);
      }
      parts.users(pool).save({ ...user, status: 'CONFIRMED' });
    }),
    onUser(AdminEnableUser$, (_input: AdminEnableUserCommandInput, user, pool) =>
      parts.users(pool).save({ ...user, enabled: true }),
    ),
    onUser(AdminDisableUser$, (_input: AdminDisableUserCommandInput, user, pool) =>
      // Tokens are called back too, also for when the user is enabled again.
      parts.users(pool).save({ ...user, enabled: false, signedOut: parts.cloud.clock.now() }),
    ),
    onUser(AdminDeleteUser$, (_input: AdminDeleteUserCommandInput, user, pool) =>
      parts.users(pool).remove(user),
    ),
    onUser(AdminUserGlobalSignOut$, (_input: AdminUserGlobalSignOutCommandInput, user, pool) =>
      parts.users(pool).save({ ...user, signedOut: parts.cloud.clock.now() }),
    ),
    onUser(AdminSetUserMFAPreference$, (input: AdminSetUserMFAPreferenceCommandInput, user, pool) =>
      preferMfa(parts, pool, user, input),
    ),
  ];
}
