/** Cognito: what becomes of users after they were invited, and what they do themselves. */
import * as cognito from '@aws-sdk/client-cognito-identity-provider';

const email = 'user@acme.example';
const password = 'Lasting-Pass-1';
const user = (saved) => ({ UserPoolId: saved.pool, Username: email });
const nobody = (saved) => ({ UserPoolId: saved.pool, Username: 'none' });
const signIn = (saved) => ({
  ClientId: saved.client,
  AuthFlow: 'USER_PASSWORD_AUTH',
  AuthParameters: { USERNAME: email, PASSWORD: password },
});
const token = (saved) => ({ AccessToken: saved.token });
const save =
  (...members) =>
  (answer, saved) =>
    members.forEach(([name, of]) => {
      saved[name] = of(answer);
    });

export const accounts = {
  'Cognito accounts': {
    Client: cognito.CognitoIdentityProviderClient,
    module: cognito,
    steps: [
      [
        'CreateUserPool',
        { PoolName: 'accounts', UsernameAttributes: ['email'], AutoVerifiedAttributes: ['email'] },
        { save: save(['pool', ({ UserPool }) => UserPool.Id]) },
      ],
      [
        'CreateUserPoolClient',
        (saved) => ({
          UserPoolId: saved.pool,
          ClientName: 'web',
          ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
          PreventUserExistenceErrors: 'ENABLED',
          WriteAttributes: ['email', 'name'],
        }),
        { save: save(['client', ({ UserPoolClient }) => UserPoolClient.ClientId]) },
      ],
      [
        'AdminCreateUser',
        (saved) => ({
          ...user(saved),
          MessageAction: 'SUPPRESS',
          UserAttributes: [
            { Name: 'email', Value: email },
            { Name: 'email_verified', Value: 'true' },
          ],
        }),
      ],
      ['AdminSetUserPassword', (saved) => ({ ...user(saved), Password: password, Permanent: true })],
      [
        'InitiateAuth',
        signIn,
        { save: save(['token', ({ AuthenticationResult }) => AuthenticationResult.AccessToken]) },
      ],
      [
        'InitiateAuth',
        (saved) => ({ ...signIn(saved), AuthParameters: { USERNAME: 'none', PASSWORD: password } }),
        { as: 'Cognito InitiateAuth unknown' },
      ],
      [
        'UpdateUserAttributes',
        (saved) => ({ ...token(saved), UserAttributes: [{ Name: 'name', Value: 'A' }] }),
      ],
      [
        'UpdateUserAttributes',
        (saved) => ({ ...token(saved), UserAttributes: [{ Name: 'custom:none', Value: 'x' }] }),
        { as: 'Cognito UpdateUserAttributes, no such attribute' },
      ],
      ['DeleteUserAttributes', (saved) => ({ ...token(saved), UserAttributeNames: ['name'] })],
      ['GetUser', token],
      ['AssociateSoftwareToken', token],
      [
        'VerifySoftwareToken',
        (saved) => ({ ...token(saved), UserCode: '000000' }),
        { as: 'Cognito VerifySoftwareToken, no authenticator' },
      ],
      [
        'AdminSetUserMFAPreference',
        (saved) => ({ ...user(saved), SoftwareTokenMfaSettings: { Enabled: false, PreferredMfa: false } }),
      ],
      [
        'AdminSetUserMFAPreference',
        (saved) => ({ ...nobody(saved), SoftwareTokenMfaSettings: { Enabled: false } }),
        { as: 'Cognito AdminSetUserMFAPreference unknown' },
      ],
      ['AdminDisableUser', user],
      ['AdminGetUser', user, { as: 'Cognito AdminGetUser disabled' }],
      ['InitiateAuth', signIn, { as: 'Cognito InitiateAuth disabled' }],
      ['AdminDisableUser', nobody, { as: 'Cognito AdminDisableUser unknown' }],
      ['AdminEnableUser', user],
      ['AdminEnableUser', nobody, { as: 'Cognito AdminEnableUser unknown' }],
      ['AdminUserGlobalSignOut', user],
      ['AdminUserGlobalSignOut', nobody, { as: 'Cognito AdminUserGlobalSignOut unknown' }],
      ['AdminResetUserPassword', user],
      ['AdminGetUser', user, { as: 'Cognito AdminGetUser, password reset' }],
      ['AdminResetUserPassword', nobody, { as: 'Cognito AdminResetUserPassword unknown' }],
      [
        'RespondToAuthChallenge',
        (saved) => ({
          ClientId: saved.client,
          ChallengeName: 'NEW_PASSWORD_REQUIRED',
          Session: 'none-of-this-endpoint',
          ChallengeResponses: { USERNAME: email, NEW_PASSWORD: password },
        }),
        { as: 'Cognito RespondToAuthChallenge, no session' },
      ],
      [
        'SignUp',
        (saved) => ({
          ClientId: saved.client,
          Username: 'new@acme.example',
          Password: password,
          UserAttributes: [{ Name: 'email', Value: 'new@acme.example' }],
        }),
      ],
      [
        'SignUp',
        (saved) => ({ ClientId: saved.client, Username: email, Password: password }),
        { as: 'Cognito SignUp that exists' },
      ],
      [
        'SignUp',
        (saved) => ({ ClientId: saved.client, Username: 'weak@acme.example', Password: 'weak' }),
        { as: 'Cognito SignUp, too short' },
      ],
      ['ForgotPassword', { ClientId: 'none', Username: email }, { as: 'Cognito ForgotPassword, no client' }],
      ['ListGroups', (saved) => ({ UserPoolId: saved.pool })],
      ['ListUserPools', { MaxResults: 60 }],
      ['DeleteUserPool', (saved) => ({ UserPoolId: saved.pool })],
    ],
  },
};
