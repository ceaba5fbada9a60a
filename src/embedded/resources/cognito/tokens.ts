/** ID, access and refresh tokens: made as Cognito makes them, and checked when they come back. */
import { randomBytes, randomUUID, sign, verify } from 'node:crypto';
import type { AuthenticationResultType } from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud } from '../../platform.ts';
import { type ClientRecord, validity } from './clients.ts';
import { notAuthorized } from './errors.ts';
import type { Groups } from './groups.ts';
import type { SigningKeys } from './keys.ts';
import type { PoolRecord, Pools } from './pools.ts';
import { readableAttributes } from './schema.ts';
import type { Sealer } from './seal.ts';
import { type UserRecord, userAttributes } from './users.ts';

/** The scope of everything that a user may do with his own account. */
export const accountScope = 'aws.cognito.signin.user.admin';

export interface RefreshContent {
  type: 'refresh';
  pool: string;
  client: string;
  sub: string;
  origin: string;
  /** Seconds, of the sign-in. */
  authTime: number;
  /** Milliseconds. */
  issued: number;
  expires: number;
}

export interface AccessClaims {
  sub: string;
  iss: string;
  client_id: string;
  origin_jti: string;
  jti: string;
  scope: string;
  token_use: string;
  exp: number;
  username: string;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Tokens {
  private readonly cloud: Cloud;
  private readonly pools: Pools;
  private readonly keys: SigningKeys;
  private readonly sealer: Sealer;
  private readonly groups: Groups;

  constructor(cloud: Cloud, parts: { pools: Pools; keys: SigningKeys; sealer: Sealer; groups: Groups }) {
    this.cloud = cloud;
    this.pools = parts.pools;
    this.keys = parts.keys;
    this.sealer = parts.sealer;
    this.groups = parts.groups;
  }

  private get revoked() {
    return this.cloud.store.collection<number>('cognito.revoked');
  }

  /** Tokens of a sign-in, or with `refreshed` those that follow it. */
  async issue(
    pool: PoolRecord,
    client: ClientRecord,
    user: UserRecord,
    refreshed?: RefreshContent,
  ): Promise<AuthenticationResultType> {
    const now = this.cloud.clock.now();
    const seconds = Math.floor(now / 1000);
    const authTime = refreshed?.authTime ?? seconds;
    const origin = refreshed?.origin ?? randomUUID();
    const lifetime = validity(client.settings);
    const groups = this.groups.sorted(pool.id, user.groups).map(({ name }) => name);
    const common = {
      sub: user.sub,
      ...(groups.length > 0 && { 'cognito:groups': groups }),
      iss: this.pools.issuer(pool.id),
      origin_jti: origin,
      event_id: randomUUID(),
      auth_time: authTime,
      iat: seconds,
    };
    const id = {
      ...claimsOf(readableAttributes(pool.schema, client.settings.ReadAttributes, userAttributes(user))),
      ...this.groups.roleClaims(pool.id, user.groups),
      ...common,
      'cognito:username': user.username,
      aud: client.id,
      token_use: 'id',
      exp: seconds + lifetime.id,
      jti: timedId(now),
    };
    const access = {
      ...common,
      client_id: client.id,
      token_use: 'access',
      scope: accountScope,
      exp: seconds + lifetime.access,
      jti: timedId(now),
      username: user.username,
    };
    const [IdToken, AccessToken] = await Promise.all([this.jwt(pool, id), this.jwt(pool, access)]);
    const content: RefreshContent = {
      type: 'refresh',
      pool: pool.id,
      client: client.id,
      sub: user.sub,
      origin,
      authTime,
      issued: now,
      expires: now + lifetime.refresh * 1000,
    };
    return {
      AccessToken,
      ExpiresIn: lifetime.access,
      TokenType: 'Bearer',
      ...(!refreshed && { RefreshToken: this.sealer.sealToken(content) }),
      IdToken,
    };
  }

  /** An access token of the client itself: nobody is signed in. */
  async issueToClient(
    pool: PoolRecord,
    client: ClientRecord,
    scopes: readonly string[],
  ): Promise<{ token: string; expiresIn: number }> {
    const now = this.cloud.clock.now();
    const seconds = Math.floor(now / 1000);
    const expiresIn = validity(client.settings).access;
    const token = await this.jwt(pool, {
      sub: client.id,
      token_use: 'access',
      scope: scopes.join(' '),
      auth_time: seconds,
      iss: this.pools.issuer(pool.id),
      exp: seconds + expiresIn,
      iat: seconds,
      version: 2,
      jti: timedId(now),
      client_id: client.id,
    });
    return { token, expiresIn };
  }

  private async jwt(pool: PoolRecord, claims: object): Promise<string> {
    const key = await this.keys.of(pool.id);
    const content = `${encode({ kid: key.kid, alg: 'RS256' })}.${encode(claims)}`;
    return new Promise((resolve, reject) => {
      sign('RSA-SHA256', Buffer.from(content), key.privateKey, (error, signature) =>
        error ? reject(error) : resolve(`${content}.${signature.toString('base64url')}`),
      );
    });
  }

  /** Throws AwsError NotAuthorizedException for a token that is not this client's, expired or revoked. */
  refresh(token: string, client: ClientRecord): RefreshContent {
    const content = this.sealer.openToken<RefreshContent>(token);
    if (content?.type !== 'refresh' || content.client !== client.id) {
      throw notAuthorized('Invalid Refresh Token');
    }
    if (content.expires <= this.cloud.clock.now()) throw notAuthorized('Refresh Token has expired');
    if (this.revoked.has(content.origin)) throw notAuthorized('Refresh Token has been revoked');
    return content;
  }

  revoke({ origin, expires }: RefreshContent): void {
    const now = this.cloud.clock.now();
    for (const [key, until] of this.revoked.entries()) if (until <= now) this.revoked.delete(key);
    this.revoked.put(origin, expires);
  }

  /** Were the tokens of this issue time (milliseconds) called back by a sign-out of the user? */
  signedOut = (user: UserRecord, issued: number): boolean => issued <= (user.signedOut ?? 0);

  /** The pool and claims of an access token. Throws AwsError NotAuthorizedException. */
  async verifyAccess(token: string): Promise<{ pool: PoolRecord; claims: AccessClaims; issued: number }> {
    const invalid = () => notAuthorized('Invalid Access Token');
    const [header = '', payload = '', signature = ''] = token.split('.');
    let claims: AccessClaims;
    try {
      claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as AccessClaims;
    } catch {
      throw invalid();
    }
    const pool = this.pools.find(String(claims.iss).split('/').at(-1) ?? '');
    if (!pool || claims.iss !== this.pools.issuer(pool.id) || claims.token_use !== 'access') throw invalid();
    const { publicKey } = await this.keys.of(pool.id);
    const valid = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      publicKey,
      Buffer.from(signature, 'base64url'),
    );
    if (!valid) throw invalid();
    if (claims.exp * 1000 <= this.cloud.clock.now()) throw notAuthorized('Access Token has expired');
    if (this.revoked.has(claims.origin_jti)) throw notAuthorized('Access Token has been revoked');
    if (!claims.scope.split(' ').includes(accountScope)) {
      throw notAuthorized('Access Token does not have required scopes');
    }
    return { pool, claims, issued: issuedAt(claims.jti) };
  }
}

/** Attributes are text in the store; a few have other types in the token. */
function claimsOf(attributes: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      if (name === 'email_verified' || name === 'phone_number_verified') return [name, value === 'true'];
      if (name === 'address') return [name, { formatted: value }];
      if (name === 'updated_at') return [name, Number(value)];
      return [name, value];
    }),
  );
}

/** A UUID of version 7: it holds the millisecond, which `iat` does not, for whether a sign-out came later. */
function timedId(now: number): string {
  const hex = now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
  const variant = (8 + (Number.parseInt(hex[16] ?? '0', 16) & 3)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const issuedAt = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
