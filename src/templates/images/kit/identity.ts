import { createHash } from 'node:crypto';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { claimedIdentity } from '../../../model/federation.ts';
import { tenantAttributes, type UserRole } from '../../../model/tenant.ts';
import { BoundedCache } from './bounded-cache.ts';
import { forbidden, type HttpError, unauthorized, unavailable } from './http-error.ts';

/** Who calls, as the verified token says; nothing else of a request does. */
export interface Caller {
  tenantId: string;
  role: UserRole;
  /** The name of the tenant's tier and of the tenant, for users made by this one. */
  tier: string | undefined;
  tenantName: string | undefined;
  /** Cognito's username. */
  username: string;
  /** The Authorization header, for calls on the caller's behalf. */
  authorization: string;
}

export interface Verifier {
  /** The caller of an Authorization header; at once when the token was verified before. Throws 401, 403 or 503. */
  verify(authorization: string | undefined): Caller | Promise<Caller>;
}

export interface VerifierOptions {
  issuer: string;
  clientId: string;
  /** The one tenant that is served. */
  tenantId: string | undefined;
}

/** What a session tag and a session name may hold; ours are shorter and simpler. */
const tenantIdShape = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/**
 * Verifies ID tokens of one issuer: RS256 by the issuer's published keys, audience, use, times, tenant. A verified
 * token is remembered, by its hash, until it expires.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  // Made with the first token: it brings in Node's fetch, which a task needs not to be ready.
  const issuerKeys = () => {
    keys ??= createRemoteJWKSet(new URL(`${options.issuer}/.well-known/jwks.json`), {
      timeoutDuration: 3_000,
    });
    return keys;
  };
  const verified = new BoundedCache<Caller>(2_000);

  async function verifyToken(token: string, authorization: string, hash: string): Promise<Caller> {
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, issuerKeys(), {
        algorithms: ['RS256'],
        issuer: options.issuer,
        audience: options.clientId,
        requiredClaims: ['exp', 'sub'],
      }));
    } catch (error) {
      throw refusal(error);
    }
    if (payload['token_use'] !== 'id') throw unauthorized('the token is not an ID token');
    const caller = { ...callerOf(payload, options.tenantId), authorization };
    if (options.tenantId !== undefined && caller.tenantId !== options.tenantId)
      throw forbidden('the token belongs to another tenant');
    verified.set(hash, caller, (payload.exp ?? 0) * 1_000);
    return caller;
  }

  return {
    verify(authorization) {
      const token = authorization === undefined ? undefined : /^Bearer ([\w.-]+)$/i.exec(authorization)?.[1];
      if (authorization === undefined || token === undefined)
        throw unauthorized('the request needs an Authorization header with a bearer token');
      const hash = createHash('sha256').update(token).digest('base64');
      return verified.get(hash) ?? verifyToken(token, authorization, hash);
    },
  };
}

/** What a failed verification tells the caller: his token is bad, or we can't tell because the keys are out of reach. */
function refusal(error: unknown): HttpError {
  if (error instanceof errors.JWTExpired) return unauthorized('the token has expired');
  const ours =
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported;
  return ours
    ? unauthorized('the token is not valid')
    : unavailable("the token can't be verified at the moment", error);
}

/** `silo`: the one tenant whose user pool the issuer is. */
function callerOf(payload: JWTPayload, silo: string | undefined): Omit<Caller, 'authorization'> {
  const text = (claim: string): string | undefined => {
    const value = payload[claim];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const { tenantId, role } = claimedIdentity(payload, silo);
  if (tenantId === undefined || !tenantIdShape.test(tenantId)) throw forbidden('the token names no tenant');
  if (role === undefined) throw forbidden('the token names no role');
  return {
    tenantId,
    role,
    tier: text(tenantAttributes.tier),
    tenantName: text(tenantAttributes.name),
    username: text('cognito:username') ?? payload.sub ?? '',
  };
}
