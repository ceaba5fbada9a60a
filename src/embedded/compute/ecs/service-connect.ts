/**
 * Service Connect: in a namespace, `name:port` leads to the healthy tasks of a service. One TCP proxy an alias, on a
 * loopback address of its own; tasks learn the names of their own namespace only (resolve.ts).
 */
import { type AddressInfo, connect as connectTo, createServer, type Server, type Socket } from 'node:net';
import type { ServiceConnectConfiguration } from '@aws-sdk/client-ecs';
import { AwsError, type Cloud } from '../../platform.ts';
import { type ClusterRecord, type DefinitionRecord, invalid } from './state.ts';
import type { Addresses, ServiceConnectName } from './task/network.ts';

/** Services in one namespace, a hard limit (Amazon ECS service quotas). */
const servicesPerNamespace = 300;

/** A service's part in a namespace. */
export interface Membership {
  namespace: string;
  endpoints: readonly Endpoint[];
}

export interface Endpoint {
  name: string;
  port: number;
  discoveryName: string;
  containerPort: number;
}

export interface Backend {
  host: string;
  port: number;
}

export interface ServiceConnect {
  /** What a configuration means; throws InvalidParameterException. Undefined when Service Connect is off. */
  membership(
    configuration: ServiceConnectConfiguration | undefined,
    definition: DefinitionRecord,
    cluster: ClusterRecord,
  ): Membership | undefined;
  /** Makes a service's names known, in place of what it had; resolves when they can be connected to. */
  publish(service: string, membership: Membership | undefined): Promise<void>;
  /** Names that the tasks of a service may see. */
  namesFor(service: string | undefined): readonly ServiceConnectName[];
  stop(): Promise<void>;
}

interface Alias {
  endpoint: ServiceConnectName;
  /** Service key -> container port. */
  services: Map<string, number>;
  server: Server;
  turn: number;
}

