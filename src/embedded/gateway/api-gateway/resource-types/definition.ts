/** AWS::ApiGateway::Resource, Method, Authorizer, GatewayResponse, Model, RequestValidator: an API piece by piece. */
import type { Authorizer, Integration, Method } from '@aws-sdk/client-api-gateway';
import type { Properties, ResourceType } from '../../../platform.ts';
import { newId } from '../definition.ts';
import type { Parts } from './parts.ts';
import { given } from './tags.ts';

const text = (properties: Properties, name: string): string => String(properties[name] ?? '');
const optional = (properties: Properties, name: string): string | undefined =>
  properties[name] as string | undefined;

export function definitionTypes(parts: Parts): Readonly<Record<string, ResourceType>> {
  return {
    'AWS::ApiGateway::Resource': resourceType(parts),
    'AWS::ApiGateway::Method': methodType(parts),
    'AWS::ApiGateway::Authorizer': authorizerType(parts),
    'AWS::ApiGateway::GatewayResponse': gatewayResponseType(parts),
    'AWS::ApiGateway::Model': modelType(parts),
    'AWS::ApiGateway::RequestValidator': requestValidatorType(parts),
  };
}

function resourceType({ resources }: Parts): ResourceType {
  return {
    replaceOn: ['*'],
    create(context, properties) {
      const { id } = resources.create(
        text(properties, 'RestApiId'),
        text(properties, 'ParentId'),
        text(properties, 'PathPart'),
      );
      context.initiated?.(id);
      return { physicalId: id, attributes: { ResourceId: id } };
    },
    delete: (_context, id, properties) => resources.delete(text(properties, 'RestApiId'), id),
  };
}

interface IntegrationProperties {
  Type?: string;
  IntegrationHttpMethod?: string;
  Uri?: string;
  ConnectionType?: string;
  ConnectionId?: string;
  IntegrationTarget?: string;
  Credentials?: string;
  RequestParameters?: Record<string, string>;
  RequestTemplates?: Record<string, string>;
  PassthroughBehavior?: string;
  TimeoutInMillis?: number;
  IntegrationResponses?: {
    StatusCode: string;
    SelectionPattern?: string;
    ResponseParameters?: Record<string, string>;
    ResponseTemplates?: Record<string, string>;
  }[];
}

function integrationOf(source: IntegrationProperties): Integration {
  return given({
    type: source.Type as Integration['type'],
    httpMethod: source.IntegrationHttpMethod,
    uri: source.Uri,
    connectionType: (source.ConnectionType ?? 'INTERNET') as Integration['connectionType'],
    connectionId: source.ConnectionId,
    integrationTarget: source.IntegrationTarget,
    credentials: source.Credentials,
    requestParameters: source.RequestParameters,
    requestTemplates: source.RequestTemplates,
    passthroughBehavior: source.PassthroughBehavior ?? 'WHEN_NO_MATCH',
    timeoutInMillis: source.TimeoutInMillis ?? 29_000,
    integrationResponses: Object.fromEntries(
      (source.IntegrationResponses ?? []).map((response) => [
        response.StatusCode,
        given({
          statusCode: response.StatusCode,
          selectionPattern: response.SelectionPattern,
          responseParameters: response.ResponseParameters,
          responseTemplates: response.ResponseTemplates,
        }),
      ]),
    ),
  });
}

function methodOf(properties: Properties): Method & { httpMethod: string } {
  const integration = properties['Integration'] as IntegrationProperties | undefined;
  const parameters = properties['RequestParameters'] as Record<string, boolean | string> | undefined;
  const responses = (properties['MethodResponses'] ?? []) as {
    StatusCode: string;
    ResponseParameters?: Record<string, boolean>;
    ResponseModels?: Record<string, string>;
  }[];
  return given({
    httpMethod: text(properties, 'HttpMethod'),
    authorizationType: optional(properties, 'AuthorizationType') ?? 'NONE',
    authorizerId: optional(properties, 'AuthorizerId'),
    apiKeyRequired: properties['ApiKeyRequired'] === true,
    operationName: optional(properties, 'OperationName'),
    requestValidatorId: optional(properties, 'RequestValidatorId'),
    requestModels: properties['RequestModels'] as Record<string, string> | undefined,
    requestParameters:
      parameters &&
      Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value) === 'true'])),
    methodResponses: Object.fromEntries(
      responses.map((response) => [
        response.StatusCode,
        given({
          statusCode: response.StatusCode,
          responseParameters: response.ResponseParameters,
          responseModels: response.ResponseModels,
        }),
      ]),
    ),
    methodIntegration: integration && integrationOf(integration),
  });
}

