/** What users do with their own accounts: by signing up, by a code, or by an access token. */

import {
  AssociateSoftwareToken$,
  type AssociateSoftwareTokenCommandInput,
  ChangePassword$,
  type ChangePasswordCommandInput,
  ConfirmForgotPassword$,
  type ConfirmForgotPasswordCommandInput,
  ConfirmSignUp$,
  type ConfirmSignUpCommandInput,
  DeleteUser$,
  DeleteUserAttributes$,
  type DeleteUserAttributesCommandInput,
  type DeleteUserCommandInput,
  ForgotPassword$,
  type ForgotPasswordCommandInput,
  GetUser$,
  GetUserAttributeVerificationCode$,
  type GetUserAttributeVerificationCodeCommandInput,
  type GetUserCommandInput,
  GlobalSignOut$,
  type GlobalSignOutCommandInput,
  ResendConfirmationCode$,
  type ResendConfirmationCodeCommandInput,
  SetUserMFAPreference$,
  type SetUserMFAPreferenceCommandInput,
  SignUp$,
  type SignUpCommandInput,
  UpdateUserAttributes$,
  type UpdateUserAttributesCommandInput,
  VerifySoftwareToken$,
  type VerifySoftwareTokenCommandInput,
  VerifyUserAttribute$,
  type VerifyUserAttributeCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import {
  changeAttributes,
  confirmAddress,
  newUser,
  recoveryAddress,
  redeemCode,
  sendCode,
  verifiedAddress,
  withPassword,
} from '../accounts.ts';
import { Attempts } from '../attempts.ts';
import { type ClientRecord, checkSecretHash } from '../clients.ts';
import { codeExpired, invalidParameter, notAuthorized, userNotFound } from '../errors.ts';
import {
  associateInSession,
  checkTotpOffered,
  mfaOf,
  preferMfa,
  proveTotp,
  verifyInSession,
} from '../mfa.ts';
import { masked } from '../outbox.ts';
import type { Parts } from '../parts.ts';
import { passwordFits } from '../passwords.ts';
import type { PoolRecord } from '../pools.ts';
import { attributeList, checkWritable, missingAttributes, readableAttributes } from '../schema.ts';
import type { Sessions } from '../sessions.ts';
import { totpSecret } from '../totp.ts';
import { type UserRecord, userAttributes } from '../users.ts';
import { openToAll } from './making.ts';

interface Self {
  pool: PoolRecord;
  client: ClientRecord;
  user: UserRecord;
}

export function selfServiceOperations(parts: Parts, sessions: Sessions): Operation[] {
  const { clients, tokens } = parts;
  const attempts = new Attempts(parts.cloud.clock);

  /** Whose access token it is. Throws AwsError NotAuthorizedException. */
  const self = async (token: string | undefined): Promise<Self> => {
    const { pool, claims, issued } = await tokens.verifyAccess(token ?? '');
    const user = parts.users(pool).findSub(claims.sub);
    if (!user) throw userNotFound();
    if (!user.enabled) throw notAuthorized('User is disabled.');
    if (tokens.signedOut(user, issued)) throw notAuthorized('Access Token has been revoked');
    return { pool, user, client: clients.in(pool.id, claims.client_id) };
  };
  const clientOf = (input: {
    ClientId?: string | undefined;
    SecretHash?: string | undefined;
    Username?: string | undefined;
  }) => {
    const client = clients.get(input.ClientId);
    checkSecretHash(client, input.SecretHash, [input.Username]);
    return { client, pool: parts.pools.get(client.poolId) };
  };
  const hidesUsers = (client: ClientRecord): boolean =>
    client.settings.PreventUserExistenceErrors === 'ENABLED';

  return [
    openToAll(SignUp$, async (input: SignUpCommandInput) => {
      const { client, pool } = clientOf(input);
      if (pool.settings.AdminCreateUserConfig?.AllowAdminCreateUserOnly) {
        throw notAuthorized('SignUp is not permitted for this user pool');
      }
      const make = (): UserRecord => {
        const user = newUser(parts, pool, input.Username ?? '', input.UserAttributes);
        const names = (input.UserAttributes ?? []).map(({ Name = '' }) => Name);
        checkWritable(pool.schema, client.settings.WriteAttributes, names);
        const missing = missingAttributes(pool.schema, user.attributes);
        if (missing.length > 0) {
          throw invalidParameter(
            `Attributes did not conform to the schema: ${missing.map((name) => `${name}: The attribute is required`).join('\n')}\n`,
          );
        }
        return user;
      };
      const user = await withPassword(parts, pool, make(), input.Password ?? '', 'permanent');
      // Hashing takes a while: the name may be taken by now.
      make();
      const saved = parts.users(pool).save({ ...user, status: 'UNCONFIRMED' });
      const address = verifiedAddress(pool, saved);
      return {
        UserConfirmed: false,
        UserSub: user.sub,
        CodeDeliveryDetails: address && sendCode(parts, pool, saved, 'signup', address),
      };
    }),
    openToAll(ResendConfirmationCode$, (input: ResendConfirmationCodeCommandInput) => {
      const { client, pool } = clientOf(input);
      const user = parts.users(pool).find(input.Username ?? '');
      if (!user) {
        if (!hidesUsers(client)) throw userNotFound();
        return { CodeDeliveryDetails: pretended(input.Username) };
      }
      if (user.status !== 'UNCONFIRMED') throw invalidParameter('User is already confirmed.');
      const address = verifiedAddress(pool, user);
      if (!address) throw invalidParameter('Auto verification not turned on.');
      return { CodeDeliveryDetails: sendCode(parts, pool, user, 'signup', address) };
    }),
    openToAll(ConfirmSignUp$, (input: ConfirmSignUpCommandInput) => {
      const { client, pool } = clientOf(input);
      const users = parts.users(pool);
      const user = users.find(input.Username ?? '');
      if (!user) throw hidesUsers(client) ? codeExpired() : userNotFound();
      if (user.status !== 'UNCONFIRMED') {
        throw notAuthorized(`User cannot be confirmed. Current status is ${user.status}`);
      }
      const redeemed = redeemCode(parts, pool, user, 'signup', input.ConfirmationCode);
      const address = verifiedAddress(pool, user);
      const confirmed: UserRecord = {
        ...redeemed,
        status: 'CONFIRMED',
        attributes: { ...user.attributes, ...(address && { [`${address}_verified`]: 'true' }) },
      };
      users.checkAliases(confirmed, input.ForceAliasCreation);
      users.save(confirmed);
      return {};
    }),
    openToAll(ForgotPassword$, (input: ForgotPasswordCommandInput) => {
      const { client, pool } = clientOf(input);
      const user = parts.users(pool).find(input.Username ?? '');
      if (!user) {
        if (!hidesUsers(client)) throw userNotFound();
        return { CodeDeliveryDetails: pretended(input.Username) };
      }
      if (!user.enabled) throw notAuthorized('User is disabled.');
      if (user.status === 'FORCE_CHANGE_PASSWORD' || user.status === 'EXTERNAL_PROVIDER') {
        throw notAuthorized('User password cannot be reset in the current state.');
      }
      const address = recoveryAddress(pool, user);
      return { CodeDeliveryDetails: sendCode(parts, pool, user, 'password', address) };
    }),
    openToAll(ConfirmForgotPassword$, async (input: ConfirmForgotPasswordCommandInput) => {
      const { client, pool } = clientOf(input);
      const users = parts.users(pool);
      const user = users.find(input.Username ?? '');
      if (!user) throw hidesUsers(client) ? codeExpired() : userNotFound();
      if (!user.enabled) throw notAuthorized('User is disabled.');
      redeemCode(parts, pool, user, 'password', input.ConfirmationCode);
      const { password, srp } = await withPassword(parts, pool, user, input.Password ?? '', 'permanent');
      // Redeemed on the user as he is after the hashing, so that a code counts once.
      const redeemed = redeemCode(parts, pool, users.get(user.username), 'password', input.ConfirmationCode);
      users.save({ ...redeemed, password, srp, temporaryUntil: undefined, status: 'CONFIRMED' });
      return {};
    }),
    openToAll(ChangePassword$, async (input: ChangePasswordCommandInput) => {
      const { pool, user } = await self(input.AccessToken);
      await attempts.counted(`${pool.id}/${user.sub}`, async () => {
        const fits = user.password && (await passwordFits(input.PreviousPassword ?? '', user.password));
        if (!fits) throw notAuthorized('Incorrect username or password.');
      });
      const { password, srp } = await withPassword(
        parts,
        pool,
        user,
        input.ProposedPassword ?? '',
        'permanent',
      );
      const users = parts.users(pool);
      users.save({ ...users.get(user.username), password, srp });
      return {};
    }),
    openToAll(GetUser$, async (input: GetUserCommandInput) => {
      const { pool, user, client } = await self(input.AccessToken);
      const { schema } = pool;
      const shown = readableAttributes(schema, client.settings.ReadAttributes, userAttributes(user));
      return { Username: user.username, UserAttributes: attributeList(shown), ...mfaOf(user) };
    }),
    openToAll(UpdateUserAttributes$, async (input: UpdateUserAttributesCommandInput) => {
      const { pool, user, client } = await self(input.AccessToken);
      return { CodeDeliveryDetailsList: changeAttributes(parts, pool, user, input.UserAttributes, client) };
    }),
    openToAll(DeleteUserAttributes$, async (input: DeleteUserAttributesCommandInput) => {
      const { pool, user, client } = await self(input.AccessToken);
      const removed = input.UserAttributeNames?.map((Name) => ({ Name, Value: '' }));
      changeAttributes(parts, pool, user, removed, client);
      return {};
    }),
    openToAll(
      GetUserAttributeVerificationCode$,
      async (input: GetUserAttributeVerificationCodeCommandInput) => {
        const { pool, user } = await self(input.AccessToken);
        const attribute = input.AttributeName;
        if (attribute !== 'email' && attribute !== 'phone_number') {
          throw invalidParameter('Only email and phone_number can be verified.');
        }
        if (user.attributes[attribute] === undefined && user.unverified?.[attribute] === undefined) {
          throw invalidParameter(`User has no ${attribute}.`);
        }
        return { CodeDeliveryDetails: sendCode(parts, pool, user, attribute, attribute) };
      },
    ),
    openToAll(VerifyUserAttribute$, async (input: VerifyUserAttributeCommandInput) => {
      const { pool, user } = await self(input.AccessToken);
      confirmAddress(parts, pool, user, input.AttributeName, input.Code);
      return {};
    }),
    openToAll(DeleteUser$, async (input: DeleteUserCommandInput) => {
      const { pool, user } = await self(input.AccessToken);
      parts.users(pool).remove(user);
      return {};
    }),
    openToAll(GlobalSignOut$, async (input: GlobalSignOutCommandInput) => {
      const { pool, user } = await self(input.AccessToken);
      parts.users(pool).save({ ...user, signedOut: parts.cloud.clock.now() });
      return {};
    }),
    openToAll(AssociateSoftwareToken$, async (input: AssociateSoftwareTokenCommandInput) => {
      if (input.AccessToken === undefined) {
        const { secret, session } = associateInSession(parts, sessions, input.Session);
        return { SecretCode: secret, Session: session };
      }
      const { pool, user } = await self(input.AccessToken);
      checkTotpOffered(pool);
      // The app that is set up goes on counting until a code of the new one was seen.
      const pendingTotp = totpSecret();
      parts.users(pool).save({ ...user, pendingTotp });
      return { SecretCode: pendingTotp };
    }),
    openToAll(VerifySoftwareToken$, async (input: VerifySoftwareTokenCommandInput) => {
      if (input.AccessToken === undefined) {
        const Session = verifyInSession(parts, sessions, input.Session, input.UserCode);
        return { Status: 'SUCCESS' as const, Session };
      }
      const { pool, user } = await self(input.AccessToken);
      const secret = user.pendingTotp ?? user.totp?.secret;
      const lastStep = proveTotp(parts, secret, input.UserCode);
      const { enabled = false, preferred = false } = user.totp ?? {};
      const totp = { secret: secret ?? '', verified: true, enabled, preferred, lastStep };
      parts.users(pool).save({ ...user, totp, pendingTotp: undefined });
      return { Status: 'SUCCESS' as const };
    }),
    openToAll(SetUserMFAPreference$, async (input: SetUserMFAPreferenceCommandInput) => {
      const { pool, user } = await self(input.AccessToken);
      preferMfa(parts, pool, user, input);
      return {};
    }),
  ];
}

/** What a client that must not learn who exists is told. */
const pretended = (username = '') => ({
  Destination: masked(username.includes('@') ? username : `${username}@example.com`),
  DeliveryMedium: 'EMAIL' as const,
  AttributeName: 'email',
});
