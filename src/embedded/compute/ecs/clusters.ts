/** Clusters, capacity providers and account settings. */
import {
  type CapacityProvider,
  CreateCapacityProvider$,
  type CreateCapacityProviderRequest,
  CreateCluster$,
  type CreateClusterRequest,
  DeleteCapacityProvider$,
  type DeleteCapacityProviderRequest,
  DeleteCluster$,
  type DeleteClusterRequest,
  DescribeCapacityProviders$,
  type DescribeCapacityProvidersRequest,
  DescribeClusters$,
  type DescribeClustersRequest,
  ListAccountSettings$,
  type ListAccountSettingsRequest,
  ListClusters$,
  type ListClustersRequest,
  PutAccountSetting$,
  PutAccountSettingDefault$,
  type PutAccountSettingDefaultRequest,
  PutClusterCapacityProviders$,
  type PutClusterCapacityProvidersRequest,
  type Setting,
  UpdateCapacityProvider$,
  type UpdateCapacityProviderRequest,
  UpdateCluster$,
  type UpdateClusterRequest,
  UpdateClusterSettings$,
} from '@aws-sdk/client-ecs';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { type ClusterRecord, clientError, type EcsState, invalid, page, shortName } from './state.ts';

/** Per account and Region (Amazon ECS service quotas). */
export const clusterQuota = 10_000;
const builtInProviders = new Set(['FARGATE', 'FARGATE_SPOT']);
const namePattern = /^[A-Za-z0-9_-]{1,255}$/;

export interface Clusters {
  create(input: CreateClusterRequest): ClusterRecord;
  update(input: UpdateClusterRequest): ClusterRecord;
  putCapacityProviders(input: PutClusterCapacityProvidersRequest): ClusterRecord;
  remove(reference: string | undefined): ClusterRecord;
  createCapacityProvider(input: CreateCapacityProviderRequest): CapacityProvider;
  updateCapacityProvider(input: UpdateCapacityProviderRequest): CapacityProvider;
  removeCapacityProvider(reference: string | undefined): CapacityProvider;
  readonly operations: readonly Operation[];
}

