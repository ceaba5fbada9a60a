/** Deployments and the stages that serve them. */
import {
  CreateDeployment$,
  type CreateDeploymentRequest,
  CreateStage$,
  type CreateStageRequest,
  DeleteDeployment$,
  type DeleteDeploymentRequest,
  DeleteStage$,
  type DeleteStageRequest,
  FlushStageAuthorizersCache$,
  type FlushStageAuthorizersCacheRequest,
  GetDeployment$,
  type GetDeploymentRequest,
  GetDeployments$,
  type GetDeploymentsRequest,
  GetStage$,
  type GetStageRequest,
  GetStages$,
  type GetStagesRequest,
  type MethodSetting,
  UpdateDeployment$,
  type UpdateDeploymentRequest,
  UpdateStage$,
  type UpdateStageRequest,
} from '@aws-sdk/client-api-gateway';
import type { Cloud, Operation } from '../../../platform.ts';
import { compileResourcePolicy } from '../data-plane/resource-policy.ts';
import { badRequest, conflict, newId } from '../definition.ts';
import { type ApiGatewayState, type DeploymentRecord, type StageRecord, stageKey } from '../state.ts';
import { pageOf } from './page.ts';
import { applyPatches, booleanOf, numberOf, type PatchTable } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';

export interface Stages {
  /** Freezes an API's definition as it is now. */
  createDeployment(input: CreateDeploymentRequest): DeploymentRecord;
  deleteDeployment(apiId: string, id: string): void;
  createStage(
    input: CreateStageRequest & Partial<Pick<StageRecord, 'methodSettings' | 'accessLogSettings'>>,
  ): StageRecord;
  put(stage: StageRecord): void;
  deleteStage(apiId: string, name: string): void;
  readonly operations: readonly Operation[];
}

export function createStages(
  cloud: Cloud,
  state: ApiGatewayState,
  operation: MakeOperation,
  onDeleteStage: (apiId: string, stage: string) => void,
): Stages {
  const now = (): string => new Date(cloud.clock.now()).toISOString();

  const stages: Omit<Stages, 'operations'> = {
    createDeployment(input) {
      const { id: apiId, definition, description } = state.api(input.restApiId);
      if (description.policy)
        compileResourcePolicy(
          description.policy,
          `arn:${cloud.partition}:execute-api:${cloud.region}:${cloud.account}:${apiId}`,
        );
      const methods = Object.values(definition.resources).flatMap((node) => Object.values(node.methods));
      if (methods.length === 0) throw badRequest("The REST API doesn't contain any methods");
      if (methods.some(({ methodIntegration }) => !methodIntegration))
        throw badRequest('No integration defined for method');
      const record: DeploymentRecord = {
        id: newId(6),
        apiId,
        createdDate: now(),
        ...(description.policy && { policy: description.policy }),
        ...(input.description !== undefined && { description: input.description }),
        definition: structuredClone(definition),
      };
      state.deployments.put(`${record.apiId}/${record.id}`, record);
      if (input.stageName !== undefined && input.stageName !== '') {
        const known = state.stages.get(stageKey(record.apiId, input.stageName));
        if (known) stages.put({ ...known, deploymentId: record.id });
        else
          stages.createStage({
            restApiId: record.apiId,
            stageName: input.stageName,
            deploymentId: record.id,
            description: input.stageDescription,
            variables: input.variables,
          });
      }
      return record;
    },

    deleteDeployment(apiId, id) {
      if (state.stagesOf(apiId).some(({ deploymentId }) => deploymentId === id))
        throw badRequest('Active stages pointing to this deployment must be moved or deleted');
      state.deployments.delete(`${apiId}/${id}`);
    },

    createStage(input) {
      const { restApiId = '', stageName = '', deploymentId = '' } = input;
      if (!/^[A-Za-z0-9_-]{1,128}$/.test(stageName))
        throw badRequest('Stage name only allows a-zA-Z0-9_-, and has at most 128 characters');
      state.api(restApiId);
      state.deployment(restApiId, deploymentId);
      if (input.canarySettings) throw badRequest('Canaries are not available in the embedded cloud');
      if (state.stages.has(stageKey(restApiId, stageName))) throw conflict('Stage already exists');
      const at = now();
      const stage: StageRecord = {
        apiId: restApiId,
        stageName,
        deploymentId,
        createdDate: at,
        lastUpdatedDate: at,
        methodSettings: input.methodSettings ?? {},
        cacheClusterEnabled: false,
        cacheClusterStatus: 'NOT_AVAILABLE',
        tracingEnabled: input.tracingEnabled ?? false,
        ...(input.description !== undefined && { description: input.description }),
        ...(input.variables && { variables: input.variables }),
        ...(input.accessLogSettings && { accessLogSettings: input.accessLogSettings }),
        ...(input.tags && { tags: input.tags }),
      };
      state.putStage(stage);
      return stage;
    },

    put(stage) {
      state.deployment(stage.apiId, stage.deploymentId);
      state.putStage({ ...stage, lastUpdatedDate: now() });
    },

    deleteStage(apiId, name) {
      if (!state.stages.has(stageKey(apiId, name))) return;
      state.deleteStage(apiId, name);
      onDeleteStage(apiId, name);
    },
  };

  const describe = ({ apiId, ...stage }: StageRecord) => {
    const webAclArn = cloud.waf.webAclOf(apiId, stage.stageName);
    return { ...stage, ...(webAclArn !== undefined && { webAclArn }) };
  };
  const summary = ({ id, description, createdDate }: DeploymentRecord) => ({
    id,
    createdDate,
    ...(description !== undefined && { description }),
  });

  return {
    ...stages,
    operations: [
      operation(CreateDeployment$, (input: CreateDeploymentRequest) =>
        summary(stages.createDeployment(input)),
      ),
      operation(GetDeployment$, (input: GetDeploymentRequest) =>
        summary(state.deployment(input.restApiId ?? '', input.deploymentId)),
      ),
      operation(GetDeployments$, (input: GetDeploymentsRequest) => {
        const { id } = state.api(input.restApiId);
        const page = pageOf(
          state.deployments.values().filter(({ apiId }) => apiId === id),
          input,
        );
        return { items: page.items.map(summary), position: page.position };
      }),
      operation(UpdateDeployment$, (input: UpdateDeploymentRequest) => {
        const record = { ...state.deployment(input.restApiId ?? '', input.deploymentId) };
        applyPatches(input.patchOperations, [
          ['/description', ({ value }) => Object.assign(record, { description: value })],
        ]);
        state.deployments.put(`${record.apiId}/${record.id}`, record);
        return summary(record);
      }),
      operation(DeleteDeployment$, (input: DeleteDeploymentRequest) => {
        const { apiId, id } = state.deployment(input.restApiId ?? '', input.deploymentId);
        stages.deleteDeployment(apiId, id);
        return {};
      }),
      operation(CreateStage$, (input: CreateStageRequest) => describe(stages.createStage(input))),
      operation(GetStage$, (input: GetStageRequest) =>
        describe(state.stage(input.restApiId, input.stageName)),
      ),
      operation(GetStages$, (input: GetStagesRequest) => ({
        item: state
          .stagesOf(state.api(input.restApiId).id)
          .filter(
            ({ deploymentId }) => input.deploymentId === undefined || deploymentId === input.deploymentId,
          )
          .map(describe),
      })),
      operation(UpdateStage$, (input: UpdateStageRequest) => {
        const stage = structuredClone(state.stage(input.restApiId, input.stageName));
        applyPatches(input.patchOperations, stagePatches(stage));
        stages.put(stage);
        return describe(stage);
      }),
      operation(DeleteStage$, (input: DeleteStageRequest) => {
        const { apiId, stageName } = state.stage(input.restApiId, input.stageName);
        stages.deleteStage(apiId, stageName);
        return {};
      }),
      operation(FlushStageAuthorizersCache$, (input: FlushStageAuthorizersCacheRequest) => {
        // The data plane builds the stage anew, with an empty cache.
        state.putStage(state.stage(input.restApiId, input.stageName));
        return {};
      }),
    ],
  };
}

