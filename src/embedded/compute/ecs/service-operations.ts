/** The services API: what callers ask for; the scheduler makes it so. */
import {
  CreateService$,
  type CreateServiceRequest,
  DeleteService$,
  type DeleteServiceRequest,
  type Deployment,
  DescribeServices$,
  type DescribeServicesRequest,
  ListServices$,
  ListServicesByNamespace$,
  type ListServicesByNamespaceRequest,
  type ListServicesRequest,
  type Service,
  UpdateService$,
  type UpdateServiceRequest,
} from '@aws-sdk/client-ecs';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import type { Scheduler } from './scheduler.ts';
import type { ServiceConnect } from './service-connect.ts';
import {
  type DefinitionRecord,
  type DeploymentRecord,
  type DeploymentSettings,
  type EcsState,
  invalid,
  page,
  type ServiceRecord,
  shortName,
} from './state.ts';
import type { Tasks } from './tasks.ts';

/** Services in one cluster (Amazon ECS service quotas). */
export const servicesPerCluster = 5000;

export interface Services {
  create(input: CreateServiceRequest): Promise<ServiceRecord>;
  update(input: UpdateServiceRequest): Promise<ServiceRecord>;
  remove(input: DeleteServiceRequest): Promise<ServiceRecord>;
  /** Publishes the names of all services again, after a restart. */
  recover(): Promise<void>;
  readonly operations: readonly Operation[];
}

const settingNames = [
  'loadBalancers',
  'serviceRegistries',
  'networkConfiguration',
  'capacityProviderStrategy',
  'launchType',
  'platformVersion',
  'serviceConnectConfiguration',
  'healthCheckGracePeriodSeconds',
  'enableExecuteCommand',
] as const satisfies (keyof DeploymentSettings)[];
/** Changing these alone replaces no task. */
const quietSettings = new Set<string>(['healthCheckGracePeriodSeconds', 'enableExecuteCommand']);

/** Throws InvalidParameterException as CreateService does, as far as the input alone tells. */
export function validateService(input: Partial<CreateServiceRequest>): void {
  const desired = input.desiredCount;
  if (desired !== undefined && (!Number.isInteger(desired) || desired < 0))
    throw invalid('desiredCount cannot be negative.');
  if (input.launchType && input.capacityProviderStrategy?.length)
    throw invalid('Specifying both a launch type and capacity provider strategy is not supported.');
  if (input.schedulingStrategy === 'DAEMON')
    throw invalid(
      'The embedded cloud has no container instances: the DAEMON scheduling strategy is not supported.',
    );
  const controller = input.deploymentController?.type;
  if (controller && controller !== 'ECS')
    throw invalid(`The embedded cloud has no ${controller} deployment controller; ECS is supported.`);
  const strategy = input.deploymentConfiguration?.strategy;
  if (strategy && strategy !== 'ROLLING')
    throw invalid(`The embedded cloud has no ${strategy} deployments; ROLLING is supported.`);
  const { minimumHealthyPercent = 100, maximumPercent = 200 } = input.deploymentConfiguration ?? {};
  if (minimumHealthyPercent >= 100 && maximumPercent <= 100 && (desired ?? 1) > 0)
    throw invalid('maximumPercent must be greater than 100 when minimumHealthyPercent is 100.');
}

