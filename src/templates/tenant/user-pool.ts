import { CfnUserPool, CfnUserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { Aws } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { tenantAttributes } from '../../model/tenant.ts';
import { keep } from '../keep.ts';
import { accept } from '../review.ts';

const bare = (attribute: string): string => attribute.replace('custom:', '');

/** Where the users of one silo tenant, or of all tenants of the pool, sign in. */
export class TenantUserPool extends Construct {
  readonly userPoolId: string;
  readonly userPoolArn: string;
  readonly clientId: string;
  /** As AWS, or whoever stands in for it, forms it; never built from Region and id. */
  readonly issuer: string;

  constructor(scope: Construct, id: string) {
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
      mfaConfiguration: 'OPTIONAL',
      enabledMfas: ['SOFTWARE_TOKEN_MFA'],
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
          'A second factor is offered to every user; whether it is required is for each tenant to decide, not for the operator',
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
    this.userPoolId = pool.ref;
    this.userPoolArn = pool.attrArn;
    this.clientId = client.ref;
    this.issuer = pool.attrProviderUrl;
  }
}
