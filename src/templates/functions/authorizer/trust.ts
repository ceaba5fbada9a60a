import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { accountRole } from '../../../model/federation.ts';
import {
  type IssuerItem,
  type Key,
  registryKeys,
  type TenantItem,
  userPoolIdOf,
} from '../../../model/registry.ts';
import { BoundedCache } from '../../images/kit/bounded-cache.ts';

export type TrustedIssuer = Pick<IssuerItem, 'issuer' | 'clientId' | 'tenantId'>;
export type KnownTenant = Pick<TenantItem, 'tenantId' | 'tier' | 'model' | 'status'>;

/** What the authorizer believes: issuers and tenants of the registry, and the secret behind tenants' API keys. */
export interface Trust {
  issuer(issuer: string): Promise<TrustedIssuer | undefined>;
  tenant(tenantId: string): Promise<KnownTenant | undefined>;
  apiKeySecret(): Promise<string>;
  /**
   * Whether an issuer's user is still there, enabled, and in that role. A token says what was so when it was issued,
   * which may be an hour ago.
   */
  stillIs(issuer: string, username: string, role: string): Promise<boolean>;
}

const second = 1_000;
/** Milliseconds for which answers are believed. A suspension must act at once, a new issuer soon. */
const believed = {
  issuer: 60 * second,
  noIssuer: 5 * second,
  tenant: 3 * second,
  secret: 300 * second,
  user: 30 * second,
};

/** Remembers what `source` says for a short while; whoever asks for the same thing at the same time shares one answer. */
export function rememberTrust(source: Trust, now: () => number = Date.now): Trust {
  const issuers = new BoundedCache<Promise<TrustedIssuer | undefined>>(2_000, now);
  const tenants = new BoundedCache<Promise<KnownTenant | undefined>>(2_000, now);
  const secrets = new BoundedCache<Promise<string>>(1, now);
  const users = new BoundedCache<Promise<boolean>>(10_000, now);

  function remembered<T>(
    cache: BoundedCache<Promise<T>>,
    key: string,
    load: () => Promise<T>,
    lifetime: (value: T) => number,
  ): Promise<T> {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const loading = load();
    cache.set(key, loading, now() + 10 * second);
    loading.then(
      (value) => cache.set(key, loading, now() + lifetime(value)),
      // A failure is nobody's answer but its own caller's.
      () => cache.delete(key),
    );
    return loading;
  }

  return {
    issuer: (issuer) =>
      remembered(
        issuers,
        issuer,
        () => source.issuer(issuer),
        (item) => (item ? believed.issuer : believed.noIssuer),
      ),
    tenant: (tenantId) =>
      remembered(
        tenants,
        tenantId,
        () => source.tenant(tenantId),
        () => believed.tenant,
      ),
    apiKeySecret: () =>
      remembered(
        secrets,
        '',
        () => source.apiKeySecret(),
        () => believed.secret,
      ),
    stillIs: (issuer, username, role) =>
      remembered(
        users,
        `${issuer}\n${username}\n${role}`,
        () => source.stillIs(issuer, username, role),
        () => believed.user,
      ),
  };
}

/** Reads the registry's table and the secret. */
export function registryTrust(registryTable: string, apiKeySecretArn: string): Trust {
  const dynamodb = new DynamoDBClient({});
  const secrets = new SecretsManagerClient({});
  const cognito = new CognitoIdentityProviderClient({});
  /** The text attributes of an item. */
  async function item(key: Key): Promise<Record<string, string> | undefined> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: registryTable, Key: { pk: { S: key.pk }, sk: { S: key.sk } } }),
    );
    if (!Item) return undefined;
    return Object.fromEntries(
      Object.entries(Item).flatMap(([name, value]) => (value.S === undefined ? [] : [[name, value.S]])),
    );
  }
  return {
    async issuer(issuer) {
      const found = await item(registryKeys.issuer(issuer));
      if (!found?.['clientId']) return undefined;
      const { clientId, tenantId } = found;
      return { issuer, clientId, ...(tenantId && { tenantId }) };
    },
    async tenant(tenantId) {
      const found = await item(registryKeys.tenant(tenantId));
      return found && ({ ...found, tenantId } as Record<string, string> as unknown as KnownTenant);
    },
    async apiKeySecret() {
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: apiKeySecretArn }));
      if (!SecretString) throw new Error('the secret of the API keys is empty');
      return SecretString;
    },
    async stillIs(issuer, Username, role) {
      const UserPoolId = userPoolIdOf(issuer);
      try {
        const { Enabled, UserAttributes } = await cognito.send(
          new AdminGetUserCommand({ UserPoolId, Username }),
        );
        const now = accountRole((name) => UserAttributes?.find(({ Name }) => Name === name)?.Value);
        return Enabled === true && now === role;
      } catch (error) {
        const name = error instanceof Error ? error.name : '';
        // With an offboarded silo its user pool goes, a moment before the registry is asked about it again.
        if (name === 'UserNotFoundException' || name === 'ResourceNotFoundException') return false;
        // Cognito reads 120 users a second for an account. The token is genuine: beyond that it is believed, so that
        // one tenant's many sign-ins don't shut the others out.
        if (name === 'TooManyRequestsException') return true;
        throw error;
      }
    },
  };
}