export function createServices(
  cloud: Cloud,
  state: EcsState,
  scheduler: Scheduler,
  connect: ServiceConnect,
  tasks: Tasks,
): Services {
  const settingsOf = (input: Partial<CreateServiceRequest>): DeploymentSettings => {
    const settings: DeploymentSettings = {};
    for (const name of settingNames) {
      if (input[name] !== undefined) Object.assign(settings, { [name]: input[name] });
    }
    return settings;
  };

  const checkTargets = (definition: DefinitionRecord, settings: DeploymentSettings): void => {
    for (const target of settings.loadBalancers ?? []) {
      const container = definition.containerDefinitions?.find(({ name }) => name === target.containerName);
      if (!container)
        throw invalid(`The container ${target.containerName} does not exist in the task definition.`);
      if (!container.portMappings?.some((mapping) => mapping.containerPort === target.containerPort))
        throw invalid(
          `The container ${target.containerName} did not have a container port ${target.containerPort} defined.`,
        );
    }
    if (
      (settings.healthCheckGracePeriodSeconds ?? 0) > 0 &&
      !settings.loadBalancers?.length &&
      !settings.serviceRegistries?.length
    )
      throw invalid('Health check grace period is only valid for services configured to use load balancers');
    if (definition.networkMode === 'awsvpc' && !settings.networkConfiguration?.awsvpcConfiguration)
      throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  };

  /** Mirrors the newest deployment into the members that Service shows. */
  const show = (service: ServiceRecord, deployment: DeploymentRecord): void => {
    Object.assign(service, deployment.settings, { taskDefinition: deployment.taskDefinition });
  };

  const counts = (key: string, deployment?: string): { runningCount: number; pendingCount: number } => {
    const own = tasks
      .of(key)
      .filter((task) => deployment === undefined || task.record.deployment === deployment)
      .filter((task) => !task.stoppingOrStopped);
    const runningCount = own.filter((task) => task.running).length;
    return { runningCount, pendingCount: own.length - runningCount };
  };

  const view = (record: ServiceRecord, include: readonly string[] = []): Service => {
    const {
      cluster,
      deployments,
      lastCompleted: _last,
      failure: _failure,
      steady: _steady,
      tags,
      ...shown
    } = record;
    const key = state.serviceKey(cluster, record.serviceName);
    return {
      ...shown,
      ...counts(key),
      ...(include.includes('TAGS') ? { tags } : {}),
      deployments: deployments.map(
        ({ settings, strikes: _strikes, lastFailure: _why, rollbackOf: _of, ...deployment }): Deployment => ({
          ...deployment,
          ...counts(key, deployment.id),
          launchType: settings.launchType,
          networkConfiguration: settings.networkConfiguration,
          capacityProviderStrategy: settings.capacityProviderStrategy,
          platformVersion: settings.platformVersion,
          serviceConnectConfiguration: settings.serviceConnectConfiguration,
        }),
      ),
    };
  };

  const services: Omit<Services, 'operations'> = {
    async create(input) {
      validateService(input);
      const cluster = state.cluster(input.cluster);
      const name = input.serviceName ?? '';
      if (!/^[A-Za-z0-9_-]{1,255}$/.test(name)) throw invalid(`Invalid service name '${name}'.`);
      const key = state.serviceKey(cluster.clusterName, name);
      const known = state.services.get(key);
      if (known?.status === 'ACTIVE') throw invalid('Creation of service was not idempotent.');
      if (known?.status === 'DRAINING') throw invalid('Unable to Start a service that is still Draining.');
      const inCluster = state.services
        .values()
        .filter((other) => other.cluster === cluster.clusterName && other.status === 'ACTIVE').length;
      if (inCluster >= servicesPerCluster)
        throw new AwsError('LimitExceededException', `A cluster has at most ${servicesPerCluster} services.`);
      const definition = state.definition(input.taskDefinition);
      if (definition.status !== 'ACTIVE') throw invalid('TaskDefinition is inactive');
      const settings = settingsOf({
        ...input,
        capacityProviderStrategy:
          input.capacityProviderStrategy ??
          (input.launchType ? undefined : cluster.defaultCapacityProviderStrategy),
      });
      for (const { capacityProvider = '' } of settings.capacityProviderStrategy ?? []) {
        if (
          !cluster.capacityProviders?.some((provider) => shortName(provider) === shortName(capacityProvider))
        )
          throw invalid(
            `The specified capacity provider '${capacityProvider}' is not associated with the cluster.`,
          );
      }
      checkTargets(definition, settings);
      const membership = connect.membership(settings.serviceConnectConfiguration, definition, cluster);
      const service: ServiceRecord = {
        serviceArn: state.arn(`service/${cluster.clusterName}/${name}`),
        serviceName: name,
        clusterArn: cluster.clusterArn,
        cluster: cluster.clusterName,
        status: 'ACTIVE',
        desiredCount: input.desiredCount ?? 1,
        deploymentConfiguration: {
          maximumPercent: 200,
          minimumHealthyPercent: 100,
          deploymentCircuitBreaker: { enable: false, rollback: false },
          strategy: 'ROLLING',
          ...input.deploymentConfiguration,
        },
        deployments: [],
        events: [],
        createdAt: new Date(),
        placementConstraints: input.placementConstraints ?? [],
        placementStrategy: input.placementStrategy ?? [],
        schedulingStrategy: 'REPLICA',
        deploymentController: { type: 'ECS' },
        availabilityZoneRebalancing: input.availabilityZoneRebalancing ?? 'ENABLED',
        enableECSManagedTags: input.enableECSManagedTags ?? false,
        propagateTags: input.propagateTags ?? 'NONE',
        tags: input.tags ?? [],
        steady: false,
      };
      show(service, scheduler.deploy(service, definition.taskDefinitionArn, settings));
      state.services.put(key, service);
      try {
        await connect.publish(key, membership);
      } catch (error) {
        state.services.delete(key);
        throw error;
      }
      scheduler.wake(key);
      return service;
    },

    async update(input) {
      validateService(input);
      const service = state.service(input.cluster, input.service);
      if (service.status !== 'ACTIVE')
        throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
      const key = state.serviceKey(service.cluster, service.serviceName);
      const primary = service.deployments[0];
      if (!primary) throw new AwsError('ServerException', 'the service has no deployment', 500);
      const settings: DeploymentSettings = { ...primary.settings, ...settingsOf(input) };
      const definition = state.definition(input.taskDefinition ?? primary.taskDefinition);
      if (input.taskDefinition && definition.status !== 'ACTIVE') throw invalid('TaskDefinition is inactive');
      checkTargets(definition, settings);
      const membership = connect.membership(
        settings.serviceConnectConfiguration,
        definition,
        state.cluster(service.cluster),
      );
      const different = settingNames.some(
        (name) => !quietSettings.has(name) && !same(settings[name], primary.settings[name]),
      );
      if (input.desiredCount !== undefined && input.desiredCount !== service.desiredCount) {
        service.desiredCount = input.desiredCount;
        service.steady = false;
      }
      if (input.deploymentConfiguration)
        service.deploymentConfiguration = {
          ...service.deploymentConfiguration,
          ...input.deploymentConfiguration,
        };
      for (const name of [
        'placementConstraints',
        'placementStrategy',
        'propagateTags',
        'enableECSManagedTags',
      ] as const) {
        if (input[name] !== undefined) Object.assign(service, { [name]: input[name] });
      }
      if (
        different ||
        input.forceNewDeployment ||
        definition.taskDefinitionArn !== primary.taskDefinition ||
        // The one that failed is asked for again.
        primary.rolloutState === 'FAILED'
      )
        show(service, scheduler.deploy(service, definition.taskDefinitionArn, settings));
      else {
        primary.settings = settings;
        show(service, primary);
      }
      state.services.put(key, service);
      await connect.publish(key, membership);
      scheduler.wake(key);
      return service;
    },

    async remove(input) {
      const service = state.service(input.cluster, input.service);
      if (service.status === 'INACTIVE')
        throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
      if (service.desiredCount > 0 && !input.force)
        throw invalid('The service cannot be stopped while it is scaled above 0.');
      const key = state.serviceKey(service.cluster, service.serviceName);
      service.status = 'DRAINING';
      service.desiredCount = 0;
      service.steady = false;
      state.services.put(key, service);
      await connect.publish(key, undefined);
      scheduler.wake(key);
      return service;
    },

    async recover() {
      for (const [key, service] of state.services.entries()) {
        const primary = service.deployments[0];
        if (service.status !== 'ACTIVE' || !primary) continue;
        service.steady = false;
        try {
          await connect.publish(
            key,
            connect.membership(
              primary.settings.serviceConnectConfiguration,
              state.definition(primary.taskDefinition),
              state.cluster(service.cluster),
            ),
          );
        } catch (error) {
          cloud.log(`ecs: Service Connect of ${key}: ${(error as Error).message}`);
        }
      }
    },
  };

  const operations: Operation[] = [
    operation(CreateService$, async (input: CreateServiceRequest) => ({
      service: view(await services.create(input), ['TAGS']),
    })),
    operation(UpdateService$, async (input: UpdateServiceRequest) => ({
      service: view(await services.update(input), ['TAGS']),
    })),
    operation(DeleteService$, async (input: DeleteServiceRequest) => ({
      service: view(await services.remove(input)),
    })),
    operation(DescribeServices$, (input: DescribeServicesRequest) => {
      const { clusterName } = state.cluster(input.cluster);
      const found: Service[] = [];
      const failures: { arn: string; reason: string }[] = [];
      for (const reference of input.services ?? []) {
        const service = state.services.get(state.serviceKey(clusterName, reference));
        if (service) found.push(view(service, input.include));
        else
          failures.push({
            arn: state.arn(`service/${clusterName}/${shortName(reference)}`),
            reason: 'MISSING',
          });
      }
      return { services: found, failures };
    }),
    operation(ListServices$, (input: ListServicesRequest) => {
      const { clusterName } = state.cluster(input.cluster);
      const found = state.services
        .values()
        .filter((service) => service.cluster === clusterName && service.status !== 'INACTIVE')
        .filter((service) => input.launchType === undefined || service.launchType === input.launchType);
      const { items, nextToken } = page(found, { maxResults: 10, ...input });
      return { serviceArns: items.map((service) => service.serviceArn), nextToken };
    }),
    operation(ListServicesByNamespace$, (input: ListServicesByNamespaceRequest) => {
      const namespace = cloud.serviceDiscovery.namespaceName(input.namespace ?? '');
      const found = state.services.values().filter((service) => {
        const reference = service.deployments[0]?.settings.serviceConnectConfiguration?.namespace;
        return reference !== undefined && cloud.serviceDiscovery.namespaceName(reference) === namespace;
      });
      const { items, nextToken } = page(found, input);
      return { serviceArns: items.map((service) => service.serviceArn), nextToken };
    }),
  ];
  return { ...services, operations };
}

/** Equal as JSON, members in any order; an absent list is an empty one. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}
function canonical(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '' : `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? '' : JSON.stringify(value);
  const members = Object.entries(value)
    .map(([name, member]) => [name, canonical(member)] as const)
    .filter(([, text]) => text !== '')
    .sort(([x], [y]) => (x < y ? -1 : 1));
  return `{${members.map(([name, text]) => `${name}:${text}`).join(',')}}`;
}
