/** AWS::ApiGateway::Deployment and Stage. */
import type { MethodSetting } from '@aws-sdk/client-api-gateway';
import type { Properties, ResourceContext, ResourceState, ResourceType } from '../../../platform.ts';
import { methodSettingKey } from '../control/stages.ts';
import { badRequest } from '../definition.ts';
import type { StageRecord } from '../state.ts';
import type { Parts } from './parts.ts';
import { given, tagsOf } from './tags.ts';

interface MethodSettingProperties {
  ResourcePath?: string;
  HttpMethod?: string;
  LoggingLevel?: string;
  DataTraceEnabled?: boolean;
  MetricsEnabled?: boolean;
  ThrottlingRateLimit?: number;
  ThrottlingBurstLimit?: number;
  CachingEnabled?: boolean;
}

interface StageProperties {
  RestApiId?: string;
  DeploymentId?: string;
  StageName?: string;
  Description?: string;
  Variables?: Record<string, string>;
  TracingEnabled?: boolean;
  MethodSettings?: MethodSettingProperties[];
  AccessLogSetting?: { DestinationArn?: string; Format?: string };
  CanarySetting?: unknown;
}

const methodSettings = (
  settings: readonly MethodSettingProperties[] | undefined,
): Record<string, MethodSetting> =>
  Object.fromEntries(
    (settings ?? []).map((setting) => [
      methodSettingKey(setting.ResourcePath ?? '/*', setting.HttpMethod ?? '*'),
      given({
        loggingLevel: setting.LoggingLevel,
        dataTraceEnabled: setting.DataTraceEnabled,
        metricsEnabled: setting.MetricsEnabled,
        throttlingRateLimit: setting.ThrottlingRateLimit,
        throttlingBurstLimit: setting.ThrottlingBurstLimit,
        cachingEnabled: setting.CachingEnabled,
      }),
    ]),
  );

const settingsOf = (
  context: ResourceContext,
  properties: StageProperties,
): Pick<StageRecord, 'methodSettings' | 'tracingEnabled' | 'tags'> &
  Partial<Pick<StageRecord, 'description' | 'variables' | 'accessLogSettings'>> => ({
  methodSettings: methodSettings(properties.MethodSettings),
  tracingEnabled: properties.TracingEnabled ?? false,
  tags: tagsOf(context, properties as Properties),
  ...given({
    description: properties.Description,
    variables: properties.Variables,
    accessLogSettings:
      properties.AccessLogSetting &&
      given({
        destinationArn: properties.AccessLogSetting.DestinationArn,
        format: properties.AccessLogSetting.Format,
      }),
  }),
});

export function stageTypes(parts: Parts): Readonly<Record<string, ResourceType>> {
  return {
    'AWS::ApiGateway::Deployment': deploymentType(parts),
    'AWS::ApiGateway::Stage': stageType(parts),
  };
}

function deploymentType({ state, stages }: Parts): ResourceType {
  const result = (id: string): ResourceState => ({ physicalId: id, attributes: { DeploymentId: id } });
  return {
    replaceOn: ['RestApiId', 'DeploymentCanarySettings'],
    create(context, properties) {
      const description = properties['StageDescription'] as StageProperties | undefined;
      const { id, apiId } = stages.createDeployment({
        restApiId: properties['RestApiId'] as string,
        stageName: properties['StageName'] as string | undefined,
        description: properties['Description'] as string | undefined,
      });
      context.initiated?.(id);
      if (properties['StageName'] && description)
        stages.put({
          ...state.stage(apiId, properties['StageName'] as string),
          ...settingsOf(context, description),
        });
      return result(id);
    },
    // As on AWS a deployment stays the snapshot that it is; only its description can change.
    update(_context, id, properties) {
      const record = state.deployment(properties['RestApiId'] as string, id);
      state.deployments.put(`${record.apiId}/${id}`, {
        ...record,
        description: (properties['Description'] as string | undefined) ?? '',
      });
      return result(id);
    },
    delete(_context, id, properties) {
      const apiId = properties['RestApiId'] as string;
      if (!state.deployments.has(`${apiId}/${id}`)) return;
      // The stage that the deployment itself made goes with it.
      const own = properties['StageName'] as string | undefined;
      if (own && state.stages.get(`${apiId}/${own}`)?.deploymentId === id) stages.deleteStage(apiId, own);
      stages.deleteDeployment(apiId, id);
    },
  };
}

function stageType({ state, stages }: Parts): ResourceType {
  return {
    replaceOn: ['RestApiId', 'StageName'],
    create(context, source) {
      const properties = source as StageProperties;
      if (properties.CanarySetting) throw badRequest('Canaries are not available in the embedded cloud');
      const { stageName } = stages.createStage({
        restApiId: properties.RestApiId,
        stageName: properties.StageName ?? 'default',
        deploymentId: properties.DeploymentId,
        ...settingsOf(context, properties),
      });
      context.initiated?.(stageName);
      return { physicalId: stageName };
    },
    update(context, name, source) {
      const properties = source as StageProperties;
      const {
        description: _d,
        variables: _v,
        accessLogSettings: _a,
        ...record
      } = state.stage(properties.RestApiId, name);
      stages.put({
        ...record,
        deploymentId: properties.DeploymentId ?? record.deploymentId,
        ...settingsOf(context, properties),
      });
      return { physicalId: name };
    },
    delete: (_context, name, properties) => stages.deleteStage(properties['RestApiId'] as string, name),
  };
}
