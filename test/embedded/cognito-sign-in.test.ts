import { createHmac } from 'node:crypto';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminInitiateAuthCommand,
  AdminResetUserPasswordCommand,
  AdminSetUserPasswordCommand,
  AdminUserGlobalSignOutCommand,
  AssociateSoftwareTokenCommand,
  ChangePasswordCommand,
  CognitoIdentityProviderClient,
  ConfirmForgotPasswordCommand,
  ConfirmSignUpCommand,
  CreateGroupCommand,
  ForgotPasswordCommand,
  GetUserCommand,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  SetUserPoolMfaConfigCommand,
  SignUpCommand,
  UpdateUserAttributesCommand,
  VerifySoftwareTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { totpCode } from '../../src/embedded/resources/cognito/totp.ts';
import { CognitoFixture } from './cognito-fixture.ts';
import { SrpClient } from './srp-client.ts';

const cognito = new CognitoFixture();
const password = 'Correct-horse-1';
let pool: string;
let client: string;

beforeAll(async () => {
  await cognito.start();
  pool = await cognito.pool({
    UsernameAttributes: ['email'],
    AutoVerifiedAttributes: ['email'],
    Schema: ['tenantId', 'userRole'].map((Name) => ({ Name, AttributeDataType: 'String', Mutable: true })),
  });
  client = (
    await cognito.client(pool, {
      WriteAttributes: ['email', 'name'],
      ReadAttributes: ['email', 'name', 'custom:tenantId'],
      PreventUserExistenceErrors: 'ENABLED',
    })
  ).ClientId;
});
afterAll(() => cognito.stop());

const invite = async (Username: string, attributes: Record<string, string> = {}, UserPoolId = pool) => {
  const { User } = await cognito.admin.send(
    new AdminCreateUserCommand({
      UserPoolId,
      Username,
      UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
      DesiredDeliveryMediums: ['EMAIL'],
    }),
  );
  return User;
};
/** A user with a password of his own. */
const member = async (Username: string, attributes: Record<string, string> = {}) => {
  const user = await invite(Username, attributes);
  await cognito.admin.send(
    new AdminSetUserPasswordCommand({ UserPoolId: pool, Username, Password: password, Permanent: true }),
  );
  return user;
};
const signedIn = async (Username: string, ClientId = client) => {
  const { AuthenticationResult } = await cognito.signIn(ClientId, Username, password);
  return AuthenticationResult ?? {};
};

