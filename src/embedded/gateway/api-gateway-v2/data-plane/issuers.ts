/** Issuers of tokens: their keys, found by OpenID discovery and kept for two hours, as API Gateway does. */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { localUrl } from '../../../endpoint/aws-addresses.ts';
import type { Cloud } from '../../../platform.ts';

/** "API Gateway can cache the public key for two hours" (developer guide, JWT authorizers). */
const keptMs = 2 * 3600_000;
const discoveryMs = 5_000;
/** "API Gateway supports RSA-based algorithms" (same page). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

export interface Issuers {
  /** The claims of a token of that issuer. Rejects with an Error that says what is wrong with it. */
  verify(issuer: string, token: string): Promise<JWTPayload>;
}

interface Known {
  keys: Promise<JWTVerifyGetKey>;
  until: number;
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(discoveryMs),
  });
  const { jwks_uri } = (await response.json()) as { jwks_uri?: string };
  if (!response.ok || jwks_uri === undefined) throw new Error('OIDC discovery endpoint communication error');
  return createRemoteJWKSet(new URL(jwks_uri), { cacheMaxAge: keptMs, timeoutDuration: discoveryMs });
}

/** What API Gateway says of a token that it refuses, as far as it is known. */
function reason(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'iss' ? 'issuer does not match' : `the token's ${error.claim} is not valid`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature is invalid';
  if (error instanceof errors.JWKSNoMatchingKey) return 'unable to find a key for the token';
  if (error instanceof errors.JOSEError) return 'unable to decode the token';
  return 'OIDC discovery endpoint communication error';
}

export function createIssuers(cloud: Cloud): Issuers {
  const known = new Map<string, Known>();
  const keysOf = (issuer: string): Promise<JWTVerifyGetKey> => {
    const kept = known.get(issuer);
    if (kept && kept.until > performance.now()) return kept.keys;
    const keys = discover(issuer);
    known.set(issuer, { keys, until: performance.now() + keptMs });
    // A failure is not kept.
    keys.catch(() => known.delete(issuer));
    return keys;
  };
  return {
    async verify(configured, token) {
      // An issuer that a template forms from a pool's id is that pool here.
      const issuer = localUrl(cloud, configured);
      try {
        const { payload } = await jwtVerify(token, await keysOf(issuer), {
          issuer,
          algorithms,
          currentDate: new Date(cloud.clock.now()),
        });
        return payload;
      } catch (error) {
        throw new Error(reason(error), { cause: error });
      }
    },
  };
}
