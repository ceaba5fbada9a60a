import { CfnUserPool, CfnUserPoolClient, CfnUserPoolDomain } from 'aws-cdk-lib/aws-cognito';
import { Aws, Fn } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { SignIn } from '../../model/config.ts';
import { tenantAttributes } from '../../model/tenant.ts';
import type { MfaMode } from '../../model/tier.ts';
import { keep } from '../keep.ts';
import { accept } from '../review.ts';

const bare = (attribute: string): string => attribute.replace('custom:', '');

export interface TenantUserPoolProps {
  mfa: MfaMode;
  /** Of the application; without it the pool has no hosted sign-in. */
  signIn?: SignIn | undefined;
}

const mfaConfiguration: Record<MfaMode, string> = { off: 'OFF', optional: 'OPTIONAL', required: 'ON' };

/**
 * Prefix of a pool's domain, which must be the only one of its name in the Region. It is the stack's own UUID: hexadecimal, so
 * it holds none of the words that Cognito reserves (`aws`, `amazon`, `cognito`), and it tells nobody whose it is.
 */
const domainPrefix = (): string => `sign-in-${Fn.select(2, Fn.split('/', Aws.STACK_ID))}`;

/** Where the users of one silo tenant, or of all tenants of the pool, sign in. */
export class TenantUserPool extends Construct {
  readonly userPoolId: string;
  readonly userPoolArn: string;
  readonly clientId: string;
  /** As AWS, or whoever stands in for it, forms it; never built from Region and id. */
  readonly issuer: string;
  /** Prefix of the domain of hosted sign-in. */
  readonly domain: string | undefined;

  constructor(scope: Construct, id: string, { mfa, signIn }: TenantUserPoolProps) {
    super(scope, id);
    const pool = new CfnUserPool(this, 'UserPool', {
      userPoolName: Aws.STACK_NAME,
      userPoolTier: 'LITE',
      usernameAttributes: ['email'],
      usernameConfiguration: { caseSensitive: false },
      autoVerifiedAttributes: ['email'],
      userAttributeUpdateSettings: { attributesRequireVerificationBeforeUpdate: ['email'] },
      adminCreateUserConfig: { allowAdminCreateUserOnly: true },
      accountRecoverySetting: { recoveryMechanisms: [{ name: 'verified_email', priority: 1 }] },
      mfaConfiguration: mfaConfiguration[mfa],
      ...(mfa !== 'off' && { enabledMfas: ['SOFTWARE_TOKEN_MFA'] }),
      policies: {
        passwordPolicy: {
          minimumLength: 12,
          requireLowercase: true,
          requireUppercase: true,
          requireNumbers: true,
          requireSymbols: true,
          temporaryPasswordValidityDays: 7,
        },
      },
      schema: [
        { name: 'email', attributeDataType: 'String', mutable: true, required: true },
        // A user never changes tenants: not even an administrator's call can move one.
        { name: bare(tenantAttributes.tenantId), attributeDataType: 'String', mutable: false },
        ...[tenantAttributes.tier, tenantAttributes.name, tenantAttributes.role].map((attribute) => ({
          name: bare(attribute),
          attributeDataType: 'String',
          mutable: true,
        })),
      ],
    });
    keep(pool);
    accept(
      pool,
      {
        id: 'AwsSolutions-COG2',
        reason:
          'Whether a second factor is offered or required is a setting of the tier (mfa); unless told it is offered to every user',
      },
      {
        id: 'AwsSolutions-COG8',
        reason:
          'The Plus plan bills every user of every tenant, which Lite does not until 10,000 of them: a choice, not a default',
      },
    );
    const client = new CfnUserPoolClient(this, 'Client', {
      userPoolId: pool.ref,
      clientName: 'app',
      generateSecret: false,
      explicitAuthFlows: [
        'ALLOW_USER_SRP_AUTH',
        'ALLOW_USER_PASSWORD_AUTH',
        'ALLOW_ADMIN_USER_PASSWORD_AUTH',
        'ALLOW_REFRESH_TOKEN_AUTH',
      ],
      // Users of identity providers come in once the pool has one: saas-ecs adds its name here.
      supportedIdentityProviders: ['COGNITO'],
      ...(signIn && hostedSignIn(signIn)),
      preventUserExistenceErrors: 'ENABLED',
      enableTokenRevocation: true,
      readAttributes: ['email', 'email_verified', 'name', ...Object.values(tenantAttributes)],
      // What binds a user to a tenant is not among them: a user could else move into another tenant.
      writeAttributes: ['email', 'name'],
      accessTokenValidity: 60,
      idTokenValidity: 60,
      refreshTokenValidity: 1,
      tokenValidityUnits: { accessToken: 'minutes', idToken: 'minutes', refreshToken: 'days' },
    });
    this.domain =
      signIn && new CfnUserPoolDomain(this, 'Domain', { userPoolId: pool.ref, domain: domainPrefix() }).ref;
    this.userPoolId = pool.ref;
    this.userPoolArn = pool.attrArn;
    this.clientId = client.ref;
    this.issuer = pool.attrProviderUrl;
  }
}

/** The code flow alone: the implicit one puts tokens into addresses. The client has no secret, so its users' application proves itself by PKCE. */
const hostedSignIn = ({ callbackUrls, logoutUrls }: SignIn) => ({
  allowedOAuthFlowsUserPoolClient: true,
  allowedOAuthFlows: ['code'],
  allowedOAuthScopes: ['openid', 'email', 'profile'],
  callbackUrLs: [...callbackUrls],
  logoutUrLs: [...logoutUrls],
});