export function createClusters(cloud: Cloud, state: EcsState): Clusters {
  const requireProviders = (names: readonly string[]): void => {
    for (const name of names) {
      if (!builtInProviders.has(name) && !state.capacityProviders.has(shortName(name)))
        throw clientError(`The specified capacity provider '${name}' was not found.`);
    }
  };

  /** Service Connect's default namespace must exist and is kept by ARN or name, as given. */
  const namespaceOf = (namespace: string): string => {
    cloud.serviceDiscovery.namespaceName(namespace);
    return namespace;
  };

  const view = (cluster: ClusterRecord): ClusterRecord => {
    const tasks = state.tasks.values().filter((record) => record.cluster === cluster.clusterName);
    return {
      ...cluster,
      registeredContainerInstancesCount: 0,
      runningTasksCount: tasks.filter((record) => record.task.lastStatus === 'RUNNING').length,
      pendingTasksCount: tasks.filter((record) =>
        ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(record.task.lastStatus ?? ''),
      ).length,
      activeServicesCount: state.services
        .values()
        .filter((service) => service.cluster === cluster.clusterName && service.status === 'ACTIVE').length,
    };
  };

  const clusters: Omit<Clusters, 'operations'> = {
    create(input) {
      const name = input.clusterName ?? 'default';
      if (!namePattern.test(name))
        throw invalid(`Invalid identifier: cluster name must match ${namePattern.source}`);
      const known = state.clusters.get(name);
      if (known) return known;
      if (state.clusters.keys().length >= clusterQuota)
        throw new AwsError('LimitExceededException', `Cluster limit of ${clusterQuota} exceeded.`);
      requireProviders(input.capacityProviders ?? []);
      const cluster: ClusterRecord = {
        clusterArn: state.arn(`cluster/${name}`),
        clusterName: name,
        status: 'ACTIVE',
        statistics: [],
        tags: input.tags ?? [],
        settings: input.settings ?? [{ name: 'containerInsights', value: 'disabled' }],
        configuration: input.configuration,
        capacityProviders: input.capacityProviders ?? [],
        defaultCapacityProviderStrategy: input.defaultCapacityProviderStrategy ?? [],
        serviceConnectDefaults: input.serviceConnectDefaults?.namespace
          ? { namespace: namespaceOf(input.serviceConnectDefaults.namespace) }
          : undefined,
      };
      state.clusters.put(name, cluster);
      return cluster;
    },

    update(input) {
      const cluster = state.cluster(input.cluster);
      const settings = new Map((cluster.settings ?? []).map((setting) => [setting.name, setting]));
      for (const setting of input.settings ?? []) settings.set(setting.name, setting);
      const updated: ClusterRecord = {
        ...cluster,
        settings: [...settings.values()],
        configuration: input.configuration ?? cluster.configuration,
        serviceConnectDefaults: input.serviceConnectDefaults?.namespace
          ? { namespace: namespaceOf(input.serviceConnectDefaults.namespace) }
          : cluster.serviceConnectDefaults,
      };
      state.clusters.put(cluster.clusterName, updated);
      return updated;
    },

    putCapacityProviders(input) {
      const cluster = state.cluster(input.cluster);
      requireProviders(input.capacityProviders ?? []);
      const updated: ClusterRecord = {
        ...cluster,
        capacityProviders: input.capacityProviders ?? [],
        defaultCapacityProviderStrategy: input.defaultCapacityProviderStrategy ?? [],
      };
      state.clusters.put(cluster.clusterName, updated);
      return updated;
    },

    remove(reference) {
      const cluster = state.cluster(reference);
      const counted = view(cluster);
      if ((counted.activeServicesCount ?? 0) > 0)
        throw new AwsError(
          'ClusterContainsServicesException',
          'The Cluster cannot be deleted while Services are active.',
        );
      if ((counted.runningTasksCount ?? 0) + (counted.pendingTasksCount ?? 0) > 0)
        throw new AwsError(
          'ClusterContainsTasksException',
          'The Cluster cannot be deleted while Tasks are active.',
        );
      state.clusters.delete(cluster.clusterName);
      for (const [key, service] of state.services.entries()) {
        if (service.cluster === cluster.clusterName) state.services.delete(key);
      }
      return { ...counted, activeServicesCount: 0, status: 'INACTIVE' };
    },

    createCapacityProvider(input) {
      const name = input.name ?? '';
      if (!namePattern.test(name) || /^(aws|ecs|fargate)/i.test(name))
        throw invalid(`The specified capacity provider name '${name}' is invalid.`);
      if (state.capacityProviders.has(name))
        throw clientError(`The specified capacity provider already exists. Specify a different name.`);
      const provider: CapacityProvider = {
        capacityProviderArn: state.arn(`capacity-provider/${name}`),
        name,
        status: 'ACTIVE',
        autoScalingGroupProvider: input.autoScalingGroupProvider,
        tags: input.tags ?? [],
        type: 'EC2_AUTOSCALING',
      };
      state.capacityProviders.put(name, provider);
      return provider;
    },

    updateCapacityProvider(input) {
      const name = shortName(input.name ?? '');
      const provider = state.capacityProviders.get(name);
      if (!provider?.autoScalingGroupProvider)
        throw clientError('The specified capacity provider was not found.');
      const updated: CapacityProvider = {
        ...provider,
        autoScalingGroupProvider: { ...provider.autoScalingGroupProvider, ...input.autoScalingGroupProvider },
        updateStatus: 'UPDATE_COMPLETE',
      };
      state.capacityProviders.put(name, updated);
      return updated;
    },

    removeCapacityProvider(reference = '') {
      const name = shortName(reference);
      const provider = state.capacityProviders.get(name);
      if (!provider) throw clientError('The specified capacity provider was not found.');
      const user = state.clusters.values().find((cluster) => cluster.capacityProviders?.includes(name));
      if (user)
        throw new AwsError(
          'ResourceInUseException',
          `The capacity provider is in use by the cluster ${user.clusterName}.`,
        );
      state.capacityProviders.delete(name);
      return { ...provider, status: 'INACTIVE', updateStatus: 'DELETE_COMPLETE' };
    },
  };

  const setting = (name: string): Setting => ({
    name: name as Setting['name'],
    value: state.settings.get(name) ?? (name === 'awsvpcTrunking' ? 'disabled' : 'enabled'),
    principalArn: `arn:${cloud.partition}:iam::${cloud.account}:root`,
    type: 'user',
  });
  const putSetting = (input: PutAccountSettingDefaultRequest): { setting: Setting } => {
    const name = input.name ?? '';
    if (!name || input.value === undefined) throw invalid('name and value are required');
    state.settings.put(name, input.value);
    return { setting: setting(name) };
  };

  const operations: Operation[] = [
    operation(CreateCluster$, (input: CreateClusterRequest) => ({ cluster: view(clusters.create(input)) })),
    operation(UpdateCluster$, (input: UpdateClusterRequest) => ({ cluster: view(clusters.update(input)) })),
    operation(UpdateClusterSettings$, (input: UpdateClusterRequest) => ({
      cluster: view(clusters.update(input)),
    })),
    operation(PutClusterCapacityProviders$, (input: PutClusterCapacityProvidersRequest) => ({
      cluster: view(clusters.putCapacityProviders(input)),
    })),
    operation(DeleteCluster$, (input: DeleteClusterRequest) => ({
      cluster: clusters.remove(input.cluster),
    })),
    operation(DescribeClusters$, (input: DescribeClustersRequest) => {
      const found: ClusterRecord[] = [];
      const failures: { arn: string; reason: string }[] = [];
      for (const reference of input.clusters ?? ['default']) {
        const cluster = state.clusters.get(shortName(reference));
        if (cluster) found.push(view(cluster));
        else failures.push({ arn: state.arn(`cluster/${shortName(reference)}`), reason: 'MISSING' });
      }
      return { clusters: found, failures };
    }),
    operation(ListClusters$, (input: ListClustersRequest) => {
      const { items, nextToken } = page(state.clusters.values(), input);
      return { clusterArns: items.map((cluster) => cluster.clusterArn), nextToken };
    }),
    operation(CreateCapacityProvider$, (input: CreateCapacityProviderRequest) => ({
      capacityProvider: clusters.createCapacityProvider(input),
    })),
    operation(UpdateCapacityProvider$, (input: UpdateCapacityProviderRequest) => ({
      capacityProvider: clusters.updateCapacityProvider(input),
    })),
    operation(DeleteCapacityProvider$, (input: DeleteCapacityProviderRequest) => ({
      capacityProvider: clusters.removeCapacityProvider(input.capacityProvider),
    })),
    operation(DescribeCapacityProviders$, (input: DescribeCapacityProvidersRequest) => {
      const builtIn = [...builtInProviders].map((name) => ({
        capacityProviderArn: state.arn(`capacity-provider/${name}`),
        name,
        status: 'ACTIVE' as const,
        tags: [],
      }));
      const all: CapacityProvider[] = [...builtIn, ...state.capacityProviders.values()];
      const wanted = input.capacityProviders?.map(shortName);
      const { items, nextToken } = page(
        wanted ? all.filter((provider) => wanted.includes(provider.name ?? '')) : all,
        input,
      );
      return { capacityProviders: items, nextToken, failures: [] };
    }),
    operation(PutAccountSettingDefault$, putSetting),
    operation(PutAccountSetting$, putSetting),
    operation(ListAccountSettings$, (input: ListAccountSettingsRequest) => {
      const names = input.name ? [input.name] : state.settings.keys();
      const settings = names
        .filter((name) => input.effectiveSettings || state.settings.has(name))
        .map(setting)
        .filter((found) => input.value === undefined || found.value === input.value);
      return { settings };
    }),
  ];
  return { ...clusters, operations };
}
