/** ID, access and refresh tokens: made as Cognito makes them, and checked when they come back. */
import { createHash, randomBytes, randomUUID, sign, verify } from 'node:crypto';
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
  /** Those granted at the token endpoint; a sign-in by the API has the account's alone. */
  scopes?: readonly string[] | undefined;
}

/** What was granted to an app through the hosted pages. */
export interface Grant {
  scopes: readonly string[];
  /** Comes back in the ID token. */
  nonce?: string | undefined;
  /** Seconds, of the sign-in. */
  authTime: number;
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

  /** Tokens of a sign-in, or with `refreshed` those that follow it. No ID token where the scopes have no `openid`. */
  async issue(
    pool: PoolRecord,
    client: ClientRecord,
    user: UserRecord,
    refreshed?: RefreshContent,
    grant?: Grant,
  ): Promise<AuthenticationResultType> {
    const now = this.cloud.clock.now();
    const seconds = Math.floor(now / 1000);
    const authTime = refreshed?.authTime ?? grant?.authTime ?? seconds;
    const scopes = refreshed ? refreshed.scopes : grant?.scopes;
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
    const access = {
      ...common,
      client_id: client.id,
      token_use: 'access',
      ...(scopes && { version: 2 }),
      scope: scopes?.join(' ') ?? accountScope,
      exp: seconds + lifetime.access,
      jti: timedId(now),
      username: user.username,
    };
    const AccessToken = await this.jwt(pool, access);
    const id = {
      ...claimsOf(
        inScopes(
          scopes,
          readableAttributes(pool.schema, client.settings.ReadAttributes, userAttributes(user)),
        ),
      ),
      ...identityClaim(user),
      ...this.groups.roleClaims(pool.id, user.groups),
      ...common,
      ...(grant?.nonce !== undefined && { nonce: grant.nonce }),
      ...(scopes && { at_hash: halfHash(AccessToken) }),
      'cognito:username': user.username,
      aud: client.id,
      token_use: 'id',
      exp: seconds + lifetime.id,
      jti: timedId(now),
    };
    const IdToken = !scopes || scopes.includes('openid') ? await this.jwt(pool, id) : undefined;
    const content: RefreshContent = {
      type: 'refresh',
      pool: pool.id,
      client: client.id,
      sub: user.sub,
      origin,
      authTime,
      issued: now,
      expires: now + lifetime.refresh * 1000,
      scopes,
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

  /** The pool and claims of an access token that has the scope. Throws AwsError NotAuthorizedException. */
  async verifyAccess(
    token: string,
    scope = accountScope,
  ): Promise<{ pool: PoolRecord; claims: AccessClaims; issued: number }> {
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
    if (!claims.scope.split(' ').includes(scope)) {
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

/**
 * The attributes that scopes show: `openid` alone and `profile` all, `email` and `phone` theirs (developer guide, "Scopes,
 * M2M, and APIs with resource servers").
 */
export function inScopes(
  scopes: readonly string[] | undefined,
  attributes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const asked = scopes?.filter((scope) => ['email', 'phone', 'profile'].includes(scope)) ?? [];
  if (asked.length === 0 || asked.includes('profile')) return attributes;
  const shown = new Set(['sub']);
  if (asked.includes('email')) shown.add('email').add('email_verified');
  if (asked.includes('phone')) shown.add('phone_number').add('phone_number_verified');
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => shown.has(name)));
}

/** Where a federated user comes from; numbers and flags are text in this claim. */
function identityClaim({ attributes }: UserRecord): { identities?: object[] } {
  if (attributes['identities'] === undefined) return {};
  const identities = JSON.parse(attributes['identities']) as Record<string, unknown>[];
  return {
    identities: identities.map((identity) =>
      Object.fromEntries(
        Object.entries(identity).map(([name, value]) => [name, value === null ? null : String(value)]),
      ),
    ),
  };
}

/** `at_hash` of OpenID Connect Core, section 3.1.3.6. */
const halfHash = (token: string): string =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url');

/** A UUID of version 7: it holds the millisecond, which `iat` does not, for whether a sign-out came later. */
function timedId(now: number): string {
  const hex = now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
  const variant = (8 + (Number.parseInt(hex[16] ?? '0', 16) & 3)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const issuedAt = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
