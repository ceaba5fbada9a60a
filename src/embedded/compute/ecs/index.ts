/** Amazon ECS with live tasks: a container is a process of this machine, a service keeps its tasks running. */
import type { AwsService, Cloud } from '../../platform.ts';
import { createClusters } from './clusters.ts';
import { createResourceTypes } from './resource-types.ts';
import { createScheduler } from './scheduler.ts';
import { createServiceConnect, type ServiceConnect } from './service-connect.ts';
import { createServices } from './service-operations.ts';
import { openState } from './state.ts';
import { tagOperations } from './tags.ts';
import { createAddresses } from './task/network.ts';
import { createTaskDefinitions } from './task-definitions.ts';
import { createTaskRoutes } from './task-routes.ts';
import { createTasks, type Tasks } from './tasks.ts';

export function createEcs(cloud: Cloud): AwsService {
  const state = openState(cloud);
  const addresses = createAddresses();
  // The three know each other; who is called first finds the others made.
  const parts: { tasks?: Tasks; connect?: ServiceConnect } = {};
  const made = <Part>(part: Part | undefined): Part => {
    if (!part) throw new Error('ECS is not put together yet');
    return part;
  };
  const scheduler = createScheduler({
    cloud,
    state,
    tasks: () => made(parts.tasks),
    connect: () => made(parts.connect),
  });
  const connect = createServiceConnect(
    cloud,
    addresses,
    (service, containerPort) =>
      scheduler.ready(service).flatMap(({ record }) => {
        const port = record.ports[containerPort];
        return port === undefined ? [] : [{ host: record.host, port }];
      }),
    (service, names) => {
      for (const task of made(parts.tasks).of(service)) task.tellNames(names);
    },
  );
  const tasks = createTasks(cloud, state, addresses, connect, {
    changed: scheduler.taskChanged,
    retire: scheduler.taskRetires,
  });
  Object.assign(parts, { tasks, connect });

  const clusters = createClusters(cloud, state);
  const definitions = createTaskDefinitions(state);
  const services = createServices(cloud, state, scheduler, connect, tasks);

  return {
    signingName: 'ecs',
    protocol: 'json-1.1',
    operations: [
      ...clusters.operations,
      ...definitions.operations,
      ...services.operations,
      ...tasks.operations,
      ...tagOperations(state),
    ],
    resourceTypes: createResourceTypes({ state, clusters, definitions, services, scheduler }),
    routes: createTaskRoutes(cloud, tasks),
    async start() {
      await services.recover();
      await tasks.recover();
      for (const key of state.services.keys()) scheduler.wake(key);
    },
    async returned(signal) {
      const served = [...state.services.values()].filter(
        ({ status, deployments }) => status === 'ACTIVE' && deployments[0]?.rolloutState === 'COMPLETED',
      );
      await Promise.all(
        served.map(({ cluster, serviceName }) =>
          scheduler.restored(state.serviceKey(cluster, serviceName), signal),
        ),
      );
    },
    async stop() {
      scheduler.stop();
      await tasks.suspend();
      await connect.stop();
    },
  };
}
