/**
 * On AWS a custom resource's ResponseURL is https on port 443, and handlers rely on it: the CDK's own and AWS's
 * cfn-response module take its host and path and call `https.request`. Here the URL leads to the endpoint, which has
 * another port and no TLS; this sends their answers there.
 */
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { responsePath } from '../../cloudformation/types/response-path.ts';

type Options = https.RequestOptions & { pathname?: string };

/** Before any code of the function is loaded. Other requests, to this endpoint too, go where they would have gone. */
export function answerCustomResources(endpoint: string): void {
  if (!URL.canParse(endpoint)) return;
  const { hostname, port } = new URL(endpoint);
  const request = https.request as (...args: unknown[]) => http.ClientRequest;
  https.request = ((...args: unknown[]) => {
    const options = optionsOf(args);
    const host = (options.hostname ?? options.host ?? '').replace(/:\d+$/, '');
    if (host !== hostname || !options.path?.startsWith(responsePath)) return request(...args);
    const { agent: _, host: __, ...rest } = options;
    return http.request(
      { ...rest, protocol: 'http:', hostname, port },
      args.find((argument) => typeof argument === 'function') as
        | ((response: http.IncomingMessage) => void)
        | undefined,
    );
  }) as typeof https.request;
  syncBuiltinESMExports();
}

/** `request(url[, options][, callback])` or `request(options[, callback])`. */
function optionsOf(args: readonly unknown[]): Options {
  const [first, second] = args;
  if (typeof first !== 'string' && !(first instanceof URL)) return (first ?? {}) as Options;
  if (!URL.canParse(String(first))) return {};
  const { hostname, pathname, search } = new URL(first);
  return { hostname, path: pathname + search, ...(typeof second === 'object' ? second : {}) };
}
