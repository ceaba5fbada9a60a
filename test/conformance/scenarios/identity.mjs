/** Cognito: a tenant's pool, users and groups, and how they sign in. */
import * as cognito from '@aws-sdk/client-cognito-identity-provider';

const email = 'admin@acme.example';
const user = (saved) => ({ UserPoolId: saved.pool, Username: email });
const signIn = (password) => (saved) => ({
  UserPoolId: saved.pool,
  ClientId: saved.client,
  AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
  AuthParameters: { USERNAME: email, PASSWORD: password },
});
export const identity = {
  Cognito: {
    Client: cognito.CognitoIdentityProviderClient,
    module: cognito,
    steps: [
      [
        'CreateUserPool',
        {
          PoolName: 'conformance',
          UsernameAttributes: ['email'],
          AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
          Schema: [{ Name: 'tenantId', AttributeDataType: 'String', Mutable: true }],
          DeletionProtection: 'ACTIVE',
        },
        { save: (answer, saved) => Object.assign(saved, { pool: answer.UserPool.Id }) },
      ],
      [
        'CreateUserPoolClient',
        (saved) => ({
          UserPoolId: saved.pool,
          ClientName: 'web',
          ExplicitAuthFlows: ['ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
        }),
        { save: (answer, saved) => Object.assign(saved, { client: answer.UserPoolClient.ClientId }) },
      ],
      ['CreateGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      [
        'CreateGroup',
        (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' }),
        { as: 'Cognito CreateGroup that exists' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({
          ...user(saved),
          MessageAction: 'SUPPRESS',
          TemporaryPassword: 'Temporary-1',
          UserAttributes: [
            { Name: 'email', Value: email },
            { Name: 'email_verified', Value: 'true' },
            { Name: 'custom:tenantId', Value: 't1' },
          ],
        }),
      ],
      [
        'AdminCreateUser',
        (saved) => ({ ...user(saved), MessageAction: 'SUPPRESS' }),
        { as: 'Cognito AdminCreateUser that exists' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({ UserPoolId: saved.pool, Username: 'plain' }),
        { as: 'Cognito AdminCreateUser, no address' },
      ],
      [
        'AdminCreateUser',
        (saved) => ({
          UserPoolId: saved.pool,
          Username: 'b@acme.example',
          UserAttributes: [{ Name: 'custom:none', Value: '1' }],
        }),
        { as: 'Cognito AdminCreateUser, no such attribute' },
      ],
      ['AdminGetUser', user],
      [
        'AdminGetUser',
        (saved) => ({ UserPoolId: saved.pool, Username: 'none' }),
        { as: 'Cognito AdminGetUser unknown' },
      ],
      ['AdminAddUserToGroup', (saved) => ({ ...user(saved), GroupName: 't1' })],
      [
        'AdminAddUserToGroup',
        (saved) => ({ ...user(saved), GroupName: 'none' }),
        { as: 'Cognito AdminAddUserToGroup unknown' },
      ],
      ['ListUsersInGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      ['AdminInitiateAuth', signIn('wrong-Password-1'), { as: 'Cognito AdminInitiateAuth, wrong password' }],
      [
        'AdminInitiateAuth',
        signIn('Temporary-1'),
        {
          save: (answer, saved) => Object.assign(saved, { session: answer.Session }),
          as: 'Cognito AdminInitiateAuth, temporary password',
        },
      ],
      [
        'AdminRespondToAuthChallenge',
        (saved) => ({
          UserPoolId: saved.pool,
          ClientId: saved.client,
          Session: saved.session,
          ChallengeName: 'NEW_PASSWORD_REQUIRED',
          ChallengeResponses: { USERNAME: email, NEW_PASSWORD: 'Lasting-Pass-1' },
        }),
      ],
      [
        'AdminSetUserPassword',
        (saved) => ({ ...user(saved), Password: 'short', Permanent: true }),
        { as: 'Cognito AdminSetUserPassword, too short' },
      ],
      ['AdminSetUserPassword', (saved) => ({ ...user(saved), Password: 'Another-Pass-1', Permanent: true })],
      ['AdminInitiateAuth', signIn('Another-Pass-1')],
      [
        'AdminUpdateUserAttributes',
        (saved) => ({ ...user(saved), UserAttributes: [{ Name: 'custom:tenantId', Value: 't2' }] }),
      ],
      ['ListUsers', (saved) => ({ UserPoolId: saved.pool, Filter: `email = "${email}"` })],
      ['ListUsers', { UserPoolId: 'us-east-1_none' }, { as: 'Cognito ListUsers, no pool' }],
      ['DescribeUserPool', (saved) => ({ UserPoolId: saved.pool })],
      ['AdminDeleteUser', user],
      ['AdminDeleteUser', user, { as: 'Cognito AdminDeleteUser unknown' }],
      ['DeleteGroup', (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' })],
      [
        'DeleteGroup',
        (saved) => ({ UserPoolId: saved.pool, GroupName: 't1' }),
        { as: 'Cognito DeleteGroup unknown' },
      ],
      [
        'DeleteUserPool',
        (saved) => ({ UserPoolId: saved.pool }),
        { as: 'Cognito DeleteUserPool, protected' },
      ],
      ['UpdateUserPool', (saved) => ({ UserPoolId: saved.pool, DeletionProtection: 'INACTIVE' })],
      ['DeleteUserPool', (saved) => ({ UserPoolId: saved.pool })],
      ['DescribeUserPool', { UserPoolId: 'us-east-1_none' }, { as: 'Cognito DescribeUserPool unknown' }],
    ],
  },
};
