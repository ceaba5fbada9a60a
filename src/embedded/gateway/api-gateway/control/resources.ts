/** Resources, methods and integrations, one by one. */
import {
  CreateResource$,
  type CreateResourceRequest,
  DeleteIntegration$,
  type DeleteIntegrationRequest,
  DeleteMethod$,
  type DeleteMethodRequest,
  DeleteResource$,
  type DeleteResourceRequest,
  GetIntegration$,
  type GetIntegrationRequest,
  GetMethod$,
  type GetMethodRequest,
  GetResource$,
  type GetResourceRequest,
  GetResources$,
  type GetResourcesRequest,
  type Method,
  PutIntegration$,
  type PutIntegrationRequest,
  PutIntegrationResponse$,
  type PutIntegrationResponseRequest,
  PutMethod$,
  type PutMethodRequest,
  PutMethodResponse$,
  type PutMethodResponseRequest,
} from '@aws-sdk/client-api-gateway';
import type { Cloud, Operation } from '../../../platform.ts';
import {
  type ApiDefinition,
  addResource,
  badRequest,
  conflict,
  httpMethods,
  notFound,
  type ResourceNode,
  removeResource,
} from '../definition.ts';
import { checkIntegration } from '../openapi/integration.ts';
import type { ApiGatewayState } from '../state.ts';
import { pageOf } from './page.ts';
import { checkVpcLinks } from './rest-apis.ts';
import type { MakeOperation } from './rest-operation.ts';

export interface Resources {
  create(apiId: string, parentId: string, pathPart: string): ResourceNode;
  delete(apiId: string, id: string): void;
  /** Puts a method with all that belongs to it, in place of one that is there. */
  putMethod(apiId: string, resourceId: string, method: Method & { httpMethod: string }): void;
  deleteMethod(apiId: string, resourceId: string, httpMethod: string): void;
  readonly operations: readonly Operation[];
}

