/** Stages and deployments. A stage that deploys by itself follows its API; any other serves one deployment. */
import {
  CreateDeployment$,
  type CreateDeploymentRequest,
  CreateStage$,
  type CreateStageRequest,
  DeleteAccessLogSettings$,
  DeleteDeployment$,
  type DeleteDeploymentRequest,
  DeleteRouteSettings$,
  type DeleteRouteSettingsRequest,
  DeleteStage$,
  type DeleteStageRequest,
  GetDeployment$,
  GetDeployments$,
  type GetRoutesRequest,
  GetStage$,
  GetStages$,
  UpdateStage$,
  type UpdateStageRequest,
} from '@aws-sdk/client-apigatewayv2';
import type { Cloud, Operation } from '../../../platform.ts';
import type { MakeOperation } from '../../api-gateway/control/rest-operation.ts';
import { badRequest, conflict, newId } from '../../api-gateway/definition.ts';
import type { DeploymentRecord, HttpApiState, StageRecord } from '../state.ts';
import { itemsPage } from './items-page.ts';

export interface Stages {
  operations: Operation[];
  create(input: CreateStageRequest): StageRecord;
  /** What is not given stays. */
  update(input: UpdateStageRequest): StageRecord;
  /** Puts a stage as it is given, over what it was: as templates mean it. */
  replace(input: CreateStageRequest): StageRecord;
  deploy(input: CreateDeploymentRequest): DeploymentRecord;
}

const described = ({ definition: _inner, ...deployment }: DeploymentRecord) => deployment;

export function createStages(cloud: Cloud, state: HttpApiState, operation: MakeOperation): Stages {
  const now = (): string => new Date(cloud.clock.now()).toISOString();

  function put(input: CreateStageRequest, before?: StageRecord): StageRecord {
    const api = state.api(input.ApiId).ApiId;
    const name = input.StageName ?? '';
    if (!/^(\$default|[A-Za-z0-9_-]{1,128})$/.test(name))
      throw badRequest('Stage name only allows a-zA-Z0-9_- and $default');
    if (input.DeploymentId !== undefined) {
      if (input.AutoDeploy ?? before?.AutoDeploy)
        throw badRequest('Deployment ID cannot be set when auto deploy is enabled');
      state.deployments.get(api, input.DeploymentId);
    }
    const destination = input.AccessLogSettings?.DestinationArn;
    if (destination !== undefined && !/:log-group:/.test(destination))
      throw badRequest(`Invalid ARN specified in the request: access logs go to a log group`);
    for (const settings of [input.DefaultRouteSettings, ...Object.values(input.RouteSettings ?? {})])
      if ((settings?.ThrottlingBurstLimit ?? 0) < 0 || (settings?.ThrottlingRateLimit ?? 0) < 0)
        throw badRequest('Throttling limits must not be negative');
    return state.stages.put(api, name, {
      ApiId: api,
      StageName: name,
      AutoDeploy: input.AutoDeploy ?? before?.AutoDeploy ?? false,
      DeploymentId: input.DeploymentId ?? before?.DeploymentId,
      Description: input.Description ?? before?.Description,
      AccessLogSettings: input.AccessLogSettings ?? before?.AccessLogSettings,
      DefaultRouteSettings: input.DefaultRouteSettings ??
        before?.DefaultRouteSettings ?? { DetailedMetricsEnabled: false },
      RouteSettings: { ...before?.RouteSettings, ...input.RouteSettings },
      StageVariables: { ...before?.StageVariables, ...input.StageVariables },
      Tags: input.Tags ?? before?.Tags ?? {},
      CreatedDate: before?.CreatedDate ?? now(),
      LastUpdatedDate: now(),
    });
  }
  const create: Stages['create'] = (input) => {
    if (state.stages.find(input.ApiId ?? '', input.StageName ?? '')) throw conflict('Stage already exists');
    return put(input);
  };
  const update: Stages['update'] = (input) => put(input, state.stages.get(input.ApiId, input.StageName));
  const deploy: Stages['deploy'] = (input) => {
    const api = state.api(input.ApiId).ApiId;
    const definition = state.definition(api);
    if (definition.routes.length === 0)
      throw badRequest('At least one route is required before deploying the Api.');
    const stage = input.StageName === undefined ? undefined : state.stages.get(api, input.StageName);
    if (stage?.AutoDeploy) throw badRequest('Deployment can not be made to a stage with auto deploy enabled');
    const id = newId(6);
    const deployment = state.deployments.put(api, id, {
      ApiId: api,
      DeploymentId: id,
      AutoDeployed: false,
      CreatedDate: now(),
      DeploymentStatus: 'DEPLOYED',
      Description: input.Description,
      definition,
    });
    if (stage) update({ ApiId: api, StageName: stage.StageName, DeploymentId: id });
    return deployment;
  };

  return {
    create,
    update,
    deploy,
    replace(input) {
      const { CreatedDate } = state.stages.get(input.ApiId, input.StageName);
      const { ApiId, StageName } = put(input);
      return state.stages.put(ApiId, StageName, { ...state.stages.get(ApiId, StageName), CreatedDate });
    },
    operations: [
      operation(CreateStage$, create),
      operation(UpdateStage$, update),
      operation(GetStage$, (input: DeleteStageRequest) => state.stages.get(input.ApiId, input.StageName)),
      operation(GetStages$, (input: GetRoutesRequest) =>
        itemsPage(state.stages.of(state.api(input.ApiId).ApiId), input),
      ),
      operation(DeleteStage$, (input: DeleteStageRequest) => {
        const { ApiId, StageName } = state.stages.get(input.ApiId, input.StageName);
        state.stages.remove(ApiId, StageName);
        return {};
      }),
      operation(DeleteAccessLogSettings$, (input: DeleteStageRequest) => {
        const { AccessLogSettings: _gone, ...stage } = state.stages.get(input.ApiId, input.StageName);
        state.stages.put(stage.ApiId, stage.StageName, stage);
        return {};
      }),
      operation(DeleteRouteSettings$, (input: DeleteRouteSettingsRequest) => {
        const stage = state.stages.get(input.ApiId, input.StageName);
        const { [input.RouteKey ?? '']: _gone, ...RouteSettings } = stage.RouteSettings ?? {};
        state.stages.put(stage.ApiId, stage.StageName, { ...stage, RouteSettings });
        return {};
      }),
      operation(CreateDeployment$, (input: CreateDeploymentRequest) => described(deploy(input))),
      operation(GetDeployment$, (input: DeleteDeploymentRequest) =>
        described(state.deployments.get(input.ApiId, input.DeploymentId)),
      ),
      operation(GetDeployments$, (input: GetRoutesRequest) =>
        itemsPage(state.deployments.of(state.api(input.ApiId).ApiId).map(described), input),
      ),
      operation(DeleteDeployment$, (input: DeleteDeploymentRequest) => {
        const { ApiId, DeploymentId } = state.deployments.get(input.ApiId, input.DeploymentId);
        const stage = state.stages.of(ApiId).find((each) => each.DeploymentId === DeploymentId);
        if (stage)
          throw badRequest(`Active stages pointing to this deployment must be moved: ${stage.StageName}`);
        state.deployments.remove(ApiId, DeploymentId);
        return {};
      }),
    ],
  };
}
