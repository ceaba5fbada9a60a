/** Signing in where a user pool asks for a second factor, against the embedded cloud's Cognito. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  SetUserPoolMfaConfigCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authenticator, totp } from '../../src/model/authenticator.ts';
import { signInByPassword, type UserPool } from '../../src/model/sign-in.ts';
import { storedAuthenticator } from '../../src/services/stored-authenticator.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';

// RFC 6238, appendix B, the last six digits; the secret is the ASCII text 12345678901234567890.
it.each([
  [59, '287082'],
  [1111111109, '081804'],
  [1234567890, '005924'],
  [20000000000, '353130'],
])('makes the code of RFC 6238 for second %i', (second, code) => {
  expect(totp('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', second * 1000)).toBe(code);
});

describe('a user of a pool that requires a second factor', () => {
  let fixture: Fixture;
  let cognito: CognitoIdentityProviderClient;
  let pool: UserPool;
  const email = 'bo@acme.example';
  const password = 'Correct-horse-1-battery';

  beforeAll(async () => {
    fixture = await startRegistry();
    cognito = new CognitoIdentityProviderClient(fixture.options);
    const { UserPool } = await cognito.send(
      new CreateUserPoolCommand({
        PoolName: 'p',
        UsernameAttributes: ['email'],
        Schema: ['tenantId', 'tenantTier', 'tenantName', 'userRole'].map((Name) => ({
          Name,
          AttributeDataType: 'String' as const,
        })),
      }),
    );
    const UserPoolId = UserPool?.Id ?? '';
    await cognito.send(
      new SetUserPoolMfaConfigCommand({
        UserPoolId,
        MfaConfiguration: 'ON',
        SoftwareTokenMfaConfiguration: { Enabled: true },
      }),
    );
    const { UserPoolClient } = await cognito.send(
      new CreateUserPoolClientCommand({
        UserPoolId,
        ClientName: 'app',
        ExplicitAuthFlows: [
          'ALLOW_ADMIN_USER_PASSWORD_AUTH',
          'ALLOW_USER_PASSWORD_AUTH',
          'ALLOW_REFRESH_TOKEN_AUTH',
        ],
      }),
    );
    pool = { userPoolId: UserPoolId, clientId: UserPoolClient?.ClientId ?? '' };
    await cognito.send(
      new AdminCreateUserCommand({ UserPoolId, Username: email, MessageAction: 'SUPPRESS' }),
    );
    await cognito.send(
      new AdminSetUserPasswordCommand({ UserPoolId, Username: email, Password: password, Permanent: true }),
    );
  });
  afterAll(() => fixture.stop());

  it('is not let in by his password, and is told what is asked for', async () => {
    await expect(signInByPassword(cognito, pool, { email, password })).rejects.toMatchObject({
      code: 'second_factor_required',
      hint: expect.stringContaining('--mfa-code'),
    });
  });

  it('sets up an authenticator as he signs in, and is asked for its code from then on', async () => {
    const slips = ['000000'];
    const authenticator = new Authenticator();
    const factor = {
      enrol: (secret: string) => authenticator.enrol(secret),
      // A slip is no more than that.
      code: async () => slips.pop() ?? authenticator.code(),
    };
    expect(
      (await signInByPassword(cognito, pool, { email, password, secondFactor: factor })).IdToken,
    ).toMatch(/^ey/);
    const wrong = { enrol: () => Promise.reject(new Error('enrolled twice')), code: async () => '000000' };
    await expect(
      signInByPassword(cognito, pool, { email, password, secondFactor: wrong }, 'application'),
    ).rejects.toMatchObject({ code: 'code_refused' });
    // The next code, as an authenticator whose clock is a little ahead gives it.
    const ahead = {
      enrol: wrong.enrol,
      code: async () => totp(authenticator.state.secret, (authenticator.state.given + 1) * 30_000),
    };
    expect((await signInByPassword(cognito, pool, { email, password, secondFactor: ahead })).IdToken).toMatch(
      /^ey/,
    );
  });

  it('keeps an authenticator in a file that only its owner reads, and gives no code twice', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-authenticator-'));
    try {
      const file = path.join(directory, 'authenticators', 'bo');
      await expect(storedAuthenticator(file).code()).rejects.toMatchObject({ code: 'authenticator_unknown' });
      await storedAuthenticator(file).enrol('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
      const code = await storedAuthenticator(file).code();
      const { given } = JSON.parse(await readFile(file, 'utf8')) as { given: number };
      expect(code).toBe(totp('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', given * 30_000));
      expect((await stat(file)).mode & 0o077).toBe(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