describe('an invited user', () => {
  it('signs in with the mailed password, sets one, and gets tokens that verify against the key set', async () => {
    const user = await invite('Ada@acme.example', {
      'custom:tenantId': 't1',
      'custom:userRole': 'TenantAdmin',
    });
    expect(user?.UserStatus).toBe('FORCE_CHANGE_PASSWORD');
    expect(user?.Username).toMatch(/^[0-9a-f-]{36}$/);
    await cognito.admin.send(new CreateGroupCommand({ UserPoolId: pool, GroupName: 't1' }));
    await cognito.admin.send(
      new AdminAddUserToGroupCommand({ UserPoolId: pool, GroupName: 't1', Username: user?.Username }),
    );

    const challenge = await cognito.signIn(client, 'Ada@acme.example', cognito.mailed('Ada@acme.example'));
    expect(challenge.ChallengeName).toBe('NEW_PASSWORD_REQUIRED');
    expect(challenge.AuthenticationResult).toBeUndefined();
    const answer = (next: string, more = {}) =>
      cognito.answerNewPassword(client, challenge.Session, 'Ada@acme.example', next, more);
    await expect(answer('short')).rejects.toMatchObject({ name: 'InvalidPasswordException' });
    await expect(answer(password, { 'userAttributes.custom:tenantId': 't2' })).rejects.toMatchObject({
      name: 'NotAuthorizedException',
    });
    const { AuthenticationResult: tokens } = await answer(password, { 'userAttributes.name': 'Ada' });
    await expect(answer(password)).rejects.toMatchObject({ name: 'NotAuthorizedException' });

    const issuer = `${cognito.cloud.endpoint}/_aws/cognito/${pool}`;
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const id = await jwtVerify(tokens?.IdToken ?? '', keys, {
      issuer,
      audience: client,
      algorithms: ['RS256'],
    });
    expect(id.payload).toMatchObject({
      sub: user?.Username,
      'cognito:username': user?.Username,
      'cognito:groups': ['t1'],
      token_use: 'id',
      email: 'Ada@acme.example',
      name: 'Ada',
      'custom:tenantId': 't1',
    });
    // Not among the client's ReadAttributes.
    expect(id.payload).not.toHaveProperty('custom:userRole');
    const access = await jwtVerify(tokens?.AccessToken ?? '', keys, { issuer });
    expect(access.payload).toMatchObject({
      token_use: 'access',
      client_id: client,
      username: user?.Username,
      'cognito:groups': ['t1'],
      origin_jti: id.payload['origin_jti'],
    });
    expect((access.payload.exp ?? 0) - (access.payload.iat ?? 0)).toBe(3600);
    const configuration = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    expect(configuration).toMatchObject({ issuer, jwks_uri: `${issuer}/.well-known/jwks.json` });
  });

  it('is too late when the temporary password has expired, until invited again', async () => {
    await invite('late@acme.example');
    const first = cognito.mailed('late@acme.example');
    cognito.advance(8 * 86_400_000);
    await expect(cognito.signIn(client, 'late@acme.example', first)).rejects.toThrow('expired');
    await cognito.admin.send(
      new AdminCreateUserCommand({
        UserPoolId: pool,
        Username: 'late@acme.example',
        MessageAction: 'RESEND',
        DesiredDeliveryMediums: ['EMAIL'],
      }),
    );
    const second = cognito.mailed('late@acme.example');
    expect(second).not.toBe(first);
    expect((await cognito.signIn(client, 'late@acme.example', second)).ChallengeName).toBe(
      'NEW_PASSWORD_REQUIRED',
    );
  });

  it('is found in the outbox by programs, not by pages', async () => {
    await invite('mail@acme.example');
    const url = `${cognito.cloud.endpoint}/_aws/outbox`;
    const { mails } = (await (await fetch(url)).json()) as {
      mails: { to: string; body: string; secret: string }[];
    };
    const mail = mails.at(-1);
    expect(mail?.to).toBe('mail@acme.example');
    expect(mail?.body).toContain(mail?.secret);
    expect(mail?.body).toContain('mail@acme.example');
    expect((await fetch(url, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  });
});

describe('SRP', () => {
  const srp = async (username: string, secret: string) => {
    const exchange = new SrpClient();
    const started = await cognito.admin.send(
      new InitiateAuthCommand({
        ClientId: client,
        AuthFlow: 'USER_SRP_AUTH',
        AuthParameters: { USERNAME: username, SRP_A: exchange.srpA },
      }),
    );
    expect(started.ChallengeName).toBe('PASSWORD_VERIFIER');
    return cognito.admin.send(
      new RespondToAuthChallengeCommand({
        ClientId: client,
        ChallengeName: 'PASSWORD_VERIFIER',
        ChallengeResponses: exchange.answer(pool, secret, started.ChallengeParameters ?? {}),
      }),
    );
  };

  it('takes the right password and no other, and does not tell who exists', async () => {
    await member('srp@acme.example');
    // Padding depends on leading bits, so once is not enough.
    for (let round = 0; round < 6; round += 1) {
      const { AuthenticationResult } = await srp('srp@acme.example', password);
      expect(AuthenticationResult?.IdToken).toBeDefined();
    }
    await expect(srp('srp@acme.example', 'Wrong-horse-1')).rejects.toThrow('Incorrect username or password.');
    await expect(srp('nobody@acme.example', password)).rejects.toThrow('Incorrect username or password.');
  });

  it('leads to the new password too', async () => {
    await invite('srp-new@acme.example');
    const challenge = await srp('srp-new@acme.example', cognito.mailed('srp-new@acme.example'));
    expect(challenge.ChallengeName).toBe('NEW_PASSWORD_REQUIRED');
  });
});

describe('what a user may write', () => {
  it('is what the client lists: never the tenant', async () => {
    await member('eve@acme.example', { 'custom:tenantId': 't1' });
    const { AccessToken } = await signedIn('eve@acme.example');
    const update = (Name: string, Value: string) =>
      cognito.admin.send(new UpdateUserAttributesCommand({ AccessToken, UserAttributes: [{ Name, Value }] }));
    await expect(update('custom:tenantId', 't2')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    await expect(update('email_verified', 'true')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    await expect(update('custom:none', 'x')).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await update('name', 'Eve');
    const { UserAttributes = [] } = await cognito.admin.send(new GetUserCommand({ AccessToken }));
    const values = Object.fromEntries(UserAttributes.map(({ Name, Value }) => [Name, Value]));
    expect(values).toMatchObject({ name: 'Eve', 'custom:tenantId': 't1' });
  });

  it('is everything where the client lists nothing', async () => {
    await member('free@acme.example', { 'custom:tenantId': 't1' });
    const open = await cognito.client(pool);
    const { AccessToken } = await signedIn('free@acme.example', open.ClientId);
    await cognito.admin.send(
      new UpdateUserAttributesCommand({
        AccessToken,
        UserAttributes: [{ Name: 'custom:tenantId', Value: 't2' }],
      }),
    );
  });

  it('holds for signing up too', async () => {
    const signUp = (attributes: Record<string, string>) =>
      cognito.admin.send(
        new SignUpCommand({
          ClientId: client,
          Username: 'new@acme.example',
          Password: password,
          UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
        }),
      );
    await expect(signUp({ 'custom:tenantId': 't1' })).rejects.toMatchObject({
      name: 'NotAuthorizedException',
    });
    expect(await signUp({ name: 'New' })).toMatchObject({
      UserConfirmed: false,
      CodeDeliveryDetails: { Destination: 'n***@a***', DeliveryMedium: 'EMAIL' },
    });
    await expect(signedIn('new@acme.example')).rejects.toMatchObject({ name: 'UserNotConfirmedException' });
    const confirm = (ConfirmationCode: string) =>
      cognito.admin.send(
        new ConfirmSignUpCommand({ ClientId: client, Username: 'new@acme.example', ConfirmationCode }),
      );
    const code = cognito.mailed('new@acme.example');
    await expect(confirm(code === '000000' ? '111111' : '000000')).rejects.toMatchObject({
      name: 'CodeMismatchException',
    });
    await confirm(code);
    expect((await signedIn('new@acme.example')).IdToken).toBeDefined();
  });

  it('is refused where only administrators make users', async () => {
    const closed = await cognito.pool({ AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } });
    const { ClientId } = await cognito.client(closed);
    await expect(
      cognito.admin.send(new SignUpCommand({ ClientId, Username: 'x', Password: password })),
    ).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  });
});

describe('tokens and accounts that end', () => {
  it('refuses a disabled and a deleted user, with password, refresh token and access token', async () => {
    await member('off@acme.example');
    const { RefreshToken = '', AccessToken } = await signedIn('off@acme.example');
    const refreshed = await cognito.refresh(client, RefreshToken);
    expect(refreshed.AuthenticationResult?.IdToken).toBeDefined();
    expect(refreshed.AuthenticationResult?.RefreshToken).toBeUndefined();
    const who = { UserPoolId: pool, Username: 'off@acme.example' };
    const refused = async () => {
      await expect(signedIn('off@acme.example')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
      await expect(cognito.refresh(client, RefreshToken)).rejects.toMatchObject({
        name: 'NotAuthorizedException',
      });
      await expect(cognito.admin.send(new GetUserCommand({ AccessToken }))).rejects.toThrow();
    };
    await cognito.admin.send(new AdminDisableUserCommand(who));
    await refused();
    await cognito.admin.send(new AdminEnableUserCommand(who));
    expect((await signedIn('off@acme.example')).IdToken).toBeDefined();
    await cognito.admin.send(new AdminDeleteUserCommand(who));
    await refused();
  });

  it('signs out everywhere, and lets in again', async () => {
    await member('out@acme.example');
    const before = await signedIn('out@acme.example');
    await cognito.admin.send(
      new AdminUserGlobalSignOutCommand({ UserPoolId: pool, Username: 'out@acme.example' }),
    );
    await expect(cognito.refresh(client, before.RefreshToken ?? '')).rejects.toThrow('revoked');
    await expect(cognito.admin.send(new GetUserCommand({ AccessToken: before.AccessToken }))).rejects.toThrow(
      'revoked',
    );
    const after = await signedIn('out@acme.example');
    await cognito.refresh(client, after.RefreshToken ?? '');
    await cognito.admin.send(new GetUserCommand({ AccessToken: after.AccessToken }));
  });

  it('revokes one sign-in and no other; refuses what it did not issue, and what is old', async () => {
    await member('rev@acme.example');
    const [one, two] = [await signedIn('rev@acme.example'), await signedIn('rev@acme.example')];
    await cognito.admin.send(new RevokeTokenCommand({ ClientId: client, Token: one.RefreshToken }));
    await expect(cognito.refresh(client, one.RefreshToken ?? '')).rejects.toThrow('revoked');
    await cognito.refresh(client, two.RefreshToken ?? '');
    const other = await cognito.client(pool);
    await expect(cognito.refresh(other.ClientId, two.RefreshToken ?? '')).rejects.toThrow(
      'Invalid Refresh Token',
    );
    await expect(cognito.refresh(client, 'a.b.c.d.e')).rejects.toThrow('Invalid Refresh Token');
    const forged = `${two.AccessToken?.slice(0, -4)}AAAA`;
    await expect(cognito.admin.send(new GetUserCommand({ AccessToken: forged }))).rejects.toThrow('Invalid');
    await expect(cognito.admin.send(new GetUserCommand({ AccessToken: two.IdToken }))).rejects.toThrow(
      'Invalid',
    );
    cognito.advance(2 * 3_600_000);
    await expect(cognito.admin.send(new GetUserCommand({ AccessToken: two.AccessToken }))).rejects.toThrow(
      'expired',
    );
    cognito.advance(31 * 86_400_000);
    await expect(cognito.refresh(client, two.RefreshToken ?? '')).rejects.toThrow('expired');
  });

  it('locks an account that is guessed at', async () => {
    await member('guess@acme.example');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(cognito.signIn(client, 'guess@acme.example', 'wrong')).rejects.toThrow('Incorrect');
    }
    await expect(signedIn('guess@acme.example')).rejects.toThrow('Password attempts exceeded');
    cognito.advance(2000);
    expect((await signedIn('guess@acme.example')).IdToken).toBeDefined();
  });
});

describe('passwords', () => {
  it('are changed by who knows the old one', async () => {
    await member('pw@acme.example');
    const { AccessToken } = await signedIn('pw@acme.example');
    const change = (PreviousPassword: string, ProposedPassword: string) =>
      cognito.admin.send(new ChangePasswordCommand({ AccessToken, PreviousPassword, ProposedPassword }));
    await expect(change('wrong', 'Another-horse-1')).rejects.toMatchObject({
      name: 'NotAuthorizedException',
    });
    await expect(change(password, 'weak')).rejects.toMatchObject({ name: 'InvalidPasswordException' });
    await change(password, 'Another-horse-1');
    await expect(signedIn('pw@acme.example')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    await cognito.signIn(client, 'pw@acme.example', 'Another-horse-1');
  });

  it("are replaced by a mailed code, once, and by an administrator's reset", async () => {
    await member('forgot@acme.example', { email_verified: 'true' });
    const who = { ClientId: client, Username: 'forgot@acme.example' };
    await cognito.admin.send(new ForgotPasswordCommand(who));
    const ConfirmationCode = cognito.mailed('forgot@acme.example');
    expect(ConfirmationCode).toMatch(/^\d{6}$/);
    const confirm = (Password: string) =>
      cognito.admin.send(new ConfirmForgotPasswordCommand({ ...who, ConfirmationCode, Password }));
    await expect(confirm('weak')).rejects.toMatchObject({ name: 'InvalidPasswordException' });
    await confirm('Another-horse-1');
    await expect(confirm('Third-horse-1')).rejects.toMatchObject({ name: 'ExpiredCodeException' });
    await cognito.signIn(client, who.Username, 'Another-horse-1');
    await cognito.admin.send(new AdminResetUserPasswordCommand({ UserPoolId: pool, Username: who.Username }));
    await expect(cognito.signIn(client, who.Username, 'Another-horse-1')).rejects.toMatchObject({
      name: 'PasswordResetRequiredException',
    });
    // A stranger's address is answered alike.
    const stranger = await cognito.admin.send(
      new ForgotPasswordCommand({ ClientId: client, Username: 'x@y.example' }),
    );
    expect(stranger.CodeDeliveryDetails?.DeliveryMedium).toBe('EMAIL');
  });
});

describe('a client', () => {
  it('allows the flows that it lists', async () => {
    await member('flow@acme.example');
    const { ClientId } = await cognito.client(pool, {
      ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH'],
    });
    await expect(signedIn('flow@acme.example', ClientId)).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    const { AuthenticationResult } = await cognito.admin.send(
      new AdminInitiateAuthCommand({
        UserPoolId: pool,
        ClientId,
        AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME: 'flow@acme.example', PASSWORD: password },
      }),
    );
    expect(AuthenticationResult?.IdToken).toBeDefined();
  });

  it('with a secret wants its hash', async () => {
    await member('hash@acme.example');
    const { ClientId, ClientSecret = '' } = await cognito.client(pool, { GenerateSecret: true });
    const sign = (SECRET_HASH?: string) =>
      cognito.admin.send(
        new InitiateAuthCommand({
          ClientId,
          AuthFlow: 'USER_PASSWORD_AUTH',
          AuthParameters: {
            USERNAME: 'hash@acme.example',
            PASSWORD: password,
            ...(SECRET_HASH && { SECRET_HASH }),
          },
        }),
      );
    await expect(sign()).rejects.toThrow('SECRET_HASH was not received');
    await expect(sign('AAAA')).rejects.toMatchObject({ name: 'NotAuthorizedException' });
    const hash = createHmac('sha256', ClientSecret).update(`hash@acme.example${ClientId}`).digest('base64');
    expect((await sign(hash)).AuthenticationResult?.IdToken).toBeDefined();
  });

  it('tells who exists unless it is told not to; needs no credentials for it', async () => {
    const { ClientId } = await cognito.client(pool);
    await expect(cognito.signIn(ClientId, 'nobody@acme.example', 'x')).rejects.toMatchObject({
      name: 'UserNotFoundException',
    });
    await expect(cognito.signIn(client, 'nobody@acme.example', 'x')).rejects.toMatchObject({
      name: 'NotAuthorizedException',
    });
    const anonymous = new CognitoIdentityProviderClient({
      endpoint: cognito.cloud.endpoint,
      region: cognito.cloud.region,
      credentials: { accessKeyId: '', secretAccessKey: '' },
      signer: { sign: (request) => Promise.resolve(request) },
      maxAttempts: 1,
    });
    await member('anon@acme.example');
    const { AuthenticationResult } = await anonymous.send(
      new InitiateAuthCommand({
        ClientId: client,
        AuthFlow: 'USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME: 'anon@acme.example', PASSWORD: password },
      }),
    );
    expect(AuthenticationResult?.IdToken).toBeDefined();
    await expect(
      anonymous.send(new AdminDeleteUserCommand({ UserPoolId: pool, Username: 'anon@acme.example' })),
    ).rejects.toThrow();
    anonymous.destroy();
  });
});

describe('a second factor', () => {
  it('is set up on the first sign-in where the pool demands it, and asked for from then on', async () => {
    const strict = await cognito.pool();
    await cognito.admin.send(
      new SetUserPoolMfaConfigCommand({
        UserPoolId: strict,
        MfaConfiguration: 'ON',
        SoftwareTokenMfaConfiguration: { Enabled: true },
      }),
    );
    const { ClientId } = await cognito.client(strict);
    await invite('ada', { email: 'ada@acme.example' }, strict);
    await cognito.admin.send(
      new AdminSetUserPasswordCommand({
        UserPoolId: strict,
        Username: 'ada',
        Password: password,
        Permanent: true,
      }),
    );
    const setup = await cognito.signIn(ClientId, 'ada', password);
    expect(setup.ChallengeName).toBe('MFA_SETUP');
    const { SecretCode = '', Session } = await cognito.admin.send(
      new AssociateSoftwareTokenCommand({ Session: setup.Session }),
    );
    const verified = await cognito.admin.send(
      new VerifySoftwareTokenCommand({ Session, UserCode: totpCode(SecretCode, cognito.cloud.clock.now()) }),
    );
    expect(verified.Status).toBe('SUCCESS');
    const respond = (ChallengeName: 'MFA_SETUP' | 'SOFTWARE_TOKEN_MFA', session?: string, code?: string) =>
      cognito.admin.send(
        new RespondToAuthChallengeCommand({
          ClientId,
          ChallengeName,
          Session: session,
          ChallengeResponses: { USERNAME: 'ada', ...(code && { SOFTWARE_TOKEN_MFA_CODE: code }) },
        }),
      );
    expect((await respond('MFA_SETUP', verified.Session)).AuthenticationResult?.IdToken).toBeDefined();

    const { ChallengeName, Session: asked } = await cognito.signIn(ClientId, 'ada', password);
    expect(ChallengeName).toBe('SOFTWARE_TOKEN_MFA');
    cognito.advance(60_000);
    const code = totpCode(SecretCode, cognito.cloud.clock.now());
    const wrong = code === '000000' ? '111111' : '000000';
    await expect(respond('SOFTWARE_TOKEN_MFA', asked, wrong)).rejects.toMatchObject({
      name: 'CodeMismatchException',
    });
    expect((await respond('SOFTWARE_TOKEN_MFA', asked, code)).AuthenticationResult?.IdToken).toBeDefined();
    const again = await cognito.signIn(ClientId, 'ada', password);
    await expect(respond('SOFTWARE_TOKEN_MFA', again.Session, code)).rejects.toMatchObject({
      name: 'ExpiredCodeException',
    });
  });

  it('counts as RFC 6238 says', () => {
    // Its test vector for SHA-1 at 59 s; the secret is "12345678901234567890".
    expect(totpCode('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 59_000)).toBe('287082');
  });
});