/** `/orders` and `GET` as the key of methodSettings: `~1orders/GET`; for all resources and methods `*` is the key's part. */
export const methodSettingKey = (resourcePath: string, httpMethod: string): string =>
  `${resourcePath === '/*' || resourcePath === '*' ? '*' : resourcePath.replaceAll('~', '~0').replaceAll('/', '~1')}/${httpMethod}`;

function stagePatches(stage: StageRecord): PatchTable {
  const setting =
    (apply: (setting: MethodSetting, value: string) => void) =>
    ({ value, parts: [path = '', method = ''] }: { value: string; parts: readonly string[] }): void => {
      const key = methodSettingKey(path, method);
      const changed = { ...stage.methodSettings?.[key] };
      apply(changed, value);
      stage.methodSettings = { ...stage.methodSettings, [key]: changed };
    };
  return [
    ['/deploymentId', ({ value }) => Object.assign(stage, { deploymentId: value })],
    ['/description', ({ value }) => Object.assign(stage, { description: value })],
    [
      '/tracingEnabled',
      ({ value }) => Object.assign(stage, { tracingEnabled: booleanOf(value, 'tracingEnabled') }),
    ],
    [
      '/variables/*',
      ({ op, value, parts: [name = ''] }) => {
        const { [name]: _old, ...others } = stage.variables ?? {};
        stage.variables = op === 'remove' ? others : { ...others, [name]: value };
      },
    ],
    [
      '/accessLogSettings',
      ({ op }) => {
        if (op !== 'remove') throw badRequest("Only 'remove' is possible on /accessLogSettings");
        delete stage.accessLogSettings;
      },
    ],
    [
      '/accessLogSettings/format',
      ({ value }) => {
        stage.accessLogSettings = { ...stage.accessLogSettings, format: value };
      },
    ],
    [
      '/accessLogSettings/destinationArn',
      ({ value }) => {
        stage.accessLogSettings = { ...stage.accessLogSettings, destinationArn: value };
      },
    ],
    [
      '/*/*/throttling/rateLimit',
      setting((target, value) => {
        target.throttlingRateLimit = numberOf(value, 'rateLimit', -1);
      }),
    ],
    [
      '/*/*/throttling/burstLimit',
      setting((target, value) => {
        target.throttlingBurstLimit = numberOf(value, 'burstLimit', -1);
      }),
    ],
    [
      '/*/*/logging/loglevel',
      setting((target, value) => {
        target.loggingLevel = value;
      }),
    ],
    [
      '/*/*/logging/dataTrace',
      setting((target, value) => {
        target.dataTraceEnabled = booleanOf(value, 'dataTrace');
      }),
    ],
    [
      '/*/*/metrics/enabled',
      setting((target, value) => {
        target.metricsEnabled = booleanOf(value, 'metrics');
      }),
    ],
    [
      '/*/*',
      ({ op, parts: [path = '', method = ''] }) => {
        if (op !== 'remove') throw badRequest("Only 'remove' is possible on a method's settings");
        const { [methodSettingKey(path, method)]: _gone, ...others } = stage.methodSettings ?? {};
        stage.methodSettings = others;
      },
    ],
  ];
}
