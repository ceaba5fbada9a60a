import { createHash } from 'node:crypto';
import {
  CfnUserPool,
  CfnUserPoolClient,
  type CfnUserPoolClientProps,
  CfnUserPoolDomain,
  CfnUserPoolResourceServer,
  CfnUserPoolUser,
} from 'aws-cdk-lib/aws-cognito';
import { Aws } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { scopes } from '../../model/control-plane.ts';
import { keep } from '../keep.ts';
import { accept } from '../review.ts';

/**
 * Prefix of a user pool domain, which must be the only one of its name in the Region: made of the account and of a hash,
 * since names of people's choosing may be too long, or hold a word that Cognito reserves.
 */
export function domainPrefix({ app, environment }: Pick<Deployment, 'app' | 'environment'>): string {
  const hash = createHash('sha256').update(`${app}/${environment}`).digest('hex').slice(0, 12);
  return `saas-ecs-${Aws.ACCOUNT_ID}-${hash}`;
}

/** Who may use the control plane: people, by a second factor if they like, and programs, by a client of their own. */
export class Operators extends Construct {
  readonly userPoolId: string;
  readonly userPoolArn: string;
  readonly issuer: string;
  /** Prefix of the domain that tokens come from. */
  readonly domain: string;
  readonly userClientId: string;
  readonly machineClientId: string;

  constructor(scope: Construct, id: string, deployment: Deployment) {
    super(scope, id);
    const pool = this.pool();
    this.userPoolId = pool.ref;
    this.userPoolArn = pool.attrArn;
    this.issuer = pool.attrProviderUrl;
    const servers = ['tenant', 'user'].map((identifier) => {
      const names = Object.values(scopes).filter((scope) => scope.startsWith(`${identifier}/`));
      return new CfnUserPoolResourceServer(this, `${identifier === 'tenant' ? 'Tenant' : 'User'}Resources`, {
        userPoolId: pool.ref,
        identifier,
        name: identifier,
        scopes: names.map((scope) => ({
          scopeName: scope.slice(identifier.length + 1),
          scopeDescription: `${scope.endsWith('_read') ? 'Read' : 'Write'} access to ${identifier}s`,
        })),
      });
    });
    this.domain = new CfnUserPoolDomain(this, 'Domain', {
      userPoolId: pool.ref,
      domain: domainPrefix(deployment),
    }).ref;
    const client = (name: string, props: Partial<CfnUserPoolClientProps>): string => {
      const made = new CfnUserPoolClient(this, name, {
        userPoolId: pool.ref,
        clientName: name.toLowerCase(),
        allowedOAuthFlowsUserPoolClient: true,
        preventUserExistenceErrors: 'ENABLED',
        enableTokenRevocation: true,
        ...props,
      });
      for (const server of servers) made.addResourceDependency(server);
      return made.ref;
    };
    this.machineClientId = client('Machine', {
      generateSecret: true,
      allowedOAuthFlows: ['client_credentials'],
      allowedOAuthScopes: Object.values(scopes),
      explicitAuthFlows: [],
      accessTokenValidity: 15,
      tokenValidityUnits: { accessToken: 'minutes' },
    });
    this.userClientId = client('Console', {
      generateSecret: false,
      allowedOAuthFlows: ['code'],
      allowedOAuthScopes: ['openid', 'email', 'profile', ...Object.values(scopes)],
      callbackUrLs: ['http://localhost'],
      logoutUrLs: ['http://localhost'],
      supportedIdentityProviders: ['COGNITO'],
      explicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      readAttributes: ['email', 'email_verified', 'custom:userRole'],
      // A role is given by who may write users, not taken.
      writeAttributes: ['email'],
      accessTokenValidity: 60,
      idTokenValidity: 60,
      refreshTokenValidity: 1,
      tokenValidityUnits: { accessToken: 'minutes', idToken: 'minutes', refreshToken: 'days' },
    });
    new CfnUserPoolUser(this, 'SystemAdmin', {
      userPoolId: pool.ref,
      username: 'admin',
      desiredDeliveryMediums: ['EMAIL'],
      userAttributes: [
        { name: 'email', value: deployment.adminEmail },
        { name: 'email_verified', value: 'true' },
        { name: 'custom:userRole', value: 'SystemAdmin' },
      ],
    });
  }

  private pool(): CfnUserPool {
    const pool = new CfnUserPool(this, 'UserPool', {
      userPoolName: `${Aws.STACK_NAME}-operators`,
      userPoolTier: 'LITE',
      usernameConfiguration: { caseSensitive: false },
      autoVerifiedAttributes: ['email'],
      userAttributeUpdateSettings: { attributesRequireVerificationBeforeUpdate: ['email'] },
      adminCreateUserConfig: { allowAdminCreateUserOnly: true },
      accountRecoverySetting: { recoveryMechanisms: [{ name: 'verified_email', priority: 1 }] },
      mfaConfiguration: 'OPTIONAL',
      enabledMfas: ['SOFTWARE_TOKEN_MFA'],
      policies: {
        passwordPolicy: {
          minimumLength: 14,
          requireLowercase: true,
          requireUppercase: true,
          requireNumbers: true,
          requireSymbols: true,
          temporaryPasswordValidityDays: 7,
        },
      },
      schema: [
        { name: 'email', attributeDataType: 'String', mutable: true, required: true },
        { name: 'userRole', attributeDataType: 'String', mutable: true },
      ],
    });
    keep(pool);
    accept(
      pool,
      {
        id: 'AwsSolutions-COG2',
        reason:
          'Required, a second factor would lock the first administrator out of the only way to add one; every operator is offered it',
      },
      {
        id: 'AwsSolutions-COG8',
        reason: 'The Plus plan is a choice that bills every operator, not a default',
      },
    );
    return pool;
  }
}
