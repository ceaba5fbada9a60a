/** Cognito: identity providers of a silo's pool, and the client that offers them. */
import * as cognito from '@aws-sdk/client-cognito-identity-provider';

const pool = (saved) => ({ UserPoolId: saved.pool });
const provider = (saved) => ({ ...pool(saved), ProviderName: 'acme-sso' });
const client = (saved) => ({ ...pool(saved), ClientId: saved.client });
const details = {
  client_id: 'abc',
  client_secret: 'hidden',
  oidc_issuer: 'https://sso.acme.example',
  authorize_scopes: 'openid email',
  attributes_request_method: 'GET',
  authorize_url: 'https://sso.acme.example/authorize',
  token_url: 'https://sso.acme.example/token',
  attributes_url: 'https://sso.acme.example/userinfo',
  jwks_uri: 'https://sso.acme.example/jwks',
};
const oidc = (saved) => ({
  ...provider(saved),
  ProviderType: 'OIDC',
  ProviderDetails: details,
  AttributeMapping: { email: 'email' },
  IdpIdentifiers: ['acme.example'],
});

export const providers = {
  'Cognito providers': {
    Client: cognito.CognitoIdentityProviderClient,
    module: cognito,
    steps: [
      [
        'CreateUserPool',
        { PoolName: 'providers', UsernameAttributes: ['email'] },
        { save: (answer, saved) => Object.assign(saved, { pool: answer.UserPool.Id }) },
      ],
      [
        'CreateUserPoolClient',
        (saved) => ({ ...pool(saved), ClientName: 'web' }),
        { save: (answer, saved) => Object.assign(saved, { client: answer.UserPoolClient.ClientId }) },
      ],
      ['CreateIdentityProvider', oidc],
      ['CreateIdentityProvider', oidc, { as: 'Cognito CreateIdentityProvider that exists' }],
      ['DescribeIdentityProvider', provider],
      [
        'DescribeIdentityProvider',
        (saved) => ({ ...pool(saved), ProviderName: 'none' }),
        { as: 'Cognito DescribeIdentityProvider unknown' },
      ],
      ['ListIdentityProviders', (saved) => ({ ...pool(saved), MaxResults: 60 })],
      ['UpdateIdentityProvider', (saved) => ({ ...provider(saved), AttributeMapping: { email: 'mail' } })],
      [
        'UpdateIdentityProvider',
        (saved) => ({ ...pool(saved), ProviderName: 'none', AttributeMapping: { email: 'mail' } }),
        { as: 'Cognito UpdateIdentityProvider unknown' },
      ],
      ['DescribeUserPoolClient', client],
      [
        'DescribeUserPoolClient',
        (saved) => ({ ...pool(saved), ClientId: 'none' }),
        { as: 'Cognito DescribeUserPoolClient unknown' },
      ],
      [
        'UpdateUserPoolClient',
        (saved) => ({ ...client(saved), SupportedIdentityProviders: ['COGNITO', 'acme-sso'] }),
      ],
      [
        'UpdateUserPoolClient',
        (saved) => ({ ...client(saved), SupportedIdentityProviders: ['COGNITO', 'none'] }),
        { as: 'Cognito UpdateUserPoolClient, no such provider' },
      ],
      [
        'UpdateUserPoolClient',
        (saved) => ({ ...pool(saved), ClientId: 'none' }),
        { as: 'Cognito UpdateUserPoolClient unknown' },
      ],
      ['DeleteIdentityProvider', provider],
      ['DeleteIdentityProvider', provider, { as: 'Cognito DeleteIdentityProvider unknown' }],
      ['DeleteUserPoolClient', client],
      ['DeleteUserPoolClient', client, { as: 'Cognito DeleteUserPoolClient unknown' }],
      ['DeleteUserPool', pool],
    ],
  },
};
