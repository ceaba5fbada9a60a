/** ECS's CloudFormation types. A service is stable when its deployment is completed, and failed when its circuit breaker says so. */
import {
  type CapacityProviderStrategyItem,
  type CreateCapacityProviderRequest,
  CreateCapacityProviderRequest$,
  type CreateClusterRequest,
  CreateClusterRequest$,
  type CreateServiceRequest,
  CreateServiceRequest$,
  type PutClusterCapacityProvidersRequest,
  PutClusterCapacityProvidersRequest$,
  type RegisterTaskDefinitionRequest,
  RegisterTaskDefinitionRequest$,
  type Tag,
} from '@aws-sdk/client-ecs';
import { AwsError, type Properties, type ResourceContext, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import type { Clusters } from './clusters.ts';
import type { Scheduler } from './scheduler.ts';
import { type Services, validateService } from './service-operations.ts';
import { type EcsState, type ServiceRecord, shortName } from './state.ts';
import { type TaskDefinitions, validateDefinition } from './task-definitions.ts';

export interface ResourceTypeParts {
  state: EcsState;
  clusters: Clusters;
  definitions: TaskDefinitions;
  services: Services;
  scheduler: Scheduler;
}

/** How long a service without a circuit breaker may take; CloudFormation itself would wait three hours. */
const stabilizeWithinMs = 600_000;

const withStackTags = (context: ResourceContext, own: readonly Tag[] | undefined): Tag[] => {
  const tags = new Map<string | undefined, string | undefined>(Object.entries(context.tags));
  for (const tag of own ?? []) tags.set(tag.key, tag.value);
  return [...tags].map(([key, value]) => ({ key, value }));
};

/** Succeeds when the thing, or the cluster it was in, is gone already. */
async function unlessGone(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    const gone = ['ServiceNotFoundException', 'ClusterNotFoundException', 'ServiceNotActiveException'];
    const missing =
      error instanceof AwsError &&
      (gone.includes(error.code) || /not found|Unable to describe/.test(error.message));
    if (!missing) throw error;
  }
}

export function createResourceTypes(parts: ResourceTypeParts): Record<string, ResourceType> {
  return {
    'AWS::ECS::Cluster': clusterType(parts),
    'AWS::ECS::TaskDefinition': taskDefinitionType(parts),
    'AWS::ECS::Service': serviceType(parts),
    'AWS::ECS::CapacityProvider': capacityProviderType(parts),
    'AWS::ECS::ClusterCapacityProviderAssociations': associationsType(parts),
  };
}

function clusterType({ clusters }: ResourceTypeParts): ResourceType {
  const input = (properties: Properties): CreateClusterRequest =>
    inputFromProperties(CreateClusterRequest$, properties, { ClusterSettings: 'settings' });
  return {
    replaceOn: ['ClusterName'],
    validate: (properties) => void input(properties),
    create(context, properties) {
      const request = input(properties);
      const cluster = clusters.create({
        ...request,
        clusterName: request.clusterName ?? context.physicalName(255),
        tags: withStackTags(context, request.tags),
      });
      return { physicalId: cluster.clusterName, attributes: { Arn: cluster.clusterArn } };
    },
    update(_context, physicalId, properties) {
      const request = input(properties);
      const cluster = clusters.update({ ...request, cluster: physicalId });
      if (properties['CapacityProviders'])
        clusters.putCapacityProviders({
          cluster: physicalId,
          capacityProviders: request.capacityProviders,
          defaultCapacityProviderStrategy: request.defaultCapacityProviderStrategy,
        });
      return { physicalId, attributes: { Arn: cluster.clusterArn } };
    },
    delete: (_context, physicalId) => unlessGone(() => clusters.remove(physicalId)),
  };
}

function taskDefinitionType({ definitions }: ResourceTypeParts): ResourceType {
  const input = (properties: Properties, family: () => string): RegisterTaskDefinitionRequest => {
    const request = inputFromProperties<RegisterTaskDefinitionRequest>(
      RegisterTaskDefinitionRequest$,
      properties,
    );
    return { ...request, family: request.family ?? family() };
  };
  return {
    replaceOn: ['*'],
    validate: (properties) => validateDefinition(input(properties, () => 'family')),
    create(context, properties) {
      // Without a family of its own, every replacement would start one; CloudFormation names it after the resource.
      const request = input(properties, () =>
        `${context.stackName}${context.logicalId}`.replace(/[^\w-]/g, ''),
      );
      const definition = definitions.register({ ...request, tags: withStackTags(context, request.tags) });
      return {
        physicalId: definition.taskDefinitionArn,
        attributes: { TaskDefinitionArn: definition.taskDefinitionArn },
      };
    },
    delete: (_context, physicalId) => unlessGone(() => definitions.deregister(physicalId)),
  };
}

