import { createHash } from 'node:crypto';
import {
  createRemoteJWKSet,
  decodeJwt,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { BoundedCache } from '../../images/kit/bounded-cache.ts';
import type { TrustedIssuer } from './trust.ts';

/** The token is not one that we accept; API Gateway turns this very message into a 401. */
export class Unauthorized extends Error {
  constructor() {
    super('Unauthorized');
  }
}

/** The issuer that a token names: only to look it up, nothing of it is believed yet. */
export function claimedIssuer(token: string): string {
  let issuer: unknown;
  try {
    issuer = decodeJwt(token).iss;
  } catch {
    throw new Unauthorized();
  }
  if (typeof issuer !== 'string' || issuer.length > 512) throw new Unauthorized();
  return issuer;
}

export type VerifyToken = (token: string, issuer: TrustedIssuer) => Promise<JWTPayload>;

/**
 * Verifies ID tokens by their issuer's published keys. A verified token's claims are remembered by its hash until it
 * expires: the same token comes with every request of its user, and the RSA check is what costs.
 */
export function createTokenVerifier(): VerifyToken {
  const keySets = new BoundedCache<JWTVerifyGetKey>(500);
  const verified = new BoundedCache<JWTPayload>(5_000);

  function keysOf(issuer: string): JWTVerifyGetKey {
    let keys = keySets.get(issuer);
    if (!keys) {
      keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { timeoutDuration: 3_000 });
      keySets.set(issuer, keys);
    }
    return keys;
  }

  return async (token, { issuer, clientId }) => {
    const hash = createHash('sha256').update(`${clientId}\n${token}`).digest('base64');
    const known = verified.get(hash);
    if (known) return known;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keysOf(issuer), {
        algorithms: ['RS256'],
        issuer,
        audience: clientId,
        requiredClaims: ['exp', 'sub'],
      }));
    } catch (error) {
      if (isRefusal(error)) throw new Unauthorized();
      // The issuer can't be reached: no verdict, so not a 401 that clients would answer with a new sign-in.
      throw error;
    }
    if (payload['token_use'] !== 'id') throw new Unauthorized();
    verified.set(hash, payload, (payload.exp ?? 0) * 1_000);
    return payload;
  };
}

const isRefusal = (error: unknown): boolean =>
  error instanceof errors.JWTExpired ||
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTInvalid ||
  error instanceof errors.JWSInvalid ||
  error instanceof errors.JWSSignatureVerificationFailed ||
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JOSENotSupported;
