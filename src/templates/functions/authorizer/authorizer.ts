import { createHmac } from 'node:crypto';
import { claimedIdentity } from '../../../model/federation.ts';
import { apiKeyMessage } from '../../../model/registry.ts';
import { poolTenantPath, type TenantStatus } from '../../../model/tenant.ts';
import { claimedIssuer, Unauthorized, type VerifyToken } from './token.ts';
import type { KnownTenant, Trust } from './trust.ts';

/** What API Gateway sends to an authorizer of type REQUEST, as far as it is looked at. */
export interface AuthorizerEvent {
  methodArn: string;
  headers?: Record<string, string | undefined> | null;
}

export interface AuthorizerAnswer {
  principalId: string;
  policyDocument: {
    Version: '2012-10-17';
    Statement: { Action: 'execute-api:Invoke'; Effect: 'Allow' | 'Deny'; Resource: string }[];
  };
  context: Record<string, string>;
  usageIdentifierKey?: string;
}

/** Onboarding's last step is a request that proves that the tenant is served, so it is served a moment before it is active. */
const served: ReadonlySet<TenantStatus> = new Set(['provisioning', 'active', 'updating']);

/**
 * Decides whether a token may use the API, and as which tenant. The answer holds for every method and path of the stage
 * alike, since API Gateway caches it by token: what a role may do is decided by the services, on each request.
 * Throws {@link Unauthorized} (401) for whatever is not a valid token of a known tenant; answers Deny (403) for a tenant that is not served.
 */
export async function authorize(
  event: AuthorizerEvent,
  trust: Trust,
  verifyToken: VerifyToken,
): Promise<AuthorizerAnswer> {
  const token = bearerToken(event.headers);
  const issuer = await trust.issuer(claimedIssuer(token));
  if (!issuer) throw new Unauthorized();
  const claims = await verifyToken(token, issuer);

  const { tenantId, role: userRole } = claimedIdentity(claims, issuer.tenantId);
  if (tenantId === undefined || tenantId.length > 128) throw new Unauthorized();
  // A silo's issuer is its tenant; whatever else the token claims is a contradiction.
  if (issuer.tenantId !== undefined && issuer.tenantId !== tenantId) throw new Unauthorized();
  const tenant = await trust.tenant(tenantId);
  if (!tenant) throw new Unauthorized();
  // The pool's issuer speaks for the pool's tenants alone, and no other issuer does.
  if ((issuer.tenantId === undefined) !== (tenant.model === 'pool')) throw new Unauthorized();

  const principalId = claims.sub ?? '';
  if (!served.has(tenant.status)) return deny(event, principalId, tenant, `the tenant is ${tenant.status}`);
  if (!userRole) return deny(event, principalId, tenant, 'the user has no role');
  const username = claims['cognito:username'];
  // The token outlives the user who was deleted or disabled, and the role that was taken from him.
  if (typeof username !== 'string' || !(await trust.stillIs(issuer.issuer, username, userRole)))
    throw new Unauthorized();
  return {
    principalId,
    policyDocument: policy(event, 'Allow'),
    context: {
      tenantPath: tenant.model === 'pool' ? poolTenantPath : tenantId,
      tenantId,
      userName: principalId,
      userRole,
      tier: tenant.tier,
    },
    usageIdentifierKey: createHmac('sha256', await trust.apiKeySecret())
      .update(apiKeyMessage(tenantId))
      .digest('base64url'),
  };
}

function bearerToken(headers: AuthorizerEvent['headers']): string {
  // Header names come as the client wrote them.
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.toLowerCase() !== 'authorization') continue;
    const token = /^Bearer ([\w.-]+)$/i.exec(value ?? '')?.[1];
    if (token !== undefined) return token;
  }
  throw new Unauthorized();
}

const deny = (
  event: AuthorizerEvent,
  principalId: string,
  { tenantId }: KnownTenant,
  message: string,
): AuthorizerAnswer => ({
  principalId,
  policyDocument: policy(event, 'Deny'),
  context: { tenantId, message },
});

/** `arn:aws:execute-api:<region>:<account>:<api>/<stage>` and everything below it. */
function policy(
  { methodArn }: AuthorizerEvent,
  Effect: 'Allow' | 'Deny',
): AuthorizerAnswer['policyDocument'] {
  const [api = '', stage = ''] = methodArn.split('/');
  return {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect, Resource: `${api}/${stage}/*/*` }],
  };
}
