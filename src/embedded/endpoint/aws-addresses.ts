/**
 * Addresses that templates and programs form from ids, as AWS forms them: an HTTP API's host, a user pool's issuer, a
 * user pool domain. Here they lead to the endpoint's routes below `/_aws/`. Only this file knows both.
 */

/** Where a deployed API answers. */
export const executePrefix = '/_aws/execute-api/';
/** Keys and configuration of a user pool. */
export const poolPrefix = '/_aws/cognito/';
/** OAuth endpoints of a user pool's domain. */
export const domainPrefix = '/_aws/cognito-domain/';

/** What AWS serves to browsers, under names of its own: pages may call it here too, and each says to which of them it answers. */
export const isForPages = (path: string): boolean =>
  [executePrefix, poolPrefix, domainPrefix].some((prefix) => path.startsWith(prefix));

/**
 * The endpoint's path for a request to `host` (with or without port) and `target` (path and query) in that Region;
 * undefined for addresses that AWS does not form so.
 */
export function localPath(region: string, host: string, target: string): string | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '');
  const suffix = (text: string): string | undefined =>
    name.endsWith(text) && !name.slice(0, -text.length).includes('.')
      ? name.slice(0, -text.length)
      : undefined;
  const api = suffix(`.execute-api.${region}.amazonaws.com`);
  if (api) return `${executePrefix}${api}${target}`;
  const domain = suffix(`.auth.${region}.amazoncognito.com`);
  if (domain) return `${domainPrefix}${domain}${target}`;
  if (name === `cognito-idp.${region}.amazonaws.com` && /^\/[\w-]+_[A-Za-z0-9]+(\/|$)/.test(target))
    return `${poolPrefix}${target.slice(1)}`;
  return undefined;
}

/** The same URL at the endpoint, when it is one of those; else the URL as it is. Throws a TypeError when it is none. */
export function localUrl(cloud: { region: string; endpoint: string }, url: string): string {
  const { host, pathname, search } = new URL(url);
  const path = localPath(cloud.region, host, pathname + search);
  return path === undefined ? url : cloud.endpoint + path;
}
