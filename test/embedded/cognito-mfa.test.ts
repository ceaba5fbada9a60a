/** Authenticator apps through the API: how they are set up, switched on and off, and asked for. */
import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { totpCode } from '../../src/embedded/resources/cognito/totp.ts';
import { CognitoFixture } from './cognito-fixture.ts';

const fixture = new CognitoFixture();
const password = 'Correct-horse-1';
let cognito: CognitoIdentityProvider;

beforeAll(async () => {
  await fixture.start();
  cognito = new CognitoIdentityProvider({
    endpoint: fixture.cloud.endpoint,
    region: fixture.cloud.region,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  cognito.destroy();
  await fixture.stop();
});

async function pool(MfaConfiguration: 'ON' | 'OFF' | 'OPTIONAL') {
  const UserPoolId = await fixture.pool({ MfaConfiguration });
  const { ClientId } = await fixture.client(UserPoolId, {
    ExplicitAuthFlows: [
      'ALLOW_USER_PASSWORD_AUTH',
      'ALLOW_ADMIN_USER_PASSWORD_AUTH',
      'ALLOW_REFRESH_TOKEN_AUTH',
    ],
  });
  return { UserPoolId, ClientId };
}

async function user(UserPoolId: string, Username: string, permanent = true): Promise<void> {
  await cognito.adminCreateUser({ UserPoolId, Username, MessageAction: 'SUPPRESS' });
  await cognito.adminSetUserPassword({ UserPoolId, Username, Password: password, Permanent: permanent });
}

/** The present code; no two of them are of one step. */
function code(secret: string | undefined): string {
  fixture.advance(30_000);
  return totpCode(secret ?? '', fixture.cloud.clock.now());
}

async function setUp(AccessToken: string | undefined): Promise<string> {
  const { SecretCode = '' } = await cognito.associateSoftwareToken({ AccessToken });
  await cognito.verifySoftwareToken({ AccessToken, UserCode: code(SecretCode) });
  return SecretCode;
}

const answer = (
  ClientId: string,
  USERNAME: string,
  Session: string | undefined,
  SOFTWARE_TOKEN_MFA_CODE: string,
) =>
  cognito.respondToAuthChallenge({
    ClientId,
    ChallengeName: 'SOFTWARE_TOKEN_MFA',
    Session,
    ChallengeResponses: { USERNAME, SOFTWARE_TOKEN_MFA_CODE },
  });

describe('where a second factor is optional', () => {
  it('one that is set up is asked for once it is switched on, until it is switched off', async () => {
    const { UserPoolId, ClientId } = await pool('OPTIONAL');
    expect(await cognito.getUserPoolMfaConfig({ UserPoolId })).toMatchObject({
      MfaConfiguration: 'OPTIONAL',
      SoftwareTokenMfaConfiguration: { Enabled: true },
    });
    await user(UserPoolId, 'ann');
    const { AuthenticationResult } = await fixture.signIn(ClientId, 'ann', password);
    const AccessToken = AuthenticationResult?.AccessToken;
    const on = { Enabled: true, PreferredMfa: true };
    await expect(cognito.setUserMFAPreference({ AccessToken, SoftwareTokenMfaSettings: on })).rejects.toThrow(
      /not verified/,
    );
    const { SecretCode } = await cognito.associateSoftwareToken({ AccessToken });
    await expect(cognito.verifySoftwareToken({ AccessToken, UserCode: '000000' })).rejects.toMatchObject({
      name: 'EnableSoftwareTokenMFAException',
    });
    await cognito.verifySoftwareToken({ AccessToken, UserCode: code(SecretCode) });
    expect((await fixture.signIn(ClientId, 'ann', password)).ChallengeName).toBeUndefined();

    await cognito.setUserMFAPreference({ AccessToken, SoftwareTokenMfaSettings: on });
    expect(await cognito.adminGetUser({ UserPoolId, Username: 'ann' })).toMatchObject({
      UserMFASettingList: ['SOFTWARE_TOKEN_MFA'],
      PreferredMfaSetting: 'SOFTWARE_TOKEN_MFA',
    });
    const { ChallengeName, Session } = await fixture.signIn(ClientId, 'ann', password);
    expect(ChallengeName).toBe('SOFTWARE_TOKEN_MFA');
    const signedIn = await answer(ClientId, 'ann', Session, code(SecretCode));
    expect(signedIn.AuthenticationResult?.IdToken).toBeDefined();

    await cognito.adminSetUserMFAPreference({
      UserPoolId,
      Username: 'ann',
      SoftwareTokenMfaSettings: { Enabled: false },
    });
    expect((await fixture.signIn(ClientId, 'ann', password)).ChallengeName).toBeUndefined();
  });

  it('a new one takes the old one’s place only when a code of it was seen', async () => {
    const { UserPoolId, ClientId } = await pool('OPTIONAL');
    await user(UserPoolId, 'ann');
    const { AuthenticationResult } = await fixture.signIn(ClientId, 'ann', password);
    const AccessToken = AuthenticationResult?.AccessToken;
    const first = await setUp(AccessToken);
    await cognito.setUserMFAPreference({ AccessToken, SoftwareTokenMfaSettings: { Enabled: true } });

    const { SecretCode: second } = await cognito.associateSoftwareToken({ AccessToken });
    const during = await fixture.signIn(ClientId, 'ann', password);
    expect(during.ChallengeName).toBe('SOFTWARE_TOKEN_MFA');
    expect((await answer(ClientId, 'ann', during.Session, code(first))).AuthenticationResult).toBeDefined();

    await cognito.verifySoftwareToken({ AccessToken, UserCode: code(second) });
    const after = await fixture.signIn(ClientId, 'ann', password);
    await expect(answer(ClientId, 'ann', after.Session, code(first))).rejects.toMatchObject({
      name: 'CodeMismatchException',
    });
    expect((await answer(ClientId, 'ann', after.Session, code(second))).AuthenticationResult).toBeDefined();
  });
});

describe('where a second factor is demanded', () => {
  it('administrators sign users in by the same steps', async () => {
    const { UserPoolId, ClientId } = await pool('ON');
    await user(UserPoolId, 'ann', false);
    const start = () =>
      cognito.adminInitiateAuth({
        UserPoolId,
        ClientId,
        AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME: 'ann', PASSWORD: password },
      });
    const respond = (
      ChallengeName: 'NEW_PASSWORD_REQUIRED' | 'MFA_SETUP' | 'SOFTWARE_TOKEN_MFA',
      Session: string | undefined,
      more: Record<string, string> = {},
    ) =>
      cognito.adminRespondToAuthChallenge({
        UserPoolId,
        ClientId,
        ChallengeName,
        Session,
        ChallengeResponses: { USERNAME: 'ann', ...more },
      });
    const first = await start();
    expect(first.ChallengeName).toBe('NEW_PASSWORD_REQUIRED');
    const next = await respond('NEW_PASSWORD_REQUIRED', first.Session, { NEW_PASSWORD: password });
    expect(next.ChallengeName).toBe('MFA_SETUP');
    expect(next.ChallengeParameters?.['MFAS_CAN_SETUP']).toBe('["SOFTWARE_TOKEN_MFA"]');
    await expect(respond('MFA_SETUP', next.Session)).rejects.toThrow(/verified/);
    const { SecretCode, Session } = await cognito.associateSoftwareToken({ Session: next.Session });
    const verified = await cognito.verifySoftwareToken({ Session, UserCode: code(SecretCode) });
    const done = await respond('MFA_SETUP', verified.Session);
    expect(done.AuthenticationResult?.AccessToken).toBeDefined();

    const again = await start();
    expect(again.ChallengeName).toBe('SOFTWARE_TOKEN_MFA');
    const signedIn = await respond('SOFTWARE_TOKEN_MFA', again.Session, {
      SOFTWARE_TOKEN_MFA_CODE: code(SecretCode),
    });
    expect(signedIn.AuthenticationResult?.AccessToken).toBeDefined();
  });

  it('a set-up that was begun before can not replace what the user set up meanwhile', async () => {
    const { UserPoolId, ClientId } = await pool('ON');
    await user(UserPoolId, 'ann');
    const begin = async () => {
      const { Session } = await fixture.signIn(ClientId, 'ann', password);
      return cognito.associateSoftwareToken({ Session });
    };
    const [stranger, own] = [await begin(), await begin()];
    await cognito.verifySoftwareToken({ Session: own.Session, UserCode: code(own.SecretCode) });
    await expect(
      cognito.verifySoftwareToken({ Session: stranger.Session, UserCode: code(stranger.SecretCode) }),
    ).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    const { Session } = await fixture.signIn(ClientId, 'ann', password);
    await expect(answer(ClientId, 'ann', Session, code(stranger.SecretCode))).rejects.toMatchObject({
      name: 'CodeMismatchException',
    });
  });
});

describe('where there is none', () => {
  it('no app can be set up, and what a pool can’t ask for can’t be demanded', async () => {
    const { UserPoolId, ClientId } = await pool('OFF');
    await user(UserPoolId, 'ann');
    const { AuthenticationResult } = await fixture.signIn(ClientId, 'ann', password);
    await expect(
      cognito.associateSoftwareToken({ AccessToken: AuthenticationResult?.AccessToken }),
    ).rejects.toMatchObject({ name: 'SoftwareTokenMFANotFoundException' });
    await expect(cognito.setUserPoolMfaConfig({ UserPoolId, MfaConfiguration: 'ON' })).rejects.toThrow(
      /without configuring at least one factor/,
    );
    await cognito.setUserPoolMfaConfig({
      UserPoolId,
      MfaConfiguration: 'ON',
      SoftwareTokenMfaConfiguration: { Enabled: true },
    });
    expect((await fixture.signIn(ClientId, 'ann', password)).ChallengeName).toBe('MFA_SETUP');
  });
});
