/** App clients of user pools, and what they may do. */
import { createHmac, randomInt, timingSafeEqual } from 'node:crypto';
import type {
  CreateUserPoolClientRequest,
  TimeUnitsType,
  UpdateUserPoolClientRequest,
  UserPoolClientType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import { checkOAuth } from './client-oauth.ts';
import { invalidParameter, limitExceeded, notAuthorized, notFound } from './errors.ts';
import type { PoolRecord } from './pools.ts';
import { checkClientAttributes } from './schema.ts';

const settings = [
  'RefreshTokenValidity',
  'AccessTokenValidity',
  'IdTokenValidity',
  'TokenValidityUnits',
  'ReadAttributes',
  'WriteAttributes',
  'ExplicitAuthFlows',
  'SupportedIdentityProviders',
  'CallbackURLs',
  'LogoutURLs',
  'DefaultRedirectURI',
  'AllowedOAuthFlows',
  'AllowedOAuthScopes',
  'AllowedOAuthFlowsUserPoolClient',
  'AnalyticsConfiguration',
  'PreventUserExistenceErrors',
  'EnableTokenRevocation',
  'EnablePropagateAdditionalUserContextData',
  'AuthSessionValidity',
  'RefreshTokenRotation',
] as const satisfies readonly (keyof UpdateUserPoolClientRequest & keyof UserPoolClientType)[];

export interface ClientRecord {
  id: string;
  poolId: string;
  name: string;
  secret?: string | undefined;
  /** ISO 8601 */
  created: string;
  modified: string;
  settings: Pick<UserPoolClientType, (typeof settings)[number]>;
}

/** Cognito's quota of app clients a pool. */
const maxClients = 1000;
const lower = 'abcdefghijklmnopqrstuvwxyz0123456789';
const random = (length: number): string =>
  Array.from({ length }, () => lower[randomInt(lower.length)]).join('');

const seconds: Record<TimeUnitsType, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

export class Clients {
  private readonly cloud: Cloud;
  /** By pool; made when first needed. */
  private byPool: Map<string, Set<string>> | undefined;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<ClientRecord>('cognito.clients');
  }

  private idsOf(poolId: string): Set<string> {
    if (!this.byPool) {
      this.byPool = new Map();
      for (const client of this.collection.values()) this.idsOf(client.poolId).add(client.id);
    }
    const ids = this.byPool.get(poolId) ?? new Set<string>();
    this.byPool.set(poolId, ids);
    return ids;
  }

  /** Throws AwsError ResourceNotFoundException. */
  get(id: string | undefined): ClientRecord {
    const client = id === undefined ? undefined : this.collection.get(id);
    if (!client) throw notFound(`User pool client ${id} does not exist.`);
    return client;
  }

  find(poolId: string, id: string): ClientRecord | undefined {
    const client = this.collection.get(id);
    return client?.poolId === poolId ? client : undefined;
  }

  /** A client of that pool. Throws AwsError ResourceNotFoundException. */
  in(poolId: string | undefined, id: string | undefined): ClientRecord {
    const client = this.get(id);
    if (client.poolId !== poolId) throw notFound(`User pool client ${id} does not exist.`);
    return client;
  }

  of(poolId: string): ClientRecord[] {
    return [...this.idsOf(poolId)]
      .flatMap((id) => this.collection.get(id) ?? [])
      .sort((left, right) => compareText(left.id, right.id));
  }

  create(pool: PoolRecord, input: Omit<CreateUserPoolClientRequest, 'UserPoolId'>): ClientRecord {
    if (this.idsOf(pool.id).size >= maxClients) {
      throw limitExceeded(`The user pool has its limit of ${maxClients} app clients.`);
    }
    if (!/^[\w\s+=,.@-]{1,128}$/.test(input.ClientName ?? '')) {
      throw invalidParameter(`Client name ${JSON.stringify(input.ClientName)} is not valid.`);
    }
    checkOAuth(this.cloud, pool, input, Boolean(input.GenerateSecret ?? input.ClientSecret));
    const at = new Date(this.cloud.clock.now()).toISOString();
    const client: ClientRecord = {
      id: random(26),
      poolId: pool.id,
      name: input.ClientName ?? '',
      secret: input.GenerateSecret ? random(51) : input.ClientSecret,
      created: at,
      modified: at,
      settings: settingsOf(pool, input),
    };
    this.collection.put(client.id, client);
    this.idsOf(pool.id).add(client.id);
    return client;
  }

  update(pool: PoolRecord, input: UpdateUserPoolClientRequest): ClientRecord {
    const client = this.in(pool.id, input.ClientId);
    checkOAuth(this.cloud, pool, input, client.secret !== undefined);
    const updated = {
      ...client,
      name: input.ClientName ?? client.name,
      modified: new Date(this.cloud.clock.now()).toISOString(),
      settings: settingsOf(pool, input),
    };
    this.collection.put(client.id, updated);
    return updated;
  }

  remove(client: ClientRecord): void {
    this.collection.delete(client.id);
    this.idsOf(client.poolId).delete(client.id);
  }

  removeAll(poolId: string): void {
    for (const client of this.of(poolId)) this.remove(client);
    this.byPool?.delete(poolId);
  }
}

