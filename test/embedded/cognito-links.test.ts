/** Users of a pool's own who come from an identity provider as well. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, HostedFixture, password } from './hosted-fixture.ts';

const fixture = new HostedFixture();
let app: App;
beforeAll(async () => {
  await fixture.start();
  app = await fixture.app({ ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] });
  await fixture.cognito.createIdentityProvider({
    UserPoolId: app.UserPoolId,
    ProviderName: 'okta',
    ProviderType: 'OIDC',
    ProviderDetails: {
      client_id: 'x',
      client_secret: 'x',
      oidc_issuer: 'https://okta.example',
      authorize_scopes: 'openid',
      attributes_request_method: 'GET',
    },
  });
});
afterAll(async () => {
  fixture.cognito.destroy();
  await fixture.stop();
});

async function identities(): Promise<unknown> {
  const { AuthenticationResult } = await fixture.cognito.initiateAuth({
    ClientId: app.ClientId,
    AuthFlow: 'USER_PASSWORD_AUTH',
    AuthParameters: { USERNAME: 'ann', PASSWORD: password },
  });
  return decodeJwt(AuthenticationResult?.IdToken ?? '')['identities'];
}
const link = (ProviderName: string, username: string, subject: string) =>
  fixture.cognito.adminLinkProviderForUser({
    UserPoolId: app.UserPoolId,
    DestinationUser: { ProviderName: 'Cognito', ProviderAttributeValue: username },
    SourceUser: {
      ProviderName,
      ProviderAttributeName: 'Cognito_Subject',
      ProviderAttributeValue: subject,
    },
  });

it('have it in their tokens, until they are unlinked', async () => {
  expect(await identities()).toBeUndefined();
  await link('okta', 'ann', '00u1');
  expect(await identities()).toEqual([
    expect.objectContaining({ userId: '00u1', providerName: 'okta', providerType: 'OIDC', primary: 'false' }),
  ]);
  await expect(link('okta', 'ann', '00u1')).rejects.toThrow('already linked');
  await fixture.cognito.adminDisableProviderForUser({
    UserPoolId: app.UserPoolId,
    User: { ProviderName: 'okta', ProviderAttributeName: 'Cognito_Subject', ProviderAttributeValue: '00u1' },
  });
  expect(await identities()).toBeUndefined();
});

it('are linked to a provider and a user that are there', async () => {
  await expect(link('nobody', 'ann', '1')).rejects.toThrow('does not exist');
  await expect(link('okta', 'nobody', '1')).rejects.toMatchObject({ name: 'UserNotFoundException' });
});
