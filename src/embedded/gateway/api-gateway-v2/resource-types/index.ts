/** AWS::ApiGatewayV2: Api, Route, Integration, Authorizer, Stage and Deployment. Properties are the API's members. */
import type {
  CreateApiRequest,
  CreateAuthorizerRequest,
  CreateDeploymentRequest,
  CreateIntegrationRequest,
  CreateRouteRequest,
  CreateStageRequest,
} from '@aws-sdk/client-apigatewayv2';
import type { Properties, ResourceType } from '../../../platform.ts';
import { stackTags } from '../../../resources/tags.ts';
import { badRequest } from '../../api-gateway/definition.ts';
import type { HttpApis } from '../control/apis.ts';
import type { Routing } from '../control/routes.ts';
import type { Stages } from '../control/stages.ts';
import type { ApiRecord, HttpApiState } from '../state.ts';

interface Parts {
  state: HttpApiState;
  apis: HttpApis;
  routing: Routing;
  stages: Stages;
}

const read = <T>(properties: Properties): T => properties as unknown as T;
const apiOf = (properties: Properties): string => String(properties['ApiId']);
/** Booleans may be text in a template. */
const flag = (value: unknown): boolean => value === true || value === 'true';

export function httpApiTypes(parts: Parts): Record<string, ResourceType> {
  return {
    'AWS::ApiGatewayV2::Api': apiType(parts),
    'AWS::ApiGatewayV2::Stage': stageType(parts),
    'AWS::ApiGatewayV2::Deployment': deploymentType(parts),
    'AWS::ApiGatewayV2::Route': partType('RouteId', {
      put: (properties, id) => parts.routing.putRoute(read<CreateRouteRequest>(properties), id, true).RouteId,
      remove: (api, id) => parts.state.routes.remove(api, id),
    }),
    'AWS::ApiGatewayV2::Integration': partType('IntegrationId', {
      put: (properties, id) =>
        parts.routing.putIntegration(
          {
            ...read<CreateIntegrationRequest>(properties),
            ...(properties['TimeoutInMillis'] !== undefined && {
              TimeoutInMillis: Number(properties['TimeoutInMillis']),
            }),
          },
          id,
          true,
        ).IntegrationId,
      remove: (api, id) => parts.state.integrations.remove(api, id),
    }),
    'AWS::ApiGatewayV2::Authorizer': partType('AuthorizerId', {
      put: (properties, id) =>
        parts.routing.putAuthorizer(read<CreateAuthorizerRequest>(properties), id, true).AuthorizerId,
      remove: (api, id) => parts.state.authorizers.remove(api, id),
    }),
  };
}

function apiType({ apis, state }: Parts): ResourceType {
  const result = ({ ApiId, ApiEndpoint }: ApiRecord) => ({
    physicalId: ApiId,
    attributes: { ApiId, ApiEndpoint },
  });
  const given = (properties: Properties, tags: Readonly<Record<string, string>>): CreateApiRequest => ({
    ...read<CreateApiRequest>(properties),
    DisableExecuteApiEndpoint: flag(properties['DisableExecuteApiEndpoint']),
    Tags: stackTags(tags, properties['Tags']),
  });
  return {
    replaceOn: ['ProtocolType'],
    validate(properties) {
      if (properties['Body'] ?? properties['BodyS3Location'])
        throw badRequest(
          'OpenAPI definitions of HTTP APIs are not available in the embedded cloud: use routes and integrations',
        );
      apis.check(read<CreateApiRequest>(properties));
    },
    create: (context, properties) => result(apis.create(given(properties, context.tags))),
    update(context, id, properties) {
      const { Tags, ...settings } = given(properties, context.tags);
      // What the template no longer says is gone.
      const { CorsConfiguration: _cors, Description: _text, ...before } = state.api(id);
      state.putApi({ ...before, Tags });
      return result(apis.update({ ...settings, ApiId: id }));
    },
    delete: (_context, id) => state.removeApi(id),
  };
}

function stageType({ stages, state }: Parts): ResourceType {
  const given = (properties: Properties, tags: Readonly<Record<string, string>>): CreateStageRequest => ({
    ...read<CreateStageRequest>(properties),
    AutoDeploy: flag(properties['AutoDeploy']),
    Tags: stackTags(tags, properties['Tags']),
  });
  return {
    replaceOn: ['ApiId', 'StageName'],
    create: (context, properties) => ({
      physicalId: stages.create(given(properties, context.tags)).StageName,
    }),
    update: (context, _name, properties) => ({
      physicalId: stages.replace(given(properties, context.tags)).StageName,
    }),
    delete: (_context, name, properties) => state.stages.remove(apiOf(properties), name),
  };
}

function deploymentType({ stages, state }: Parts): ResourceType {
  return {
    replaceOn: ['*'],
    create(_context, properties) {
      const { DeploymentId } = stages.deploy(read<CreateDeploymentRequest>(properties));
      return { physicalId: DeploymentId, attributes: { DeploymentId } };
    },
    delete: (_context, id, properties) => state.deployments.remove(apiOf(properties), id),
  };
}

function partType(
  attribute: string,
  part: {
    put(properties: Properties, id?: string): string;
    remove(apiId: string, id: string): void;
  },
): ResourceType {
  const result = (id: string) => ({ physicalId: id, attributes: { [attribute]: id } });
  return {
    replaceOn: ['ApiId'],
    create: (_context, properties) => result(part.put(properties)),
    update: (_context, id, properties) => result(part.put(properties, id)),
    delete: (_context, id, properties) => part.remove(apiOf(properties), id),
  };
}