function settingsOf(
  pool: PoolRecord,
  input: Omit<Partial<UpdateUserPoolClientRequest>, 'UserPoolId'>,
): ClientRecord['settings'] {
  checkClientAttributes(pool.schema, 'read', input.ReadAttributes);
  checkClientAttributes(pool.schema, 'write', input.WriteAttributes);
  const flows = input.ExplicitAuthFlows ?? [];
  if (flows.some((flow) => flow.startsWith('ALLOW_')) && flows.some((flow) => !flow.startsWith('ALLOW_'))) {
    throw invalidParameter(
      'The ExplicitAuthFlows with the ALLOW_ prefix and those without it must not be mixed.',
    );
  }
  const given = Object.fromEntries(
    settings.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])),
  );
  const result: ClientRecord['settings'] = {
    RefreshTokenValidity: 30,
    AllowedOAuthFlowsUserPoolClient: false,
    EnableTokenRevocation: true,
    EnablePropagateAdditionalUserContextData: false,
    AuthSessionValidity: 3,
    ...given,
  };
  const { access, id, refresh } = validity(result);
  for (const [what, value] of Object.entries({ access, id })) {
    if (value < 300 || value > 86_400) {
      throw invalidParameter(`The ${what} token's validity must be between 5 minutes and 1 day.`);
    }
  }
  if (refresh < 3600 || refresh > 315_360_000) {
    throw invalidParameter("The refresh token's validity must be between 60 minutes and 3650 days.");
  }
  if (refresh < access || refresh < id) {
    throw invalidParameter('The refresh token must be valid as long as the other tokens at least.');
  }
  return result;
}

/** How long a client's tokens are good, in seconds. */
export function validity(client: ClientRecord['settings']): { access: number; id: number; refresh: number } {
  const units = client.TokenValidityUnits;
  return {
    access: (client.AccessTokenValidity || 1) * seconds[units?.AccessToken ?? 'hours'],
    id: (client.IdTokenValidity || 1) * seconds[units?.IdToken ?? 'hours'],
    refresh: (client.RefreshTokenValidity || 30) * seconds[units?.RefreshToken ?? 'days'],
  };
}

/** Sign-in flows, as `ALLOW_` names them; unset means SRP, custom and refresh. */
export function allowsFlow(client: ClientRecord, flow: string): boolean {
  const flows: readonly string[] = client.settings.ExplicitAuthFlows ?? [
    'ALLOW_USER_SRP_AUTH',
    'ALLOW_CUSTOM_AUTH',
    'ALLOW_REFRESH_TOKEN_AUTH',
  ];
  if (flows.includes(`ALLOW_${flow}`)) return true;
  // The names from before the prefix; with them SRP and refresh need no mention.
  const legacy = flows.every((each) => !each.startsWith('ALLOW_'));
  const names: Record<string, string> = {
    ADMIN_USER_PASSWORD_AUTH: 'ADMIN_NO_SRP_AUTH',
    USER_PASSWORD_AUTH: 'USER_PASSWORD_AUTH',
  };
  if (!legacy) return false;
  return flow === 'USER_SRP_AUTH' || flow === 'REFRESH_TOKEN_AUTH'
    ? !flows.includes('CUSTOM_AUTH_FLOW_ONLY')
    : flows.includes(names[flow] ?? '');
}

/** `usernames`: those that the hash may have been made with. Throws AwsError NotAuthorizedException. */
export function checkSecretHash(
  client: ClientRecord,
  hash: string | undefined,
  usernames: readonly (string | undefined)[],
): void {
  if (client.secret === undefined) return;
  if (hash === undefined) {
    throw notAuthorized(`Client ${client.id} is configured with secret but SECRET_HASH was not received`);
  }
  const given = Buffer.from(hash, 'base64');
  for (const username of usernames) {
    const expected = createHmac('sha256', client.secret).update(`${username}${client.id}`).digest();
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  }
  throw notAuthorized(`SecretHash does not match for the client: ${client.id}`);
}
