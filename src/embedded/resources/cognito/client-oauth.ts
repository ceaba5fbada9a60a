/** What of OAuth an app client may be set up with. */
import type { UpdateUserPoolClientRequest } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Cloud } from '../../platform.ts';
import { invalidParameter } from './errors.ts';
import { providers } from './federation/providers.ts';
import type { PoolRecord } from './pools.ts';
import { scopesOf } from './resource-servers.ts';

/** Those that need no resource server. */
export const standardScopes: ReadonlySet<string> = new Set([
  'openid',
  'email',
  'phone',
  'profile',
  'aws.cognito.signin.user.admin',
]);
const maxUrls = 100;
const maxScopes = 50;

type Settings = Partial<UpdateUserPoolClientRequest>;

const invalidFlow = (message: string) => new AwsError('InvalidOAuthFlowException', message);

/** Throws AwsError InvalidOAuthFlowException, ScopeDoesNotExistException or InvalidParameterException. */
export function checkOAuth(cloud: Cloud, pool: PoolRecord, input: Settings, secret: boolean): void {
  const { AllowedOAuthFlows: flows = [], AllowedOAuthScopes: scopes = [] } = input;
  const known = scopesOf(cloud, pool.id);
  const unknown = scopes.filter((scope) => !standardScopes.has(scope) && !known.has(scope));
  if (unknown.length > 0) {
    throw new AwsError('ScopeDoesNotExistException', `Invalid scope requested: ${unknown.join(', ')}`);
  }
  if (scopes.length > maxScopes) throw invalidParameter(`A client has at most ${maxScopes} scopes.`);
  if (input.AllowedOAuthFlowsUserPoolClient && (flows.length === 0 || scopes.length === 0)) {
    throw invalidFlow(
      'AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.',
    );
  }
  if (flows.includes('client_credentials')) {
    if (!secret) {
      throw invalidFlow(
        'client_credentials flow can not be selected if client does not have a client secret.',
      );
    }
    if (flows.length > 1) {
      throw invalidFlow('client_credentials flow can not be selected along with code flow or implicit flow.');
    }
  } else if (flows.length > 0 && !input.CallbackURLs?.length) {
    throw invalidParameter('Callback URLs must be given for the code and implicit grants.');
  }
  checkUrls(input);
  checkProviders(cloud, pool, input);
}

/** "A redirect URI must be an absolute URI, not include a fragment"; https, except on this machine; or an app's own scheme. */
function checkUrls({ CallbackURLs = [], LogoutURLs = [], DefaultRedirectURI }: Settings): void {
  for (const urls of [CallbackURLs, LogoutURLs]) {
    if (urls.length > maxUrls) throw invalidParameter(`A client has at most ${maxUrls} such URLs.`);
    for (const text of urls) {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (!url || text.length > 1024) throw invalidParameter(`${text} is not a valid URL.`);
      if (text.includes('#')) throw invalidParameter(`${text} cannot contain fragments.`);
      if (url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
        throw invalidParameter(`${text} cannot use the HTTP protocol.`);
      }
      if (['javascript:', 'data:', 'vbscript:'].includes(url.protocol)) {
        throw invalidParameter(`${text} cannot use the scheme ${url.protocol}`);
      }
    }
  }
  if (DefaultRedirectURI && !CallbackURLs.includes(DefaultRedirectURI)) {
    throw invalidParameter('The default redirect URI must be one of the callback URLs.');
  }
}

function checkProviders(cloud: Cloud, pool: PoolRecord, input: Settings): void {
  for (const name of input.SupportedIdentityProviders ?? []) {
    if (name !== 'COGNITO' && !providers(cloud, pool.id).has(name)) {
      throw invalidParameter(`The provider ${name} does not exist for User Pool ${pool.id}.`);
    }
  }
}