export function createResources(cloud: Cloud, state: ApiGatewayState, operation: MakeOperation): Resources {
  const change = <T>(apiId: string | undefined, apply: (definition: ApiDefinition) => T): T => {
    const record = structuredClone(state.api(apiId));
    const result = apply(record.definition);
    state.apis.put(record.id, record);
    return result;
  };
  const node = (definition: ApiDefinition, id: string | undefined): ResourceNode => {
    const found = definition.resources[id ?? ''];
    if (!found) throw notFound('Invalid Resource identifier specified');
    return found;
  };
  const methodOf = (definition: ApiDefinition, id: string | undefined, verb: string | undefined): Method => {
    const method = node(definition, id).methods[verb ?? ''];
    if (!method) throw notFound('Invalid Method identifier specified');
    return method;
  };
  const describe = ({ methods, ...rest }: ResourceNode, embed: boolean) => ({
    ...rest,
    ...(Object.keys(methods).length > 0 && {
      resourceMethods: Object.fromEntries(
        Object.entries(methods).map(([verb, method]) => [verb, embed ? method : {}]),
      ),
    }),
  });

  const checkMethod = (definition: ApiDefinition, method: Method): void => {
    const { authorizationType = 'NONE', authorizerId, httpMethod = '' } = method;
    if (!httpMethods.has(httpMethod)) throw badRequest(`Invalid HTTP method '${httpMethod}'`);
    if (authorizationType === 'CUSTOM') {
      if (!authorizerId || !definition.authorizers[authorizerId])
        throw badRequest(
          'Invalid authorizer ID specified. Setting the authorization type to CUSTOM requires a valid authorizer.',
        );
    } else if (authorizationType !== 'NONE')
      throw badRequest(`Authorization of type '${authorizationType}' is not available in the embedded cloud`);
    if (method.requestValidatorId && !definition.requestValidators[method.requestValidatorId])
      throw badRequest('Invalid Request Validator identifier specified');
    if (method.methodIntegration) checkIntegration(method.methodIntegration);
  };

  const resources: Omit<Resources, 'operations'> = {
    create: (apiId, parentId, pathPart) =>
      change(apiId, (definition) => addResource(definition, parentId, pathPart)),
    delete(apiId, id) {
      if (!state.apis.get(apiId)?.definition.resources[id]) return;
      change(apiId, (definition) => {
        if (id === definition.rootResourceId) throw badRequest('The root resource cannot be deleted');
        removeResource(definition, id);
      });
    },
    putMethod: (apiId, resourceId, method) =>
      change(apiId, (definition) => {
        checkMethod(definition, method);
        node(definition, resourceId).methods[method.httpMethod] = method;
        checkVpcLinks(cloud, definition);
      }),
    deleteMethod(apiId, resourceId, httpMethod) {
      if (!state.apis.get(apiId)?.definition.resources[resourceId]?.methods[httpMethod]) return;
      change(apiId, (definition) => {
        delete node(definition, resourceId).methods[httpMethod];
      });
    },
  };

  const putMethod = (input: PutMethodRequest): Method => {
    const { restApiId, resourceId, ...given } = input;
    const method: Method = { apiKeyRequired: false, ...given };
    return change(restApiId, (definition) => {
      checkMethod(definition, method);
      const { methods } = node(definition, resourceId);
      if (methods[input.httpMethod ?? '']) throw conflict('Method already exists for this resource');
      methods[input.httpMethod ?? ''] = method;
      return method;
    });
  };

  const putIntegration = (input: PutIntegrationRequest) =>
    change(input.restApiId, (definition) => {
      const { restApiId: _api, resourceId, httpMethod, integrationHttpMethod, ...given } = input;
      const method = methodOf(definition, resourceId, httpMethod);
      const integration = {
        passthroughBehavior: 'WHEN_NO_MATCH',
        timeoutInMillis: 29_000,
        connectionType: 'INTERNET' as const,
        ...given,
        ...(integrationHttpMethod !== undefined && { httpMethod: integrationHttpMethod }),
      };
      checkIntegration(integration);
      method.methodIntegration = integration;
      checkVpcLinks(cloud, definition);
      return integration;
    });

  const putIntegrationResponse = (input: PutIntegrationResponseRequest) =>
    change(input.restApiId, (definition) => {
      const { restApiId: _api, resourceId, httpMethod, ...response } = input;
      const integration = methodOf(definition, resourceId, httpMethod).methodIntegration;
      if (!integration) throw notFound('Invalid Integration identifier specified');
      integration.integrationResponses = {
        ...integration.integrationResponses,
        [input.statusCode ?? '']: response,
      };
      return response;
    });

  return {
    ...resources,
    operations: [
      operation(CreateResource$, (input: CreateResourceRequest) =>
        describe(resources.create(input.restApiId ?? '', input.parentId ?? '', input.pathPart ?? ''), false),
      ),
      operation(GetResource$, (input: GetResourceRequest) =>
        describe(
          node(state.api(input.restApiId).definition, input.resourceId),
          input.embed?.includes('methods') ?? false,
        ),
      ),
      operation(GetResources$, (input: GetResourcesRequest) => {
        const page = pageOf(Object.values(state.api(input.restApiId).definition.resources), input);
        const embed = input.embed?.includes('methods') ?? false;
        return { items: page.items.map((each) => describe(each, embed)), position: page.position };
      }),
      operation(DeleteResource$, (input: DeleteResourceRequest) => {
        node(state.api(input.restApiId).definition, input.resourceId);
        resources.delete(input.restApiId ?? '', input.resourceId ?? '');
        return {};
      }),
      operation(PutMethod$, putMethod),
      operation(GetMethod$, (input: GetMethodRequest) =>
        methodOf(state.api(input.restApiId).definition, input.resourceId, input.httpMethod),
      ),
      operation(DeleteMethod$, (input: DeleteMethodRequest) => {
        methodOf(state.api(input.restApiId).definition, input.resourceId, input.httpMethod);
        resources.deleteMethod(input.restApiId ?? '', input.resourceId ?? '', input.httpMethod ?? '');
        return {};
      }),
      operation(PutMethodResponse$, (input: PutMethodResponseRequest) =>
        change(input.restApiId, (definition) => {
          const { restApiId: _api, resourceId, httpMethod, ...response } = input;
          const method = methodOf(definition, resourceId, httpMethod);
          method.methodResponses = { ...method.methodResponses, [input.statusCode ?? '']: response };
          return response;
        }),
      ),
      operation(PutIntegration$, putIntegration),
      operation(GetIntegration$, (input: GetIntegrationRequest) => {
        const method = methodOf(state.api(input.restApiId).definition, input.resourceId, input.httpMethod);
        if (!method.methodIntegration) throw notFound('Invalid Integration identifier specified');
        return method.methodIntegration;
      }),
      operation(DeleteIntegration$, (input: DeleteIntegrationRequest) =>
        change(input.restApiId, (definition) => {
          delete methodOf(definition, input.resourceId, input.httpMethod).methodIntegration;
          return {};
        }),
      ),
      operation(PutIntegrationResponse$, putIntegrationResponse),
    ],
  };
}
