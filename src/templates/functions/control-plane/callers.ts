/** Who may do what by the API: a program what its token's scopes say, an operator what his role says at this moment. */
import {
  AdminGetUserCommand,
  type CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { operatorRoles } from '../../../model/control-plane.ts';
import { HttpError, type HttpEvent } from './http.ts';

export interface Callers {
  cognito: CognitoIdentityProviderClient;
  userPoolId: string;
  /** The client whose tokens are programs', by the client credentials grant. */
  machineClientId: string;
}

const [administrator, support] = operatorRoles;

/** Asked before anybody is signed in; API Gateway lets them through without a token. */
const open: ReadonlySet<string> = new Set(['GET /tenant-config', 'GET /tenant-config/{tenantName}']);

/**
 * Returns when the caller may have the route. API Gateway has verified the token and its scopes, which each operator's
 * sign-in gets alike; and a token outlives the operator who was disabled or deleted, and the role that was taken from
 * him. So Cognito is asked on every request: operators are few. Throws an HttpError: 401 for who is no operator any
 * more, 403 for what his role does not allow, 503 when Cognito does not answer for the moment.
 */
export async function admit(
  { cognito, userPoolId, machineClientId }: Callers,
  event: HttpEvent,
): Promise<void> {
  if (open.has(event.routeKey)) return;
  // Claims of Cognito's access tokens: developer guide, "Understanding the access token".
  const { username, client_id: clientId } = event.requestContext?.authorizer?.jwt?.claims ?? {};
  if (!username) {
    if (clientId === machineClientId) return;
    throw unauthorized();
  }
  const role = await roleOf(cognito, userPoolId, username);
  if (role === administrator || (role === support && event.routeKey.startsWith('GET '))) return;
  throw new HttpError(403, role === support ? `${support} may only read` : 'Forbidden');
}

const unauthorized = (): HttpError => new HttpError(401, 'Unauthorized');

async function roleOf(
  cognito: CognitoIdentityProviderClient,
  UserPoolId: string,
  Username: string,
): Promise<string | undefined> {
  try {
    const { Enabled, UserAttributes = [] } = await cognito.send(
      new AdminGetUserCommand({ UserPoolId, Username }),
    );
    if (!Enabled) throw unauthorized();
    return UserAttributes.find(({ Name }) => Name === 'custom:userRole')?.Value;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'UserNotFoundException') throw unauthorized();
    if (name === 'TooManyRequestsException') throw new HttpError(503, 'Too many requests; try again');
    throw error;
  }
}
