/** Who may use a route: holders of a token (JWT authorizers), or callers whose IAM policies allow it. */
import type { JWTPayload } from 'jose';
import { signerOf } from '../../../endpoint/credentials.ts';
import type { Cloud } from '../../../platform.ts';
import type { AuthorizerRecord, RouteRecord } from '../state.ts';
import { type Authorizer, type HttpExchange, Refusal } from './exchange.ts';
import type { Issuers } from './issuers.ts';

/** Rejects with a {@link Refusal}. */
export type Authorize = (exchange: HttpExchange) => Promise<Authorizer>;

export function compileAuthorization(
  cloud: Cloud,
  issuers: Issuers,
  route: RouteRecord,
  authorizer: AuthorizerRecord | undefined,
): Authorize | undefined {
  if (route.AuthorizationType === 'AWS_IAM') return (exchange) => byPolicies(cloud, exchange);
  if (route.AuthorizationType !== 'JWT') return undefined;
  const source = /^\$request\.(header|querystring)\.(.+)$/.exec(authorizer?.IdentitySource?.[0] ?? '');
  const { Issuer = '', Audience = [] } = authorizer?.JwtConfiguration ?? {};
  const required = route.AuthorizationScopes ?? [];
  return async (exchange) => {
    const given =
      source?.[1] === 'header'
        ? exchange.header((source[2] ?? '').toLowerCase())
        : (new URLSearchParams(exchange.query).get(source?.[2] ?? '') ?? undefined);
    if (!given) throw unauthorized(exchange);
    let claims: JWTPayload;
    try {
      claims = await issuers.verify(Issuer, given.replace(/^Bearer\s+/i, ''));
      checkAudience(claims, Audience);
    } catch (error) {
      throw unauthorized(exchange, error instanceof Error ? error.message : String(error));
    }
    const scopes = scopesOf(claims);
    if (required.length > 0 && !required.some((scope) => scopes.includes(scope))) {
      exchange.authorizerError = 'insufficient_scope';
      throw new Refusal(403, 'Forbidden', {
        'www-authenticate': `Bearer scope="${required.join(' ')}" error="insufficient_scope" error_description="the token does not have the required scopes"`,
      });
    }
    return { jwt: { claims: textClaims(claims), scopes: required.length > 0 ? scopes : null } };
  };
}

function unauthorized(exchange: HttpExchange, why?: string): Refusal {
  exchange.authorizerError = why ?? 'the token is missing';
  return new Refusal(401, 'Unauthorized', {
    'www-authenticate':
      why === undefined ? 'Bearer' : `Bearer scope="" error="invalid_token" error_description="${why}"`,
  });
}

/** `client_id` counts only where there is no `aud` (developer guide, JWT authorizers). */
function checkAudience(claims: JWTPayload, audience: readonly string[]): void {
  const meant = [claims.aud ?? String(claims['client_id'] ?? '')].flat();
  if (!meant.some((each) => audience.includes(each)))
    throw new Error('the token does not have a valid audience');
}

const scopesOf = (claims: JWTPayload): string[] => {
  const given = claims['scope'] ?? claims['scp'];
  return Array.isArray(given)
    ? given.map(String)
    : String(given ?? '')
        .split(' ')
        .filter(Boolean);
};

/** Functions get every claim as text, lists as `[a b]`. */
const textClaims = (claims: JWTPayload): Record<string, string> =>
  Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [
      name,
      Array.isArray(value)
        ? `[${value.join(' ')}]`
        : typeof value === 'object' && value !== null
          ? JSON.stringify(value)
          : String(value),
    ]),
  );

function byPolicies(cloud: Cloud, exchange: HttpExchange): Promise<Authorizer> {
  const forbidden = (why: string): Refusal => {
    exchange.authorizerError = why;
    return new Refusal(403, 'Forbidden');
  };
  return new Promise((resolve, reject) => {
    const signer = signerOf({
      headers: exchange.request.headers,
      query: new URLSearchParams(exchange.query),
    });
    if (signer?.service !== 'execute-api') {
      reject(forbidden('the request is not signed for execute-api'));
      return;
    }
    try {
      const principal = cloud.sts.principalOf(signer.accessKeyId, signer.sessionToken);
      cloud.iam.authorize(principal, {
        action: 'execute-api:Invoke',
        resource: `${exchange.stage.executeArn}/${exchange.method}${exchange.path}`,
        context: { 'aws:SourceIp': exchange.sourceIp },
      });
      resolve({
        iam: {
          accessKey: signer.accessKeyId,
          accountId: cloud.account,
          callerId: principal.userId,
          cognitoIdentity: null,
          principalOrgId: null,
          userArn: principal.arn,
          userId: principal.userId,
        },
      });
    } catch (error) {
      reject(forbidden(error instanceof Error ? error.message : String(error)));
    }
  });
}
