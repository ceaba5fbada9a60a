/**
 * Preloaded into every Node.js process of a task (by NODE_OPTIONS): gives it what a container's network name space
 * would. It listens on the task's own loopback address where the program asks for all interfaces, `localhost` is the
 * task itself, Service Connect names lead to their proxies, and the process ends with the embedded cloud that runs it.
 *
 * `ECS_TASK_NETWORK` holds the task's network as it was at the start; changes come as JSON lines on descriptor 3.
 */
import dns from 'node:dns';
import { fstatSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { isMainThread } from 'node:worker_threads';
import type { ServiceConnectName, TaskNetwork } from './ecs/task/network.ts';

const parsed = JSON.parse(process.env['ECS_TASK_NETWORK'] ?? 'null') as TaskNetwork | null;
if (parsed) join(parsed);

function join(network: TaskNetwork): void {
  let names: readonly ServiceConnectName[] = network.names;
  const wildcard = new Set([undefined, '', '0.0.0.0', '::']);
  const loopback = new Set([undefined, '', 'localhost', '127.0.0.1', '::1']);

  const listen = net.Server.prototype.listen as (this: net.Server, ...rest: unknown[]) => net.Server;
  net.Server.prototype.listen = function patched(this: net.Server, ...args: unknown[]): net.Server {
    const [first] = args;
    const callback = args.findLast((argument) => typeof argument === 'function');
    const options = addressOf(args);
    if (!options || (typeof first === 'object' && first !== null && 'fd' in first))
      return listen.apply(this, args);
    const port = Number(options.port ?? 0);
    return listen.call(
      this,
      {
        ...options,
        port: network.ports[port] ?? port,
        host: wildcard.has(options.host) ? network.host : options.host,
      },
      callback,
    );
  } as typeof net.Server.prototype.listen;

  /** Where a connection to that host and port really goes; undefined: where it says. */
  const route = (host: string | undefined, port: number): { host: string; port: number } | undefined => {
    const name = names.find((candidate) => candidate.name === host && candidate.port === port);
    if (name) return { host: name.host, port: name.hostPort };
    const mapped = network.ports[port];
    return mapped !== undefined && loopback.has(host) ? { host: network.host, port: mapped } : undefined;
  };
  const connect = net.Socket.prototype.connect as (this: net.Socket, ...rest: unknown[]) => net.Socket;
  net.Socket.prototype.connect = function patched(this: net.Socket, ...args: unknown[]): net.Socket {
    // net.connect hands over its normalized arguments as one marked array, which must stay the same object.
    const normalized = Array.isArray(args[0]) ? (args[0] as unknown[]) : undefined;
    const options = addressOf(normalized ?? args);
    const target = options && route(options.host, Number(options.port));
    if (!target) return connect.apply(this, args);
    const redirected = { ...options, ...target };
    if (normalized) {
      normalized[0] = redirected;
      return connect.apply(this, args);
    }
    return connect.call(
      this,
      redirected,
      args.findLast((argument) => typeof argument === 'function'),
    );
  } as typeof net.Socket.prototype.connect;

  const addressFor = (hostname: string): string | undefined =>
    hostname === 'localhost' ? network.host : names.find((candidate) => candidate.name === hostname)?.host;
  type LookupCallback = (error: Error | null, address: unknown, family?: number) => void;
  const lookup = dns.lookup as unknown as (...args: unknown[]) => void;
  const resolve = (hostname: string, options: unknown, callback?: LookupCallback): void => {
    const address = addressFor(hostname);
    const done = (callback ?? options) as LookupCallback;
    if (address === undefined) {
      lookup(...(callback ? [hostname, options, callback] : [hostname, options]));
      return;
    }
    const all = typeof options === 'object' && options !== null && 'all' in options && options.all === true;
    process.nextTick(() => (all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
  };
  // util.promisify finds its way by properties of the original.
  dns.lookup = Object.defineProperties(
    resolve,
    Object.getOwnPropertyDescriptors(dns.lookup),
  ) as unknown as typeof dns.lookup;
  const lookupPromise = dns.promises.lookup as unknown as (...args: unknown[]) => Promise<unknown>;
  dns.promises.lookup = (async (hostname: string, options?: { all?: boolean }) => {
    const address = addressFor(hostname);
    if (address === undefined) return lookupPromise(hostname, options ?? {});
    return options?.all ? [{ address, family: 4 }] : { address, family: 4 };
  }) as typeof dns.promises.lookup;
  syncBuiltinESMExports();

  if (isMainThread && isLifeline()) {
    const lifeline = new net.Socket({ fd: 3, readable: true, writable: false });
    let pending = '';
    lifeline.on('data', (chunk) => {
      const lines = (pending + chunk.toString()).split('\n');
      pending = lines.pop() ?? '';
      const newest = lines.at(-1);
      if (newest) names = JSON.parse(newest) as ServiceConnectName[];
    });
    // The embedded cloud is gone, however it went: a task without it serves nobody.
    lifeline.on('close', () => process.exit(1));
    lifeline.on('error', () => process.exit(1));
    lifeline.unref();
  }
}

/** Host and port of a listen or connect call, in whatever form; undefined for paths and handles. */
function addressOf(args: readonly unknown[]): { host?: string; port?: number | string } | undefined {
  const [first, second] = args;
  if (typeof first === 'object' && first !== null) {
    const options = first as { host?: string; port?: number | string; path?: string };
    return options.path === undefined && options.port !== undefined && options.port !== null
      ? options
      : undefined;
  }
  const numeric = typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first));
  if (!numeric) return undefined;
  return typeof second === 'string' ? { port: first, host: second } : { port: first };
}

/** Grandchildren don't inherit descriptor 3; what they have there is something else. */
function isLifeline(): boolean {
  if (process.env['NODE_CHANNEL_FD'] === '3') return false;
  try {
    return fstatSync(3).isSocket();
  } catch {
    return false;
  }
}