function methodType({ resources }: Parts): ResourceType {
  const put = (properties: Properties): void =>
    resources.putMethod(text(properties, 'RestApiId'), text(properties, 'ResourceId'), methodOf(properties));
  return {
    replaceOn: ['RestApiId', 'ResourceId', 'HttpMethod'],
    create(context, properties) {
      put(properties);
      return { physicalId: context.physicalName() };
    },
    update(_context, id, properties) {
      put(properties);
      return { physicalId: id };
    },
    delete: (_context, _id, properties) =>
      resources.deleteMethod(
        text(properties, 'RestApiId'),
        text(properties, 'ResourceId'),
        text(properties, 'HttpMethod'),
      ),
  };
}

function authorizerType({ authorizers }: Parts): ResourceType {
  const read = (properties: Properties): Authorizer =>
    given({
      name: text(properties, 'Name'),
      type: text(properties, 'Type') as NonNullable<Authorizer['type']>,
      authorizerUri: optional(properties, 'AuthorizerUri'),
      authorizerCredentials: optional(properties, 'AuthorizerCredentials'),
      identitySource: optional(properties, 'IdentitySource'),
      identityValidationExpression: optional(properties, 'IdentityValidationExpression'),
      authorizerResultTtlInSeconds: (properties['AuthorizerResultTtlInSeconds'] as number | undefined) ?? 300,
      authType: optional(properties, 'AuthType') ?? 'custom',
    });
  return {
    replaceOn: ['RestApiId'],
    create(context, properties) {
      const { name = '', type = 'TOKEN', ...rest } = read(properties);
      const { id } = authorizers.create({ restApiId: text(properties, 'RestApiId'), name, type, ...rest });
      context.initiated?.(id);
      return { physicalId: id, attributes: { AuthorizerId: id } };
    },
    update(_context, id, properties) {
      authorizers.put(text(properties, 'RestApiId'), { ...read(properties), id });
      return { physicalId: id, attributes: { AuthorizerId: id } };
    },
    delete: (_context, id, properties) => authorizers.delete(text(properties, 'RestApiId'), id),
  };
}

function gatewayResponseType({ definitionParts }: Parts): ResourceType {
  const put = (properties: Properties): void => {
    definitionParts.putGatewayResponse(
      text(properties, 'RestApiId'),
      given({
        responseType: text(properties, 'ResponseType') as 'DEFAULT_4XX',
        statusCode: optional(properties, 'StatusCode'),
        responseParameters: properties['ResponseParameters'] as Record<string, string> | undefined,
        responseTemplates: properties['ResponseTemplates'] as Record<string, string> | undefined,
      }),
    );
  };
  return {
    replaceOn: ['RestApiId', 'ResponseType'],
    create(context, properties) {
      put(properties);
      const id = context.physicalName();
      return { physicalId: id, attributes: { Id: id } };
    },
    update(_context, id, properties) {
      put(properties);
      return { physicalId: id, attributes: { Id: id } };
    },
    delete: (_context, _id, properties) =>
      definitionParts.deleteGatewayResponse(text(properties, 'RestApiId'), text(properties, 'ResponseType')),
  };
}

function modelType({ definitionParts }: Parts): ResourceType {
  const put = (properties: Properties, name: string): void => {
    const schema = properties['Schema'];
    definitionParts.putModel(text(properties, 'RestApiId'), {
      id: newId(6),
      name,
      contentType: optional(properties, 'ContentType') ?? 'application/json',
      schema: typeof schema === 'string' ? schema : JSON.stringify(schema ?? {}),
    });
  };
  return {
    replaceOn: ['RestApiId', 'Name', 'ContentType'],
    create(context, properties) {
      // Names are alphanumeric.
      const name = optional(properties, 'Name') ?? context.physicalName().replace(/[^A-Za-z0-9]/g, '');
      put(properties, name);
      return { physicalId: name };
    },
    update(_context, name, properties) {
      put(properties, name);
      return { physicalId: name };
    },
    delete: (_context, name, properties) => definitionParts.deleteModel(text(properties, 'RestApiId'), name),
  };
}

function requestValidatorType({ definitionParts }: Parts): ResourceType {
  const put = (properties: Properties, id: string): void =>
    definitionParts.putRequestValidator(text(properties, 'RestApiId'), {
      id,
      name: text(properties, 'Name'),
      validateRequestBody: properties['ValidateRequestBody'] === true,
      validateRequestParameters: properties['ValidateRequestParameters'] === true,
    });
  return {
    replaceOn: ['RestApiId', 'Name'],
    create(_context, properties) {
      const id = newId(6);
      put(properties, id);
      return { physicalId: id, attributes: { RequestValidatorId: id } };
    },
    update(_context, id, properties) {
      put(properties, id);
      return { physicalId: id, attributes: { RequestValidatorId: id } };
    },
    delete: (_context, id, properties) =>
      definitionParts.deleteRequestValidator(text(properties, 'RestApiId'), id),
  };
}
