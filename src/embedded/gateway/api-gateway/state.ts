/** What API Gateway's control plane keeps, and how its parts find each other. */
import type { ApiKey, DomainName, RestApi, Stage, UsagePlan, VpcLink } from '@aws-sdk/client-api-gateway';
import type { Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';
import { type ApiDefinition, notFound } from './definition.ts';
import { type KeyIndex, openKeyIndex } from './key-index.ts';

/** As the SDK has it, with times as ISO text. */
type Stored<T> = { [K in keyof T]: T[K] extends Date | undefined ? string | undefined : T[K] };

export interface ApiRecord {
  id: string;
  description: Stored<RestApi>;
  definition: ApiDefinition;
}

export interface DeploymentRecord {
  id: string;
  apiId: string;
  description?: string;
  createdDate: string;
  /** Never changed after it was made. */
  definition: ApiDefinition;
  /** The resource policy of that moment. */
  policy?: string;
}

export interface StageRecord extends Stored<Stage> {
  apiId: string;
  stageName: string;
  deploymentId: string;
}

export type ApiKeyRecord = Stored<ApiKey> & { id: string; value: string; enabled: boolean };
export type UsagePlanRecord = UsagePlan & { id: string };

export interface PlanKeyRecord {
  planId: string;
  keyId: string;
}

export interface AccountRecord {
  cloudwatchRoleArn?: string;
}

export interface ApiGatewayState {
  readonly apis: Collection<ApiRecord>;
  readonly deployments: Collection<DeploymentRecord>;
  readonly stages: Collection<StageRecord>;
  readonly keys: Collection<ApiKeyRecord>;
  readonly plans: Collection<UsagePlanRecord>;
  readonly planKeys: Collection<PlanKeyRecord>;
  readonly vpcLinks: Collection<VpcLink & { id: string }>;
  readonly domainNames: Collection<Stored<DomainName>>;
  readonly account: Collection<AccountRecord>;
  readonly keyIndex: KeyIndex;
  /** Throw AwsError NotFoundException. */
  api(id: string | undefined): ApiRecord;
  deployment(apiId: string, id: string | undefined): DeploymentRecord;
  stage(apiId: string | undefined, name: string | undefined): StageRecord;
  key(id: string | undefined): ApiKeyRecord;
  plan(id: string | undefined): UsagePlanRecord;
  stagesOf(apiId: string): StageRecord[];
  /** Stores a stage, or takes it away, and tells the data plane. */
  putStage(stage: StageRecord): void;
  deleteStage(apiId: string, name: string): void;
  onStage(listener: (apiId: string, name: string) => void): void;
}

export const stageKey = (apiId: string, name: string): string => `${apiId}/${name}`;

export function openState(cloud: Cloud): ApiGatewayState {
  const collection = <T>(name: string): Collection<T> => cloud.store.collection<T>(`apigateway.${name}`);
  const apis = collection<ApiRecord>('apis');
  const deployments = collection<DeploymentRecord>('deployments');
  const stages = collection<StageRecord>('stages');
  const keys = collection<ApiKeyRecord>('keys');
  const plans = collection<UsagePlanRecord>('plans');
  const planKeys = collection<PlanKeyRecord>('plan-keys');
  const listeners: ((apiId: string, name: string) => void)[] = [];
  const find = <T>(from: Collection<T>, key: string, message: string): T => {
    const record = from.get(key);
    if (record === undefined) throw notFound(message);
    return record;
  };
  return {
    apis,
    deployments,
    stages,
    keys,
    plans,
    planKeys,
    vpcLinks: collection('vpc-links'),
    domainNames: collection('domain-names'),
    account: collection('account'),
    keyIndex: openKeyIndex(keys, planKeys),
    api: (id = '') => find(apis, id, `Invalid API identifier specified ${cloud.account}:${id}`),
    deployment: (apiId, id = '') =>
      find(deployments, `${apiId}/${id}`, 'Invalid Deployment identifier specified'),
    stage: (apiId = '', name = '') =>
      find(stages, stageKey(apiId, name), 'Invalid stage identifier specified'),
    key: (id = '') => find(keys, id, 'Invalid API Key identifier specified'),
    plan: (id = '') => find(plans, id, 'Invalid Usage Plan ID specified'),
    stagesOf: (apiId) => stages.values().filter((stage) => stage.apiId === apiId),
    putStage(stage) {
      stages.put(stageKey(stage.apiId, stage.stageName), stage);
      for (const listener of listeners) listener(stage.apiId, stage.stageName);
    },
    deleteStage(apiId, name) {
      stages.delete(stageKey(apiId, name));
      for (const listener of listeners) listener(apiId, name);
    },
    onStage(listener) {
      listeners.push(listener);
    },
  };
}