export function createServiceConnect(
  cloud: Cloud,
  addresses: Addresses,
  backends: (service: string, containerPort: number) => Backend[],
  /** Called when the names that a service's tasks see have changed. */
  renamed: (service: string, names: readonly ServiceConnectName[]) => void,
): ServiceConnect {
  const members = new Map<string, Membership>();
  /** Namespace -> `name:port` -> alias. */
  const namespaces = new Map<string, Map<string, Alias>>();
  const sockets = new Set<Socket>();

  const aliasesOf = (namespace: string): Map<string, Alias> => {
    const known = namespaces.get(namespace);
    if (known) return known;
    const created = new Map<string, Alias>();
    namespaces.set(namespace, created);
    return created;
  };
  const names = (namespace: string): ServiceConnectName[] =>
    [...aliasesOf(namespace).values()].map((alias) => alias.endpoint);

  const forward = (alias: Alias, client: Socket): void => {
    const candidates = [...alias.services].flatMap(([service, port]) => backends(service, port));
    client.on('error', () => {});
    keep(client);
    const turn = alias.turn++;
    const attempt = (index: number): void => {
      const target = candidates[(turn + index) % candidates.length];
      // Nobody is healthy: the caller sees the connection end, as it would see Envoy's 503.
      if (!target || index >= candidates.length) {
        client.destroy();
        return;
      }
      const upstream = connectTo({ host: target.host, port: target.port, noDelay: true });
      keep(upstream);
      const refused = (): void => attempt(index + 1);
      upstream.once('error', refused);
      upstream.once('connect', () => {
        upstream.off('error', refused);
        upstream.on('error', () => client.destroy());
        // Who asked may have gone meanwhile.
        if (client.destroyed) {
          upstream.destroy();
          return;
        }
        client.once('close', () => upstream.destroy());
        client.pipe(upstream);
        upstream.pipe(client);
      });
    };
    attempt(0);
  };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };

  const open = async (endpoint: Endpoint): Promise<Alias> => {
    const address = await addresses.assign([endpoint.port]);
    const alias: Alias = {
      endpoint: {
        name: endpoint.name,
        port: endpoint.port,
        host: address.host,
        hostPort: address.ports[endpoint.port] ?? endpoint.port,
      },
      services: new Map(),
      server: createServer({ noDelay: true }, (client) => forward(alias, client)),
      turn: 0,
    };
    await new Promise<void>((resolve, reject) => {
      alias.server.once('error', reject);
      alias.server.listen(alias.endpoint.hostPort, alias.endpoint.host, resolve);
    });
    alias.endpoint.hostPort = (alias.server.address() as AddressInfo).port;
    return alias;
  };

  const close = (alias: Alias): void => {
    alias.server.close();
    addresses.release(alias.endpoint.host);
  };

  const tell = (namespace: string): void => {
    const known = names(namespace);
    for (const [service, membership] of members) {
      if (membership.namespace === namespace) renamed(service, known);
    }
  };

  const withdraw = (service: string, previous: Membership, kept: Membership | undefined): void => {
    const aliases = aliasesOf(previous.namespace);
    for (const endpoint of previous.endpoints) {
      const key = `${endpoint.name}:${endpoint.port}`;
      const stays =
        kept?.namespace === previous.namespace &&
        kept.endpoints.some((other) => `${other.name}:${other.port}` === key);
      const alias = aliases.get(key);
      if (stays || !alias) continue;
      alias.services.delete(service);
      if (alias.services.size > 0) continue;
      close(alias);
      aliases.delete(key);
    }
  };

  const changes = new Map<string, Promise<void>>();
  const publish = async (service: string, membership: Membership | undefined): Promise<void> => {
    const previous = members.get(service);
    if (membership) {
      const services = new Set(
        [...members].filter(([, member]) => member.namespace === membership.namespace).map(([key]) => key),
      );
      if (!services.has(service) && services.size >= servicesPerNamespace)
        throw new AwsError(
          'InvalidParameterException',
          `The namespace ${membership.namespace} has reached its limit of ${servicesPerNamespace} services.`,
        );
      members.set(service, membership);
      const aliases = aliasesOf(membership.namespace);
      for (const endpoint of membership.endpoints) {
        const key = `${endpoint.name}:${endpoint.port}`;
        let alias = aliases.get(key);
        if (!alias) {
          alias = await open(endpoint);
          aliases.set(key, alias);
        }
        alias.services.set(service, endpoint.containerPort);
      }
    } else members.delete(service);
    if (previous) withdraw(service, previous, membership);
    if (membership) tell(membership.namespace);
    if (previous && previous.namespace !== membership?.namespace) tell(previous.namespace);
  };

  return {
    membership(configuration, definition, cluster) {
      if (!configuration?.enabled) return undefined;
      const reference = configuration.namespace ?? cluster.serviceConnectDefaults?.namespace;
      if (!reference)
        throw invalid(
          'ServiceConnectConfiguration: a namespace is required, as the cluster has no default one.',
        );
      const namespace = cloud.serviceDiscovery.namespaceName(reference);
      const ports = new Map(
        (definition.containerDefinitions ?? []).flatMap((container) =>
          (container.portMappings ?? []).map((mapping) => [mapping.name, mapping.containerPort] as const),
        ),
      );
      const endpoints = (configuration.services ?? []).flatMap((service): Endpoint[] => {
        const containerPort = ports.get(service.portName);
        if (!service.portName || containerPort === undefined)
          throw invalid(
            `portName '${service.portName}' does not refer to any named PortMapping in the specified task definition.`,
          );
        const discoveryName = service.discoveryName ?? service.portName;
        const aliases = service.clientAliases?.length ? service.clientAliases : [{ port: containerPort }];
        return aliases.map((alias) => ({
          name: ('dnsName' in alias && alias.dnsName) || `${discoveryName}.${namespace}`,
          port: alias.port ?? containerPort,
          discoveryName,
          containerPort,
        }));
      });
      return { namespace, endpoints };
    },

    async publish(service, membership) {
      // One change of a namespace at a time: two services may bring the same alias at once.
      const namespace = membership?.namespace ?? members.get(service)?.namespace ?? '';
      const before = changes.get(namespace) ?? Promise.resolve();
      const change = before.catch(() => {}).then(() => publish(service, membership));
      changes.set(namespace, change);
      await change;
    },

    namesFor(service) {
      const namespace = service === undefined ? undefined : members.get(service)?.namespace;
      return namespace === undefined ? [] : names(namespace);
    },

    async stop() {
      for (const aliases of namespaces.values()) for (const alias of aliases.values()) close(alias);
      for (const socket of sockets) socket.destroy();
      namespaces.clear();
      members.clear();
    },
  };
}
