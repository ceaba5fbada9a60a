/** AWS Cloud Map: name spaces, services and their instances, as records; Service Connect (ecs) makes its names live. */
import type { AwsService, Cloud, ServiceDiscoveryApi } from '../platform.ts';
import { openDirectory } from './service-discovery/directory.ts';
import { createServices } from './service-discovery/discovery-services.ts';
import { instanceOperations } from './service-discovery/instances.ts';
import { createNamespaces } from './service-discovery/namespaces.ts';

export function createServiceDiscovery(cloud: Cloud): AwsService & ServiceDiscoveryApi {
  const directory = openDirectory(cloud);
  const namespaces = createNamespaces(cloud, directory);
  const services = createServices(cloud, directory);
  return {
    signingName: 'servicediscovery',
    protocol: 'json-1.1',
    operations: [...namespaces.operations, ...services.operations, ...instanceOperations(directory)],
    resourceTypes: { ...namespaces.resourceTypes, ...services.resourceTypes },
    namespaceName: (reference) => directory.namespace(reference).Name,
  };
}