function serviceType({ state, services, scheduler }: ResourceTypeParts): ResourceType {
  const input = (properties: Properties): CreateServiceRequest => {
    const { Role: _role, ...rest } = properties;
    const request = inputFromProperties<CreateServiceRequest>(CreateServiceRequest$, rest, {
      PlacementStrategies: 'placementStrategy',
    });
    validateService(request);
    return request;
  };
  const stable = async (service: ServiceRecord, context: ResourceContext): Promise<void> => {
    if (context.express) return;
    const key = state.serviceKey(service.cluster, service.serviceName);
    const limit = AbortSignal.timeout(stabilizeWithinMs);
    try {
      await scheduler.steady(key, service.deployments[0]?.id, AbortSignal.any([context.signal, limit]));
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new Error(
        `Exceeded attempts to wait: the service ${service.serviceName} did not stabilize within ${stabilizeWithinMs / 60_000} minutes. ${state.services.get(key)?.deployments[0]?.lastFailure ?? ''}`,
      );
    }
  };
  const attributes = (service: ServiceRecord): Record<string, unknown> => ({
    Name: service.serviceName,
    ServiceArn: service.serviceArn,
  });
  return {
    replaceOn: ['Cluster', 'ServiceName', 'LaunchType', 'SchedulingStrategy', 'DeploymentController', 'Role'],
    validate: (properties) => void input(properties),
    async create(context, properties) {
      const request = input(properties);
      const service = await services.create({
        ...request,
        serviceName: request.serviceName ?? context.physicalName(255),
        tags: withStackTags(context, request.tags),
      });
      context.initiated?.(service.serviceArn);
      await stable(service, context);
      return { physicalId: service.serviceArn, attributes: attributes(service) };
    },
    async update(context, physicalId, properties) {
      // A count in the template is set again with each update, as on AWS; left out, the service keeps what it has.
      const { cluster = 'default', serviceName: _name, tags: _tags, ...request } = input(properties);
      const service = await services.update({
        loadBalancers: [],
        ...request,
        cluster,
        service: shortName(physicalId),
        // Left out of the template means off.
        serviceConnectConfiguration: request.serviceConnectConfiguration ?? { enabled: false },
      });
      await stable(service, context);
      return { physicalId, attributes: attributes(service) };
    },
    async delete(context, physicalId, properties) {
      const cluster = clusterOfArn(physicalId) ?? String(properties['Cluster'] ?? 'default');
      await unlessGone(async () => {
        const service = await services.remove({ cluster, service: shortName(physicalId), force: true });
        await scheduler.steady(
          state.serviceKey(service.cluster, service.serviceName),
          undefined,
          context.signal,
        );
      });
    },
  };
}

/** `arn:…:service/<cluster>/<service>` */
const clusterOfArn = (arn: string): string | undefined => /:service\/([^/]+)\//.exec(arn)?.[1];

function capacityProviderType({ clusters }: ResourceTypeParts): ResourceType {
  const input = (properties: Properties): CreateCapacityProviderRequest =>
    inputFromProperties(CreateCapacityProviderRequest$, properties);
  return {
    replaceOn: ['Name'],
    validate: (properties) => void input(properties),
    create(context, properties) {
      const request = input(properties);
      const generated = context.physicalName(255);
      const provider = clusters.createCapacityProvider({
        ...request,
        // The prefixes aws, ecs and fargate are reserved.
        name: request.name ?? (/^(aws|ecs|fargate)/i.test(generated) ? `cp-${generated}` : generated),
        tags: withStackTags(context, request.tags),
      });
      return { physicalId: provider.name ?? '', attributes: { Arn: provider.capacityProviderArn } };
    },
    update(_context, physicalId, properties) {
      const { autoScalingGroupProvider } = input(properties);
      clusters.updateCapacityProvider({ name: physicalId, autoScalingGroupProvider });
      return { physicalId };
    },
    delete: (_context, physicalId) => unlessGone(() => clusters.removeCapacityProvider(physicalId)),
  };
}

function associationsType({ clusters }: ResourceTypeParts): ResourceType {
  const put = (properties: Properties): string => {
    const request = inputFromProperties<PutClusterCapacityProvidersRequest>(
      PutClusterCapacityProvidersRequest$,
      properties,
    );
    return clusters.putCapacityProviders(request).clusterName;
  };
  return {
    replaceOn: ['Cluster'],
    create: (_context, properties) => ({ physicalId: put(properties) }),
    update: (_context, physicalId, properties) => {
      put(properties);
      return { physicalId };
    },
    delete: (_context, physicalId) => {
      const none: CapacityProviderStrategyItem[] = [];
      return unlessGone(() =>
        clusters.putCapacityProviders({
          cluster: physicalId,
          capacityProviders: [],
          defaultCapacityProviderStrategy: none,
        }),
      );
    },
  };
}
