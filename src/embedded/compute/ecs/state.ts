/** What ECS keeps: records, their keys, and how callers name them. */
import type {
  CapacityProvider,
  Cluster,
  CreateServiceRequest,
  Deployment,
  Service,
  ServiceEvent,
  Tag,
  Task,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';

export interface ClusterRecord extends Cluster {
  clusterArn: string;
  clusterName: string;
}

export interface DefinitionRecord extends TaskDefinition {
  taskDefinitionArn: string;
  family: string;
  revision: number;
  tags: Tag[];
}

/** What of a service its deployments may differ in. */
export type DeploymentSettings = Pick<
  CreateServiceRequest,
  | 'loadBalancers'
  | 'serviceRegistries'
  | 'networkConfiguration'
  | 'capacityProviderStrategy'
  | 'launchType'
  | 'platformVersion'
  | 'serviceConnectConfiguration'
  | 'healthCheckGracePeriodSeconds'
  | 'enableExecuteCommand'
>;

export interface DeploymentRecord extends Deployment {
  id: string;
  status: 'PRIMARY' | 'ACTIVE';
  taskDefinition: string;
  failedTasks: number;
  settings: DeploymentSettings;
  /** Failures since a task was last healthy: what the circuit breaker counts. */
  strikes: number;
  /** What went wrong with the last failed task, log lines included; for whoever waits. */
  lastFailure?: string;
  /** Set when the circuit breaker started this deployment in place of a failed one. */
  rollbackOf?: string;
}

export interface ServiceRecord extends Service {
  serviceArn: string;
  serviceName: string;
  clusterArn: string;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  desiredCount: number;
  cluster: string;
  deployments: DeploymentRecord[];
  events: ServiceEvent[];
  /** The deployment that a rollback returns to. */
  lastCompleted?: Pick<DeploymentRecord, 'taskDefinition' | 'settings'>;
  /** Why the newest deployment failed, for whoever waits for the service. */
  failure?: { deployment: string; message: string };
  steady: boolean;
}

export interface TaskRecord {
  task: Task & { taskArn: string; taskDefinitionArn: string };
  id: string;
  cluster: string;
  /** Key of its service; absent for a task of RunTask. */
  service?: string;
  deployment?: string;
  /** Its loopback address. */
  host: string;
  /** Container port -> the port on `host`. */
  ports: Record<number, number>;
  /** Process ids of its containers, to find what an earlier process left behind. */
  pids: number[];
}

export interface EcsState {
  readonly clusters: Collection<ClusterRecord>;
  readonly capacityProviders: Collection<CapacityProvider>;
  readonly definitions: Collection<DefinitionRecord>;
  /** Family -> its newest revision, deregistered ones included. */
  readonly families: Collection<number>;
  readonly services: Collection<ServiceRecord>;
  readonly tasks: Collection<TaskRecord>;
  readonly settings: Collection<string>;
  arn(resource: string): string;
  cluster(reference: string | undefined): ClusterRecord;
  /** By `family`, `family:revision` or ARN. */
  definition(reference: string | undefined): DefinitionRecord;
  serviceKey(cluster: string, reference: string): string;
  service(cluster: string | undefined, reference: string | undefined): ServiceRecord;
  task(cluster: string | undefined, reference: string | undefined): TaskRecord | undefined;
  tasksOf(service: string): TaskRecord[];
}

/** The last part of an ARN, or the name itself. */
export const shortName = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

export const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);
export const clientError = (message: string): AwsError => new AwsError('ClientException', message);

export function openState(cloud: Cloud): EcsState {
  const clusters = cloud.store.collection<ClusterRecord>('ecs-clusters');
  const definitions = cloud.store.collection<DefinitionRecord>('ecs-task-definitions');
  const families = cloud.store.collection<number>('ecs-families');
  const services = cloud.store.collection<ServiceRecord>('ecs-services');
  const tasks = cloud.store.collection<TaskRecord>('ecs-tasks');
  const byService = new Map<string, Set<string>>();

  const state: EcsState = {
    clusters,
    capacityProviders: cloud.store.collection('ecs-capacity-providers'),
    definitions,
    families,
    services,
    // Services look for their tasks at every step, so their keys are kept by service.
    tasks: {
      ...tasks,
      put(key, record) {
        if (record.service !== undefined) index(byService, record.service).add(key);
        tasks.put(key, record);
      },
      delete(key) {
        const service = tasks.get(key)?.service;
        if (service !== undefined) byService.get(service)?.delete(key);
        return tasks.delete(key);
      },
    },
    settings: cloud.store.collection('ecs-account-settings'),
    arn: (resource) => arn(cloud, 'ecs', resource),
    cluster(reference = 'default') {
      const cluster = clusters.get(shortName(reference));
      if (!cluster) throw new AwsError('ClusterNotFoundException', 'Cluster not found.');
      return cluster;
    },
    definition(reference = '') {
      const [family = '', revision] = shortName(reference).split(':');
      const wanted = revision === undefined ? newestActive(family) : Number(revision);
      const definition = definitions.get(`${family}:${wanted}`);
      if (!definition) throw clientError('Unable to describe task definition.');
      return definition;
    },
    serviceKey: (cluster, reference) => `${shortName(cluster)}/${shortName(reference)}`,
    service(cluster, reference = '') {
      const service = services.get(state.serviceKey(state.cluster(cluster).clusterName, reference));
      if (!service) throw new AwsError('ServiceNotFoundException', 'Service not found.');
      return service;
    },
    task(cluster, reference = '') {
      const record = tasks.get(shortName(reference));
      return record?.cluster === state.cluster(cluster).clusterName ? record : undefined;
    },
    tasksOf(service) {
      const found: TaskRecord[] = [];
      for (const key of byService.get(service) ?? []) {
        const record = tasks.get(key);
        if (record) found.push(record);
      }
      return found;
    },
  };
  for (const [key, record] of tasks.entries()) {
    if (record.service !== undefined) index(byService, record.service).add(key);
  }

  function newestActive(family: string): number {
    for (let revision = families.get(family) ?? 0; revision > 0; revision--) {
      if (definitions.get(`${family}:${revision}`)?.status === 'ACTIVE') return revision;
    }
    throw clientError('Unable to describe task definition.');
  }
  return state;
}

function index(sets: Map<string, Set<string>>, key: string): Set<string> {
  const known = sets.get(key);
  if (known) return known;
  const created = new Set<string>();
  sets.set(key, created);
  return created;
}

/** Members that services' pages of names are cut by; the token is the offset. */
export function page<Item>(
  items: readonly Item[],
  input: { nextToken?: string | undefined; maxResults?: number | undefined },
): { items: Item[]; nextToken: string | undefined } {
  const from = Number(input.nextToken ?? 0);
  if (!Number.isInteger(from) || from < 0) throw invalid('Invalid token');
  const until = from + Math.min(input.maxResults ?? 100, 100);
  return { items: items.slice(from, until), nextToken: until < items.length ? String(until) : undefined };
}

export function mergeTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map(tags.map((tag) => [tag.key, tag.value]));
  for (const tag of added) merged.set(tag.key, tag.value);
  return [...merged].map(([key, value]) => ({ key, value }));
}
