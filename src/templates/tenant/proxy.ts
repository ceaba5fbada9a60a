import type { Construct } from 'constructs';
import { nginxNamespaceVariable, nginxPort } from '../images/rproxy/nginx-config.ts';
import { ServiceTask, type TaskPlace } from './service-task.ts';

/** The nginx in front of a silo's services where routing is `proxy`: it takes the tenant's one rule at the load balancer. */
export const proxyName = 'proxy';

export const proxyTask = (scope: Construct, place: TaskPlace, image: string, priority: number): ServiceTask =>
  new ServiceTask(scope, 'Proxy', {
    place,
    name: proxyName,
    image,
    port: nginxPort,
    cpu: 256,
    memory: 512,
    tasks: { min: 1, max: 4 },
    environment: { [nginxNamespaceVariable]: place.namespace.name },
    // nginx writes its configuration from the template when it starts.
    readonlyRootFilesystem: false,
    discoverable: false,
    route: { priority, paths: [] },
  });
