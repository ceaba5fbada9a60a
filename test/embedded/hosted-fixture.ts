import {
  CognitoIdentityProvider,
  type CreateUserPoolClientCommandInput,
  type CreateUserPoolCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import * as oidc from 'openid-client';
import { CognitoFixture } from './cognito-fixture.ts';
import { Browser, type Page } from './hosted-browser.ts';

export const callback = 'http://localhost:3000/signed-in';
export const signedOut = 'http://localhost:3000/bye';
export const password = 'Correct-horse-1';

/** A pool with a domain, one user `ann`, and an app that a stock OpenID Connect library stands for. */
export interface App {
  UserPoolId: string;
  ClientId: string;
  domain: string;
  config: oidc.Configuration;
}

export class HostedFixture extends CognitoFixture {
  cognito!: CognitoIdentityProvider;
  private pools = 0;

  override async start(port = 0): Promise<void> {
    await super.start(port);
    this.cognito = new CognitoIdentityProvider({
      endpoint: this.cloud.endpoint,
      region: this.cloud.region,
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
  }

  issuer(UserPoolId: string): string {
    return `${this.cloud.endpoint}/_aws/cognito/${UserPoolId}`;
  }

  page(domain: string, path: string): string {
    return `${this.cloud.endpoint}/_aws/cognito-domain/${domain}/${path}`;
  }

  async app(
    client: Partial<CreateUserPoolClientCommandInput> = {},
    pool: Partial<CreateUserPoolCommandInput> = {},
  ): Promise<App> {
    const UserPoolId = await this.pool(pool);
    this.pools += 1;
    const domain = `app-${this.pools}`;
    await this.cognito.createUserPoolDomain({ UserPoolId, Domain: domain });
    await this.user(UserPoolId, 'ann', 'ann@example.com');
    return this.addClient({ UserPoolId, domain }, client);
  }

  async addClient(
    { UserPoolId, domain }: Pick<App, 'UserPoolId' | 'domain'>,
    client: Partial<CreateUserPoolClientCommandInput> = {},
  ): Promise<App> {
    const { ClientId, ClientSecret } = await this.client(UserPoolId, {
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', 'email', 'profile', 'aws.cognito.signin.user.admin'],
      CallbackURLs: [callback],
      LogoutURLs: [signedOut],
      SupportedIdentityProviders: ['COGNITO'],
      ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'],
      ...client,
    });
    const config = await oidc.discovery(
      new URL(this.issuer(UserPoolId)),
      ClientId,
      undefined,
      ClientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(ClientSecret),
      { execute: [oidc.allowInsecureRequests] },
    );
    return { UserPoolId, ClientId, domain, config };
  }

  async user(UserPoolId: string, Username: string, email: string, temporary = false): Promise<void> {
    await this.cognito.adminCreateUser({
      UserPoolId,
      Username,
      MessageAction: 'SUPPRESS',
      UserAttributes: [
        { Name: 'email', Value: email },
        { Name: 'email_verified', Value: 'true' },
      ],
    });
    await this.cognito.adminSetUserPassword({
      UserPoolId,
      Username,
      Password: password,
      Permanent: !temporary,
    });
  }
}

/** One authorization request as the library makes it, with its secrets. */
export async function request(app: App, parameters: Record<string, string> = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(),
  };
  const url = oidc.buildAuthorizationUrl(app.config, {
    redirect_uri: callback,
    scope: 'openid email profile',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...parameters,
  });
  return { url: url.href, checks };
}

/** The browser's way from the app to the password and back: the address it ends at. */
export async function passwordSignIn(browser: Browser, url: string, username = 'ann'): Promise<Page> {
  const page = await browser.open(url);
  return browser.submit(page, { username, password });
}

export { Browser };
